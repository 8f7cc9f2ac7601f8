#include "rehearsal/rehearsal.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "dsl/diagnostic_list.h"
#include "engine/waiting.h"
#include "rehearsal/other_runs.h"
#include "rehearsal/permits.h"
#include "rehearsal/refusal_name.h"
#include "rehearsal/workers.h"

namespace pawl::rehearsal {
namespace {

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) absl::StrAppend(&out, out.empty() ? "" : ", ", name);
  return out;
}

std::optional<TimeMs> earlier(std::optional<TimeMs> a, std::optional<TimeMs> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

class Play {
 public:
  Play(std::shared_ptr<const dsl::Definition> definition, const TestCase& test)
      : test_(test),
        run_(std::move(definition), test.at),
        workers_(test.tasks, &run_),
        others_(test, &run_),
        permits_(&run_) {}

  Outcome play() {
    start();
    bool exact = false;  // a step has said what time it is, nothing was done since
    for (std::size_t i = 0; i < test_.steps.size() && failures_.empty(); ++i) {
      const Step& step = test_.steps[i];
      at_ = absl::StrCat("step ", i + 1, ", line ", step.line);
      const auto* passes = std::get_if<TimePasses>(&step.what);
      if (passes == nullptr && !exact) finish_work();
      exact = passes != nullptr || (exact && std::holds_alternative<Expectation>(step.what));
      if (!failures_.empty()) break;
      if (passes != nullptr) pass(*passes);
      if (const auto* sent = std::get_if<SendCommand>(&step.what)) send(*sent);
      if (const auto* expected = std::get_if<Expectation>(&step.what)) expect(*expected);
    }
    at_ = "the end";
    if (failures_.empty() && !exact) finish_work();
    if (failures_.empty() && test_.run_out) run_out();
    if (test_.expect_line > 0) absl::StrAppend(&at_, ", line ", test_.expect_line);
    if (failures_.empty()) expect(test_.expect);
    return {std::move(failures_), test_.at, run_.history()};
  }

 private:
  void start() {
    at_ = absl::StrCat("the start, line ", test_.line);
    const engine::Decision decision = run_.start(test_.start, test_.sender);
    check_refusal(decision, test_.refused, "the start");
    if (run_.run() != nullptr) work();
  }

  void fail(std::string message, std::string hint = {}) {
    Difference failure;
    failure.at = at_;
    failure.what = std::move(message);
    failure.hint = std::move(hint);
    failures_.push_back(std::move(failure));
  }

  void expect(const Expectation& expected) {
    for (Difference& difference : compare(expected, run_, test_.at)) {
      difference.at = at_;
      failures_.push_back(std::move(difference));
    }
  }

  // `what` was refused, or was not, as the test says.
  void check_refusal(const engine::Decision& decision, const std::optional<std::string>& refused,
                     const std::string& what) {
    if (decision.refusal == engine::Refusal::none) {
      if (refused) fail(what + " was accepted, and should have been refused");
      return;
    }
    const std::string name = refusal_name(decision.refusal);
    std::string detail = name + ": " + decision.detail;
    if (!decision.accepted.empty()) detail += "; accepted now: " + listed(decision.accepted);
    if (!refused) {
      fail(what + " was refused (" + detail + ")", "refused = \"" + name + "\" expects that");
    } else if (!refused->empty() && *refused != name) {
      fail(what + " should have been refused as " + *refused + ", and was as " + detail);
    }
  }

  void send(const SendCommand& sending) {
    if (run_.run() == nullptr) return fail("there is no run: its start was refused");
    engine::Command command = sending.command;
    auto* move = std::get_if<engine::Move>(&command);
    if (move != nullptr && move->from.empty()) move->from = run_.run()->state();
    const engine::Decision decision = run_.send(command, sending.sender);
    const auto* signal = std::get_if<engine::Signal>(&command);
    check_refusal(decision, sending.refused,
                  signal != nullptr ? "signal " + dsl::quoted(signal->name)
                  : move != nullptr ? "the move to " + dsl::quoted(move->to)
                                    : "the command");
    work();
  }

  void work() {
    do {
      workers_.work();
    } while (!workers_.failure() && (others_.work() || permits_.work()));
    const AnswerFailure* failure = workers_.failure() ? &*workers_.failure() : others_.failure();
    if (failure != nullptr && failures_.empty()) {
      fail(failure->message, failure->hint);
      failures_.back().expected = failure->expected;
      failures_.back().actual = failure->actual;
    }
    if (run_.exhausted() && failures_.empty()) {
      fail(absl::StrCat("the run went on and on: a test ends after ", limits::kRehearsalEventsMax,
                        " events or ", limits::kRehearsalBytesMax >> 20, " MiB of them"));
    }
  }

  // The next thing that happens by itself, not later than `end`, and all that comes of it at once.
  bool happen(std::optional<TimeMs> end) {
    const std::optional<TimeMs> timer =
        stuck_ == run_.history().size() ? std::nullopt : run_.next_timer();
    const std::optional<TimeMs> answer =
        earlier(earlier(workers_.next_answer(), others_.next_answer()), permits_.next_grant());
    if (!failures_.empty() || (!timer && !answer)) return false;
    const TimeMs next = !timer ? *answer : !answer ? *timer : std::min(*timer, *answer);
    if (end && next > *end) return false;
    run_.set_now(next);
    work();
    // Answers first: what a worker sent in time comes before a timer of the same millisecond.
    const std::optional<TimeMs> due = run_.next_timer();
    if (failures_.empty() && due && *due <= run_.now()) {
      if (!run_.fire_timers()) stuck_ = run_.history().size();
      work();
    }
    return failures_.empty();
  }

  void finish_work() {
    while ((workers_.under_way() || others_.under_way() || permits_.next_grant()) &&
           happen(std::nullopt)) {
    }
  }

  void run_out() {
    while (run_.run() != nullptr && !run_.run()->closed() && happen(std::nullopt)) {
    }
  }

  void pass(const TimePasses& passes) {
    const TimeMs end = passes.until ? *passes.until : TimeMs(run_.now().v + passes.ms);
    if (end < run_.now()) return fail("`until` is in the past: time never goes back");
    while (happen(end)) {
    }
    run_.set_now(end);
  }

  const TestCase& test_;
  VirtualRun run_;
  Workers workers_;
  OtherRuns others_;
  Permits permits_;
  std::string at_;
  std::vector<Difference> failures_;
  // The history's length when its due timers could not fire: they wait for an outcome that a pause
  // holds.
  std::size_t stuck_ = 0;
};

}  // namespace

Outcome run_test(std::shared_ptr<const dsl::Definition> definition, const TestCase& test) {
  return Play(std::move(definition), test).play();
}

}  // namespace pawl::rehearsal
