#include "rehearsal/replay.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "codecs/event_json.h"
#include "codecs/json.h"
#include "engine/decide.h"
#include "engine/event_checkpoint.h"
#include "engine/evolve.h"
#include "rehearsal/recorded_event.h"
#include "rehearsal/refusal_name.h"
#include "rehearsal/virtual_run.h"

namespace pawl::rehearsal {
namespace {

using engine::Command;
using engine::Decision;

// The first numbers drawn from these are next to 0 and 1: the ends of a jitter.
constexpr std::uint64_t kLowSeed = 15'115'159, kHighSeed = 8'280'086;
constexpr std::int64_t kJitterSlackMs = 2;

dsl::Value json_of(const engine::Event& event, Seq seq, TimeMs at) {
  std::string text;
  codecs::append_event(event, seq, at, {}, &text);
  dsl::Value value;
  codecs::JsonError error;
  return codecs::parse_json(text, &value, &error) ? value : dsl::Value();
}

// Which definition and version it was is what a replay changes; the bytes are of the record alone,
// and where other runs' ids belong is of the store. A new generation holds all that the run is made
// of, hashes with salts among it: what it is given anew is compared here, all else by what follows.
bool is_compared(const std::string& type, const std::string& field) {
  if (field == "body" || field == "cursor") return false;
  if (type == "call.started" || type == "signal.sent") return field != "to";
  if (type == "run.renewed") {
    return field == "type" || field == "seq" || field == "at" || field == "generation" ||
           field == "before" || field == "why" || field == "reason" || field == "actor";
  }
  return type != "run.started" || (field != "definition" && field != "version");
}

dsl::Value renewed_input(const dsl::Value& event) {
  const dsl::Value identity = RecordedEvent(event).value("identity");
  return RecordedEvent(identity).value("input");
}

bool alike(const dsl::Value& recorded, const dsl::Value& decided) {
  if (recorded.kind() != dsl::Kind::map || decided.kind() != dsl::Kind::map) return false;
  const std::string type = RecordedEvent(recorded).type();
  const auto covers = [&](const dsl::Value& a, const dsl::Value& b) {
    for (const auto& [key, value] : a.as_map()) {
      if (key.kind() != dsl::Kind::string || !is_compared(type, key.as_string())) continue;
      const dsl::Value* other = b.field(key.as_string());
      if (other == nullptr || !(*other == value)) return false;
    }
    return true;
  };
  if (type == "run.renewed" && !(renewed_input(recorded) == renewed_input(decided))) return false;
  return covers(recorded, decided) && covers(decided, recorded);
}

// One definition's run, as it is decided again.
class Track {
 public:
  explicit Track(std::shared_ptr<const dsl::Definition> definition)
      : definition_(std::move(definition)) {}

  const dsl::Definition& definition() const { return *definition_; }
  const engine::Run* run() const { return run_.get(); }

  // What the run is after these events is kept: it is reset to them.
  void keep_pasts(std::set<Seq> wanted) { wanted_ = std::move(wanted); }
  bool has_past(Seq seq) const { return pasts_.contains(seq); }

  Decision decide(const RecordedEvent& first, const Command& command, TimeMs now,
                  std::uint64_t seed = kMiddleSeed) const {
    engine::Context context;
    context.now = now;
    context.seed = seed;
    context.actor = first.actor();
    context.definition = definition_.get();
    context.run_groups = 1;
    if (const auto* start = std::get_if<engine::Start>(&command)) {
      const RunUid uid{GroupId(static_cast<std::uint16_t>(first.number("group"))),
                       Index(first.number("index"))};
      return engine::decide_start(uid, *start, context);
    }
    if (const auto* signal = std::get_if<engine::Signal>(&command)) {
      const dsl::SignalSpec* spec = definition_->signal(signal->name);
      if (spec != nullptr) context.actor_groups = spec->groups;
    }
    if (const auto* reset = std::get_if<engine::Reset>(&command)) {
      return engine::decide(*run_, engine::Reset{reset->to, reset->reason, pasts_.at(reset->to)},
                            context);
    }
    return engine::decide(*run_, command, context);
  }

  // Retries begin when the record says, other runs are where it says: changes the decision's
  // events. False if it says something that no draw gives.
  bool take_draws(const std::vector<dsl::Value>& recorded, std::size_t at, const Command& command,
                  TimeMs now, Decision* decision) {
    bool first = true;
    for (std::size_t i = 0; i < decision->events.size() && at + i < recorded.size(); ++i) {
      take_group(RecordedEvent(recorded[at + i]), &decision->events[i]);
      auto* failed = std::get_if<engine::TaskFailed>(&decision->events[i]);
      if (failed == nullptr || !failed->retry_at) continue;
      const std::optional<TimeMs> retry_at = RecordedEvent(recorded[at + i]).time("retry_at");
      if (retry_at && *retry_at != *failed->retry_at) {
        if (*retry_at < now) return false;
        if (first && !within_jitter(recorded[at], command, now, i, *retry_at)) return false;
        failed->retry_at = retry_at;
        for (engine::Timer& timer : failed->timers) timer.fire_at = *retry_at;
        drawn_ = true;
      }
      first = false;
    }
    return true;
  }

  // The decision has happened.
  void keep(Decision decision, TimeMs now) {
    if (std::exchange(drawn_, false)) {
      auto next =
          run_ == nullptr ? std::make_shared<engine::Run>() : std::make_shared<engine::Run>(*run_);
      for (const engine::Event& event : decision.events) fold(event, now, next.get());
      run_ = std::move(next);
    } else if (decision.after != nullptr) {
      run_ = std::move(decision.after);
    }
    keep_past();
  }

  // Continues as new, whatever the definition's [history] says: when is of no consequence.
  std::uint32_t continue_as_new(TimeMs now) {
    auto next = std::make_shared<engine::Run>(*run_);
    const engine::Shared<engine::RunPermits> permits = run_->tree->permits;
    if (engine::is_empty(*run_->tree)) {
      fold(engine::checkpoint_of(*run_), now, next.get());
    } else {
      fold(engine::renewal_of(*run_, engine::parts_of(*run_), engine::Renewal::history), now,
           next.get());
    }
    if (const auto carried = engine::carried_permits(*permits, *next)) {
      fold(*carried, now, next.get());
    }
    run_ = std::move(next);
    keep_past();
    return run_->generation;
  }

 private:
  void keep_past() {
    if (run_ != nullptr && wanted_.contains(run_->seq)) pasts_[run_->seq] = run_;
  }

  // Where another run belongs is of the store that recorded it.
  void take_group(const RecordedEvent& recorded, engine::Event* event) {
    const auto take = [&](const char* type, GroupId* to) {
      const GroupId group(static_cast<std::uint16_t>(recorded.number("to")));
      if (recorded.type() != type || group == *to) return;
      *to = group;
      drawn_ = true;
    };
    if (auto* call = std::get_if<engine::CallStarted>(event)) take(call->kName, &call->to);
    if (auto* sent = std::get_if<engine::SignalSent>(event)) take(sent->kName, &sent->to);
  }

  void fold(const engine::Event& event, TimeMs now, engine::Run* run) {
    const bool fits = engine::evolve(run, event, now, &scratch_);
    PAWL_CHECK(fits);
  }

  bool within_jitter(const dsl::Value& first, const Command& command, TimeMs now, std::size_t at,
                     TimeMs retry_at) const {
    const auto drawn = [&](std::uint64_t seed) -> std::optional<TimeMs> {
      const Decision decision = decide(RecordedEvent(first), command, now, seed);
      if (at >= decision.events.size()) return std::nullopt;
      const auto* failed = std::get_if<engine::TaskFailed>(&decision.events[at]);
      return failed == nullptr ? std::nullopt : failed->retry_at;
    };
    const std::optional<TimeMs> low = drawn(kLowSeed), high = drawn(kHighSeed);
    return low && high && low->v - kJitterSlackMs <= retry_at.v &&
           retry_at.v <= high->v + kJitterSlackMs;
  }

  std::shared_ptr<const dsl::Definition> definition_;
  std::shared_ptr<engine::Run> run_;
  std::set<Seq> wanted_;
  std::map<Seq, std::shared_ptr<const engine::Run>> pasts_;
  engine::HashScratch scratch_;
  bool drawn_ = false;  // the decision to be kept has something of the record in it
};

class Replay {
 public:
  Replay(const Recording& recording, std::shared_ptr<const dsl::Definition> definition)
      : events_(recording.events), candidate_(definition) {
    if (!events_.empty()) version_ = RecordedEvent(events_[0]).number("version");
    if (recording.original != nullptr && recording.original->hash != definition->hash) {
      original_.emplace(recording.original);
    }
    std::set<Seq> reset_to;
    for (const dsl::Value& event : events_) {
      const RecordedEvent x(event);
      if (x.type() == "run.reset") reset_to.insert(Seq(x.number("to")));
    }
    if (original_) original_->keep_pasts(reset_to);
    candidate_.keep_pasts(std::move(reset_to));
  }

  ReplayResult run() {
    if (!check_record()) return std::move(result_);
    while (at_ < events_.size() && step()) {
    }
    result_.events = at_;
    return std::move(result_);
  }

 private:
  bool impossible(std::string what) {
    result_.kind = ReplayResult::Kind::impossible;
    result_.what = std::move(what);
    return false;
  }

  bool check_record() {
    if (events_.empty()) return impossible("the history has no events");
    for (std::size_t i = 0; i < events_.size(); ++i) {
      const RecordedEvent event(events_[i]);
      if (event.type() == "run.data_deleted") return impossible("the run's data was deleted");
      const std::optional<TimeMs> at = event.time("at");
      if (!at) return impossible(absl::StrCat("event ", i + 1, " has no time"));
      if (i > 0 && *at < now_) return impossible(absl::StrCat("time goes back at seq ", i + 1));
      now_ = *at;
      if (event.seq() != Seq(i + 1)) {
        return impossible(
            i == 0 ? "the history does not begin with the run's start: what was before is not there"
                   : absl::StrCat("the events between seq ", i, " and ", event.seq().v,
                                  " are not there"));
      }
    }
    return RecordedEvent(events_[0]).type() == "run.started" ||
           impossible("the history does not begin with run.started");
  }

  // One decision; false at the first difference.
  bool step() {
    const RecordedEvent first(events_[at_]);
    now_ = *first.time("at");
    const bool by_itself = first.type() == "run.renewed" && first.text("why") == "history";
    if (by_itself || first.type() == "run.continued") return continue_as_new(first);
    std::optional<Command> command = read_command(first);
    if (!command || (at_ == 0) != std::holds_alternative<engine::Start>(*command)) {
      return differs(at_, {}, "nothing more comes of what was before");
    }
    if (!check_renewal(first, *command) || !learn(first, &*command)) return false;
    Decision decision = candidate_.decide(first, *command, now_);
    if (!compare(first, *command, &decision)) return false;
    at_ += decision.events.size();
    candidate_.keep(std::move(decision), now_);
    return true;
  }

  // What the run knows and the event does not say is filled in.
  std::optional<Command> read_command(const RecordedEvent& first) const {
    const dsl::Value* next = at_ + 1 < events_.size() ? &events_[at_ + 1] : nullptr;
    std::optional<Command> command = command_of(first, next);
    if (at_ == 0) return command;
    const engine::Run& run = *candidate_.run();
    if (!command && engine::wants_renewal(run, candidate_.definition())) {
      return engine::Checkpoint{};  // its `continue` failed, and that was taken
    }
    if (!command) return command;
    if (auto* taken = std::get_if<engine::TakePermit>(&*command); taken != nullptr) {
      const engine::LimitedTask* task = engine::task_of_permit(*run.tree->permits, taken->permit);
      if (task == nullptr) return std::nullopt;
      const engine::TaskLimit& limit = task->limits[taken->permit - task->first];
      taken->limit = limit.limit;
      taken->key = limit.key;
    }
    if (auto* lost = std::get_if<engine::LoseLease>(&*command); lost != nullptr) {
      const engine::Step* step = run.step(lost->step);
      if (lost->attempt == 0 && step != nullptr) lost->attempt = step->attempt;
    }
    const auto* answer = std::get_if<engine::AnswerCall>(&*command);
    const engine::OpenCall* call = answer == nullptr ? nullptr : run.call(answer->call);
    if (call == nullptr) return command;
    if (call->is_signal) return engine::AnswerSignal{answer->call, answer->error};
    if (!answer->error && answer->group != call->to) return std::nullopt;  // no such run is called
    return command;
  }

  // Another version's definition is not at hand.
  bool check_renewal(const RecordedEvent& first, const Command& command) {
    if (first.type() != "run.renewed") return true;
    const auto* reset = std::get_if<engine::Reset>(&command);
    const auto lacks = [&](const Track& track) { return !track.has_past(reset->to); };
    if (reset != nullptr && (lacks(candidate_) || (original_ && lacks(*original_)))) {
      return impossible(absl::StrCat("the run was reset at seq ", first.seq().v, " to event ",
                                     reset->to.v, ", and no decision ended there"));
    }
    const dsl::Value identity = first.value("identity");
    const std::uint64_t version = RecordedEvent(identity).number("version");
    if (version_ == 0 || version == version_) return true;
    return impossible(absl::StrCat("the run went on with version ", version, " at seq ",
                                   first.seq().v, ": the history is of two definitions"));
  }

  bool continue_as_new(const RecordedEvent& event) {
    if (candidate_.run()->closed()) return differs(at_, {}, "the run is closed");
    if (original_) original_->continue_as_new(now_);
    const std::uint32_t generation = candidate_.continue_as_new(now_);
    if (generation != event.number("generation")) {
      return impossible(
          absl::StrCat("a generation before ", event.number("generation"), " is not there"));
    }
    ++at_;
    // What goes on of the permits is folded with it.
    if (at_ < events_.size() && RecordedEvent(events_[at_]).type() == "permits.carried") ++at_;
    return true;
  }

  // What the events leave out: whether a worker said that its error may be retried. Whichever
  // makes the record come true under the definition that it was made by.
  bool learn(const RecordedEvent& first, Command* command) {
    Track& track = original_ ? *original_ : candidate_;
    auto* failed = std::get_if<engine::FailTask>(command);
    if (failed != nullptr && !failed->retryable && first.type() == "task.failed") {
      for (const std::optional<bool> said :
           {std::optional<bool>(), std::optional<bool>(true), std::optional<bool>(false)}) {
        failed->retryable = said;
        if (is_recorded(track, first, *command)) break;
        failed->retryable.reset();
      }
    }
    if (!original_) return true;
    Decision decision = original_->decide(first, *command, now_);
    original_->take_draws(events_, at_, *command, now_, &decision);
    if (decision.events.empty() || !is_prefix(decision)) {
      return impossible(absl::StrCat("the history was not made by the definition it names: seq ",
                                     first.seq().v, ", ", first.type()));
    }
    original_->keep(std::move(decision), now_);
    return true;
  }

  // Whether the decision retries as the record does; the rest is compared later.
  bool is_recorded(const Track& track, const RecordedEvent& first, const Command& command) const {
    const Decision decision = track.decide(first, command, now_);
    if (decision.events.empty()) return false;
    const auto* failed = std::get_if<engine::TaskFailed>(&decision.events[0]);
    return failed != nullptr && failed->retry_at.has_value() == first.has("retry_at");
  }

  bool is_prefix(const Decision& decision) const {
    for (std::size_t i = 0; i < decision.events.size(); ++i) {
      if (at_ + i >= events_.size() || !alike(events_[at_ + i], json(decision, i))) return false;
    }
    return true;
  }

  dsl::Value json(const Decision& decision, std::size_t i) const {
    return json_of(decision.events[i], Seq(at_ + i + 1), now_);
  }

  bool compare(const RecordedEvent& first, const Command& command, Decision* decision) {
    if (decision->refusal != engine::Refusal::none) {
      return differs(
          at_, {},
          absl::StrCat("refused: ", refusal_name(decision->refusal), ": ", decision->detail));
    }
    if (decision->events.empty()) return differs(at_, {}, "nothing comes of it");
    if (!candidate_.take_draws(events_, at_, command, now_, decision)) {
      return differs(at_, json(*decision, 0), "the retry is at another time");
    }
    for (std::size_t i = 0; i < decision->events.size(); ++i) {
      const dsl::Value decided = json(*decision, i);
      if (at_ + i >= events_.size()) return differs(at_ + i, decided, "more comes of it");
      if (!alike(events_[at_ + i], decided)) {
        const bool other = RecordedEvent(decided).type() != RecordedEvent(events_[at_ + i]).type();
        return differs(at_ + i, decided,
                       other ? "something else comes of it" : "its fields differ");
      }
    }
    return true;
  }

  bool differs(std::size_t at, dsl::Value decided, std::string what) {
    result_.kind = ReplayResult::Kind::differs;
    result_.seq = Seq(at + 1);
    result_.what = std::move(what);
    if (at < events_.size()) result_.recorded = events_[at];
    result_.decided = std::move(decided);
    if (candidate_.run() == nullptr) return false;
    result_.state = candidate_.run()->state();
    const dsl::State* state = candidate_.definition().root.find(result_.state);
    if (state != nullptr) result_.line = state->line;
    return false;
  }

  const std::vector<dsl::Value>& events_;
  Track candidate_;
  std::optional<Track> original_;
  std::uint64_t version_ = 0;  // the run began with; 0: not known
  std::size_t at_ = 0;
  TimeMs now_;
  ReplayResult result_;
};

}  // namespace

ReplayResult replay(const Recording& recording, std::shared_ptr<const dsl::Definition> definition) {
  return Replay(recording, std::move(definition)).run();
}

}  // namespace pawl::rehearsal
