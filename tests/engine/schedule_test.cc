// What schedules decide: tests/scripts/schedules/*.txt (script_file.h). Commands:
//
//   define                a definition with one schedule follows; it is deployed at the moment the
//                         script has reached
//   tick TIME [busy]      decides until there is nothing more to decide; a run is open (busy) or
//   none answer TIME ok|REASON the start of the firing for TIME was answered pause, resume,
//   trigger, backfill FROM TO
//
// Every event is folded, and what comes of it goes through bytes and back.
#include <boost/test/unit_test.hpp>
#include <map>
#include <memory>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/random.h"
#include "dsl/expression.h"
#include "engine/catalog.h"
#include "engine/decide_schedule.h"
#include "engine/scope.h"
#include "script_file.h"

namespace pawl::engine {
namespace {

TimeMs time_of(const std::string& text) {
  dsl::Timestamp t;
  BOOST_REQUIRE_MESSAGE(dsl::parse_timestamp(text, &t), text);
  return TimeMs(t.seconds * 1000 + t.nanos / 1'000'000);
}

std::string text_of(TimeMs time) { return dsl::to_string(timestamp_of(time)); }

class Clockwork {
 public:
  std::string run(const ScriptStep& step) {
    std::istringstream words(step.command);
    std::string command, first, second;
    words >> command >> first;
    std::getline(words >> std::ws, second);
    if (command == "define") return define(step.body);
    if (command == "tick") return tick(time_of(first), second == "busy");
    if (command == "answer") return answer(time_of(first), second);
    if (command == "pause") return apply(SchedulePaused{name(), "", now_, {}});
    if (command == "resume") return apply(ScheduleResumed{name(), "", now_, {}});
    if (command == "trigger") return apply(decide_trigger(state(), now_));
    if (command == "backfill") {
      bool all = false;
      const ScheduleDecided event =
          decide_backfill(schedule(), state(), time_of(first), time_of(second), now_, &all);
      return all ? apply(event) : "too many\n";
    }
    BOOST_FAIL("no command: " + step.command);
    return "";
  }

 private:
  const dsl::Schedule& schedule() const { return definition_->schedules.front(); }
  std::string name() const { return schedule_name(definition_->name, schedule().name); }
  const ScheduleState& state() const { return *catalog_.schedules().find(name()); }

  std::string define(const std::string& text) {
    const dsl::ParsedDefinition parsed = dsl::parse_definition(text);
    for (const auto& d : parsed.diagnostics) {
      BOOST_REQUIRE_MESSAGE(d.severity != dsl::Severity::error, d.message);
    }
    definition_ = parsed.definition;
    BOOST_REQUIRE(definition_ != nullptr && definition_->schedules.size() == 1);
    const ScheduleState* known = catalog_.schedules().find(name());
    const Digest times = times_digest(schedule());
    if (known != nullptr && known->times == times) return "as it was\n";
    return apply(ScheduleSet{definition_->name, schedule().name, times, now_, {}});
  }

  std::string tick(TimeMs now, bool busy) {
    now_ = now;
    std::string out;
    bool asked = false;
    for (int i = 0; i < 1'000; ++i) {
      std::optional<bool> known;
      if (asked) known = busy;
      const ScheduleVerdict verdict = decide_schedule(schedule(), 1, state(), now_, known);
      BOOST_REQUIRE(!(verdict.wants_busy && asked));
      if (verdict.wants_busy) {
        asked = true;
        continue;
      }
      asked = false;
      if (verdict.ends_others) out += "ends the others\n";
      if (!verdict.event) {
        if (verdict.wake) out += "wakes " + text_of(*verdict.wake) + "\n";
        return out + summary();
      }
      BOOST_REQUIRE(catalog_.apply(ScheduleEvent(*verdict.event)));
      check_bytes();
      out += describe(*verdict.event);
    }
    BOOST_FAIL("it never ends");
    return out;
  }

  std::string answer(TimeMs at, const std::string& what) {
    FiringOutcome outcome{at, at, 1, FiringEnd::started, "", "", now_};
    if (what != "ok") {
      outcome.end = FiringEnd::refused;
      outcome.detail = what;
    }
    return apply(ScheduleAnswered{name(), outcome});
  }

  template <class Event>
  std::string apply(const Event& event) {
    if (!catalog_.apply(ScheduleEvent(event))) return "does not fit\n";
    check_bytes();
    return summary();
  }

  void check_bytes() const {
    std::string bytes;
    catalog_.encode(&bytes);
    Catalog again;
    BOOST_REQUIRE(again.decode(bytes));
    BOOST_CHECK(again == catalog_);
  }

  static std::string describe(const ScheduleDecided& e) {
    std::string out;
    for (const TimeMs at : e.removed) out += "waits no longer: " + text_of(at) + "\n";
    for (const FiringOutcome& o : e.ended) {
      out += absl::StrCat(std::string(enum_name(o.end)), ": ", text_of(o.at));
      if (o.count > 1) absl::StrAppend(&out, " to ", text_of(o.through), ", ", o.count);
      out += (o.detail.empty() ? "" : " " + o.detail) + "\n";
    }
    if (e.added.size() > 8) {
      absl::StrAppend(&out, "waits: ", text_of(e.added.front().at), " to ",
                      text_of(e.added.back().at), ", ", e.added.size(), "\n");
    } else {
      for (const WaitingFiring& w : e.added) out += "waits: " + text_of(w.at) + "\n";
    }
    if (e.fired) {
      dsl::Value input;
      BOOST_REQUIRE(dsl::Value::decode(e.fired->input, &input));
      absl::StrAppend(&out, "fires: ", text_of(e.fired->at), " ", e.fired->run_id, " ",
                      input.debug_string(), "\n");
    }
    return out;
  }

  std::string summary() const {
    const ScheduleState& s = state();
    return absl::StrCat("-> until ", text_of(s.until), s.pause ? " paused" : "",
                        " waiting=", s.waiting.size(), " starting=", s.starting.size(),
                        " started=", s.started, " refused=", s.refused, " skipped=", s.skipped,
                        "\n");
  }

  std::shared_ptr<const dsl::Definition> definition_;
  Catalog catalog_;
  TimeMs now_ = time_of("2026-11-23T08:00:00Z");
};

BOOST_AUTO_TEST_SUITE(schedules)

BOOST_AUTO_TEST_CASE(scripts) {
  play_scripts("tests/scripts/schedules", 8, [] {
    const auto clockwork = std::make_shared<Clockwork>();
    return [clockwork](const ScriptStep& step) { return clockwork->run(step); };
  });
}

// A thousand random lives of each policy: each moment of the expression ends exactly once, in
// order of its being decided; and as long as something is open nothing starts but with allow_all.
BOOST_AUTO_TEST_CASE(each_firing_ends_once) {
  const std::vector<std::string> overlaps = {"skip",         "buffer_one",      "buffer_all",
                                             "cancel_other", "terminate_other", "allow_all"};
  const std::vector<std::string> missed = {"latest", "all", "none"};
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    Random random(seed);
    const std::string& overlap = overlaps[random.below(overlaps.size())];
    const std::string text = absl::StrCat(
        "dsl = 1\nname = \"w\"\n[state.a]\nend = \"completed\"\n[schedule.s]\n",
        random.chance(0.5) ? "every = \"90s\"\njitter = \"40s\"\n" : "cron = \"*/3 * * * *\"\n",
        "overlap = \"", overlap, "\"\nmissed = \"", missed[random.below(missed.size())],
        "\"\ncatchup = \"2h\"\n");
    const auto definition = dsl::parse_definition(text).definition;
    BOOST_REQUIRE(definition != nullptr);
    const dsl::Schedule& schedule = definition->schedules.front();
    Catalog catalog;
    TimeMs now(1'800'000'000'000 + static_cast<std::int64_t>(random.below(100'000)));
    const TimeMs begun = now;
    BOOST_REQUIRE(
        catalog.apply(ScheduleEvent(ScheduleSet{"w", "s", times_digest(schedule), now, {}})));
    std::map<TimeMs, int> ends;
    const auto ended = [&](const FiringOutcome& o) {
      std::uint64_t count = 0;
      for (auto at = std::optional(o.at); at && *at <= o.through; at = next_firing(schedule, *at)) {
        ++ends[*at];
        ++count;
      }
      BOOST_TEST(count == o.count);
    };
    for (int step = 0; step < 60; ++step) {
      now.v += static_cast<std::int64_t>(random.below(random.chance(0.1) ? 20'000'000 : 200'000));
      const bool busy = random.chance(0.5);
      for (int i = 0;; ++i) {
        BOOST_REQUIRE(i < 1'000);
        const ScheduleState& state = *catalog.schedules().find("w.s");
        const ScheduleVerdict verdict = decide_schedule(schedule, 1, state, now, busy);
        BOOST_REQUIRE(!verdict.wants_busy);
        if (!verdict.event) break;
        if (verdict.event->fired) {
          BOOST_TEST((overlap == "allow_all" || (!busy && state.starting.empty())));
          BOOST_TEST(verdict.event->fired->at.v <= now.v);
        }
        for (const FiringOutcome& o : verdict.event->ended) ended(o);
        BOOST_REQUIRE(catalog.apply(ScheduleEvent(*verdict.event)));
      }
      const std::vector<Firing> starting = catalog.schedules().find("w.s")->starting;
      for (const Firing& firing : starting) {
        if (!random.chance(0.7)) continue;
        FiringOutcome outcome{firing.at, firing.at, 1, FiringEnd::started, firing.run_id, "", now};
        ended(outcome);
        BOOST_REQUIRE(catalog.apply(ScheduleEvent(ScheduleAnswered{"w.s", outcome})));
      }
    }
    const ScheduleState& state = *catalog.schedules().find("w.s");
    for (const WaitingFiring& w : state.waiting) ++ends[w.at];
    for (const Firing& f : state.starting) ++ends[f.at];
    std::size_t moments = 0;
    for (auto at = next_firing(schedule, begun); at && *at <= state.until;
         at = next_firing(schedule, *at), ++moments) {
      BOOST_TEST(ends[*at] == 1);
    }
    BOOST_TEST(ends.size() == moments);
  }
}

BOOST_AUTO_TEST_CASE(damaged_bytes_are_refused) {
  Catalog catalog;
  BOOST_REQUIRE(catalog.apply(ScheduleEvent(ScheduleSet{"w", "s", {}, TimeMs(5), {}})));
  ScheduleDecided decided{"w.s",
                          TimeMs(9),
                          TimeMs(9),
                          {},
                          {{TimeMs(7), true}, {TimeMs(8), false}},
                          Firing{TimeMs(9), 1, 1, "w.s-9", "x"},
                          {{TimeMs(6), TimeMs(6), 1, FiringEnd::missed, "", "", TimeMs(9)}}};
  BOOST_REQUIRE(catalog.apply(ScheduleEvent(decided)));
  std::string bytes;
  catalog.encode(&bytes);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    Catalog cut;
    if (cut.decode(bytes.substr(0, n))) BOOST_CHECK(!(cut == catalog));
  }
  // What does not fit changes nothing.
  const Catalog before = catalog;
  BOOST_CHECK(!catalog.apply(ScheduleEvent(decided)));  // they wait already
  BOOST_CHECK(!catalog.apply(ScheduleEvent(ScheduleGone{"w.t"})));
  BOOST_CHECK(!catalog.apply(ScheduleEvent(ScheduleResumed{"w.s", "", TimeMs(9), {}})));
  decided = ScheduleDecided{"w.s", TimeMs(8), TimeMs(9), {}, {}, {}, {}};
  BOOST_CHECK(!catalog.apply(ScheduleEvent(decided)));  // it goes back
  decided = ScheduleDecided{"w.s", TimeMs(9), TimeMs(9), {TimeMs(3)}, {}, {}, {}};
  BOOST_CHECK(!catalog.apply(ScheduleEvent(decided)));  // it does not wait
  FiringOutcome outcome{TimeMs(4), TimeMs(4), 1, FiringEnd::started, "", "", TimeMs(9)};
  BOOST_CHECK(!catalog.apply(ScheduleEvent(ScheduleAnswered{"w.s", outcome})));
  BOOST_CHECK(catalog == before);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::engine
