#include "tests/node/chronicle.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "codecs/entry.h"
#include "engine/event.h"
#include "engine/event_bytes.h"
#include "tests/log/journal_model.h"

namespace pawl::node {
namespace {

using engine::StepId;

std::int64_t number_in(const dsl::Value& value, std::string_view name) {
  const dsl::Value* number = value.field(name);
  return number != nullptr && number->kind() == dsl::Kind::int64 ? number->as_int() : 0;
}

enum class Stage { queued, started, backoff, failed, held, over, withdrawn };

struct Task {
  Stage stage = Stage::queued;
  std::uint32_t attempt = 0;
  std::uint32_t used = 0;
  bool held_completion = false;
};

struct History {
  RunUid uid;
  std::map<StepId, Task> tasks;
  std::map<std::uint64_t, std::int64_t> adds;        // by the signal's number
  std::map<Seq, std::set<std::int64_t>> adds_after;  // all that it has been sent, after each event
  std::set<std::int64_t> waiting;                    // of a reset: those that no one has taken yet
  std::string state;
  TimeMs entered;
  Index last_entry;
  Seq seq;
  bool paused = false, closed = false;
  TimeMs closed_at;
  std::vector<TimeMs> generations;  // when each before the present one was closed
  std::uint32_t forgotten_through = 0;
};

// One event of one run at a time; the first broken rule is kept.
class Scribe final : public log::RecoverySink {
 public:
  Scribe(std::uint32_t attempts, std::int64_t nap_ms) : attempts_(attempts), nap_ms_(nap_ms) {}
  Chronicle told;

  absl::Status on_hard_state(GroupId, const log::HardState&) override { return absl::OkStatus(); }

  absl::Status on_entry(GroupId group, Term, Index index, std::string_view payload) override {
    if (payload.empty()) return absl::OkStatus();
    codecs::Entry entry;
    std::string error;
    if (!codecs::decode_entry(payload, &entry, &error)) return absl::DataLossError(error);
    if (entry.receive.number > 0) {
      ++told.receipts;
      const bool first = received_.emplace(entry.receive_from, group, entry.receive.number).second;
      if (!first) broken("a message of another group took effect twice");
    }
    for (const auto& [run, through] : entry.forgets_generations) {
      forget_generations({group, run}, through, entry.time);
    }
    for (const Index run : entry.forgets) forget({group, run}, entry.time);
    if (entry.events.empty()) return absl::OkStatus();
    std::vector<engine::Event> events;
    if (auto s = engine::decode_events(entry.events, nullptr, entry.first_seq, &events); !s.ok()) {
      return s;
    }
    History& run = runs_[{group, entry.run}];
    run.uid = {group, entry.run};
    const bool continued = engine::generation_begun(events.front()).has_value();
    if (entry.previous != (continued ? Index(0) : run.last_entry) ||
        entry.first_seq != run.seq.next()) {
      broken("an entry does not name the run's entry before it");
    }
    run.last_entry = index;
    at_ = entry.time;
    run_ = &run;
    if (told.forgotten.contains(run.uid)) broken("an event of a run that was forgotten");
    for (const engine::Event& event : events) {
      run.seq = run.seq.next();
      ++told.events;
      const bool late = std::holds_alternative<engine::TaskReleased>(event) ||
                        std::holds_alternative<engine::RunDataDeleted>(event) ||
                        std::holds_alternative<engine::RunRenewed>(event);
      if (run.closed && !late) {
        broken(absl::StrCat(engine::event_name(event), " in a closed run"));
      }
      std::visit([this](const auto& e) { on(e); }, event);
      run.adds_after[run.seq] = told.adds_of[run.uid];
    }
    return absl::OkStatus();
  }

 private:
  template <class E>
  void on(const E&) {}

  void on(const engine::RunStarted& e) {
    ++told.starts[number_in(e.input.value, "n")];
    told.adds_of[run_->uid];
  }
  void on(const engine::SignalReceived& e) {
    if (e.name != "add") return;
    const std::int64_t n = number_in(e.payload.value, "id");
    ++told.adds[n];
    told.adds_of[run_->uid].insert(n);
    run_->adds[e.number] = n;
  }
  // Held while the run was paused, and of no use to the state it was in then: before its start.
  void on(const engine::SignalExpired& e) {
    const auto add = run_->adds.find(e.number);
    if (add != run_->adds.end()) told.adds_of[run_->uid].erase(add->second);
  }
  void on(const engine::StateEntered& e) {
    if (run_->state == "nap" && e.cause == engine::Cause::next &&
        at_.v < run_->entered.v + nap_ms_) {
      broken("a timer fired before its time");
    }
    run_->state = e.state;
    run_->entered = at_;
    withdraw_all();
  }
  void on(const engine::RunPaused&) { run_->paused = true; }
  void on(const engine::RunResumed&) { run_->paused = false; }
  void on(const engine::RunClosed&) {
    run_->closed = true;
    run_->closed_at = at_;
    withdraw_all();
  }
  // Everything is as it was.
  void on(const engine::RunContinued& e) {
    ++told.continued;
    run_->generations.push_back(at_);
    if (e.generation != run_->generations.size() + 1) broken("a generation is left out");
    if (e.parts->frames.front().state != run_->state)
      broken("a new generation is in another state");
    const bool paused = e.parts->status == engine::RunStatus::paused;
    if (paused != run_->paused) broken("a new generation has another status");
    std::size_t open = 0;
    for (const auto& [id, task] : run_->tasks) {
      open += task.stage != Stage::over && task.stage != Stage::withdrawn ? 1 : 0;
    }
    for (const engine::Step& step : e.parts->steps) {
      const Task& task = run_->tasks[step.id];
      const bool withdrawn = step.status == engine::StepStatus::withdrawn;
      open -= withdrawn ? 0 : 1;
      if (step.attempt != task.attempt) broken("a task has another attempt in a new generation");
      if (withdrawn != (task.stage == Stage::withdrawn) ||
          (step.status == engine::StepStatus::started) != (task.stage == Stage::started)) {
        broken("a task is at another stage in a new generation");
      }
    }
    if (open != 0) broken("a new generation lost a task, or has one more");
  }
  // It is what it was after an event before, but for the tasks that workers have: those it had then
  // are others now.
  void on(const engine::RunRenewed& e) {
    if (e.why != engine::Renewal::reset) return broken("a generation begins without a reason");
    ++told.resets;
    run_->generations.push_back(at_);
    if (e.generation != run_->generations.size() + 1) broken("a generation is left out");
    run_->state = e.parts->frames.front().state;
    run_->entered = e.parts->frames.front().entered_at;
    run_->paused = e.parts->status == engine::RunStatus::paused;
    run_->closed = false;
    std::map<StepId, Task> before = std::exchange(run_->tasks, {});
    for (const engine::Step& step : e.parts->steps) {
      const auto known = before.find(step.id);
      if (step.status == engine::StepStatus::withdrawn) {
        const bool out = known != before.end() && (known->second.stage == Stage::started ||
                                                   known->second.stage == Stage::withdrawn);
        if (!out) broken("a reset withdraws a task that nobody has");
        continue;
      }
      if (known != before.end()) broken("a reset gives a task the number of another one");
      if (step.status == engine::StepStatus::started) broken("a reset hands out a task");
      run_->tasks[step.id] = {stage_of(step.status), step.attempt, step.attempts_used(),
                              is_completed(*e.parts, step.id)};
    }
    for (auto& [id, task] : before) {
      if (task.stage != Stage::over) task.stage = Stage::withdrawn;
      run_->tasks.emplace(id, task);
    }
    run_->waiting.clear();
    for (const engine::WaitingSignal& signal : e.parts->signals) {
      if (signal.name == "add") run_->waiting.insert(run_->adds[signal.number]);
    }
  }
  void on(const engine::RunReset& e) {
    const auto then = run_->adds_after.find(e.to);
    if (then == run_->adds_after.end()) return broken("a reset to no event");
    std::set<std::int64_t>& adds = told.adds_of[run_->uid];
    adds = then->second;
    adds.insert(run_->waiting.begin(), run_->waiting.end());
  }
  static Stage stage_of(engine::StepStatus status) {
    switch (status) {
      case engine::StepStatus::backoff:
        return Stage::backoff;
      case engine::StepStatus::incident:
        return Stage::failed;
      case engine::StepStatus::held:
        return Stage::held;
      default:
        return Stage::queued;
    }
  }
  static bool is_completed(const engine::CheckpointParts& parts, StepId step) {
    return std::any_of(parts.held.begin(), parts.held.end(), [step](const engine::HeldOutcome& x) {
      return x.step == step && x.outcome == engine::Outcome::completed;
    });
  }
  void on(const engine::TaskScheduled& e) {
    if (!run_->tasks.emplace(e.step, Task{}).second) broken("a task was scheduled twice");
  }
  void on(const engine::TaskStarted& e) {
    Task& task = run_->tasks[e.step];
    if (task.stage != Stage::queued) broken("a task was handed out that was not queued");
    if (run_->paused) broken("a task of a paused run was handed out");
    if (e.attempt != task.attempt + 1) broken("an attempt has another number than the next");
    if (++task.used > attempts_) broken("a task had more attempts than its policy allows");
    task.attempt = e.attempt;
    task.stage = Stage::started;
    told.handed_out.insert({run_->uid.group, run_->uid.index, e.step, e.attempt});
  }
  void on(const engine::TaskReturned& e) {
    Task& task = run_->tasks[e.step];
    if (task.stage != Stage::started || task.attempt != e.attempt) {
      broken("a task was returned that was not out");
    }
    --task.used;
    task.stage = Stage::queued;
  }
  void on(const engine::OutcomeHeld& e) {
    Task& task = run_->tasks[e.step];
    if (!run_->paused) broken("an outcome was held by a run that is not paused");
    if (task.stage != Stage::started || task.attempt != e.attempt) {
      broken("an outcome of an older attempt was held");
    }
    task.stage = Stage::held;
    task.held_completion = e.outcome == engine::Outcome::completed;
    if (task.held_completion) ++told.outcomes[number_in(e.result.value, "m")];
  }
  void on(const engine::TaskCompleted& e) {
    Task& task = run_->tasks[e.step];
    const bool from_hold = task.stage == Stage::held && task.held_completion;
    if (task.stage == Stage::over) broken("a task was completed twice");
    if (task.stage != Stage::started && !from_hold) broken("a task was completed that was not out");
    if (task.attempt != e.attempt) broken("an older attempt completed a newer one's task");
    if (!from_hold) ++told.outcomes[number_in(e.result.value, "m")];
    task.stage = Stage::over;
  }
  void on(const engine::TaskFailed& e) {
    Task& task = run_->tasks[e.step];
    const bool open = task.stage != Stage::over && task.stage != Stage::withdrawn &&
                      task.stage != Stage::failed &&
                      !(task.stage == Stage::held && task.held_completion);
    if (!open) broken("a task failed that was over");
    if (task.attempt != e.attempt) broken("an older attempt failed a newer one's task");
    task.stage = e.retry_at ? Stage::backoff : Stage::failed;
  }
  void on(const engine::TaskRequeued& e) {
    Task& task = run_->tasks[e.step];
    if (task.stage != (e.fresh ? Stage::failed : Stage::backoff)) {
      broken("a task was queued again that had not failed");
    }
    if (e.fresh) task.used = 0;
    task.stage = Stage::queued;
  }

  void forget(const RunUid& uid, TimeMs time) {
    run_ = &runs_[uid];
    if (!run_->closed) broken("an open run was forgotten");
    if (!told.forgotten.insert(uid).second) broken("a run was forgotten twice");
    told.kept_ms_min = std::min(told.kept_ms_min, time.v - run_->closed_at.v);
  }
  void forget_generations(const RunUid& uid, std::uint32_t through, TimeMs time) {
    run_ = &runs_[uid];
    if (told.forgotten.contains(uid)) broken("a generation of a forgotten run was forgotten");
    if (through > run_->generations.size()) return broken("the present generation was forgotten");
    if (through <= run_->forgotten_through) return broken("a generation was forgotten twice");
    run_->forgotten_through = through;
    told.generations_forgotten += 1;
    told.kept_ms_min = std::min(told.kept_ms_min, time.v - run_->generations[through - 1].v);
  }
  void withdraw_all() {
    for (auto& [id, task] : run_->tasks) {
      if (task.stage != Stage::over) task.stage = Stage::withdrawn;
    }
  }
  void broken(const std::string& rule) {
    if (!told.problem.empty()) return;
    told.problem = rule;
    if (run_ != nullptr) absl::StrAppend(&told.problem, " (run ", to_string(run_->uid), ")");
  }

  const std::uint32_t attempts_;
  const std::int64_t nap_ms_;
  std::map<RunUid, History> runs_;
  std::set<std::tuple<GroupId, GroupId, std::uint64_t>> received_;
  History* run_ = nullptr;
  TimeMs at_;
};

}  // namespace

Chronicle read_chronicle(const log::MemoryFileSystem& files, std::uint32_t attempts,
                         std::int64_t nap_ms) {
  log::MemoryFileSystem copy = files.copy();
  Scribe scribe(attempts, nap_ms);
  const auto opened = log::Journal::open(copy, log::small_options(), scribe, nullptr);
  if (!opened.ok()) scribe.told.problem = opened.status().ToString();
  return std::move(scribe.told);
}

Chronicle read_chronicle(const std::vector<LoggedEntry>& entries, std::uint32_t attempts,
                         std::int64_t nap_ms) {
  Scribe scribe(attempts, nap_ms);
  for (const LoggedEntry& entry : entries) {
    const absl::Status told = scribe.on_entry(entry.group, entry.term, entry.index, entry.payload);
    if (!told.ok() && scribe.told.problem.empty()) scribe.told.problem = told.ToString();
  }
  return std::move(scribe.told);
}

}  // namespace pawl::node
