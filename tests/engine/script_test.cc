// Runs and what becomes of them: tests/scripts/engine/*.txt (script_file.h), commands as
//
//   COMMAND [ARGUMENT ...] [: CEL VALUE]
//
// begun by `define`, whose definition follows it up to the ----. Times read as +MS since the script
// began.
#include <boost/test/unit_test.hpp>
#include <map>
#include <memory>
#include <regex>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "engine/waiting.h"
#include "script_file.h"
#include "world.h"

namespace pawl::engine {
namespace {

std::string times_relative(const std::string& text) {
  static const std::regex time("176[0-9]{10}");
  std::string out;
  auto at = std::sregex_iterator(text.begin(), text.end(), time);
  std::size_t end = 0;
  for (; at != std::sregex_iterator(); ++at) {
    out += text.substr(end, static_cast<std::size_t>(at->position()) - end);
    absl::StrAppend(&out, "+", std::stoll(at->str()) - kEpoch.v);
    end = static_cast<std::size_t>(at->position() + at->length());
  }
  return out + text.substr(end);
}

const char* refusal_name(Refusal r) {
  static constexpr const char* kNames[] = {"none",
                                           "signal_not_accepted",
                                           "signal_unknown",
                                           "signal_forbidden",
                                           "signal_buffer_full",
                                           "payload_invalid",
                                           "input_invalid",
                                           "wrong_state",
                                           "wrong_seq",
                                           "move_not_allowed",
                                           "run_closed",
                                           "run_open",
                                           "run_not_paused",
                                           "already_paused",
                                           "no_incident",
                                           "task_unknown",
                                           "task_withdrawn",
                                           "lease_lost",
                                           "too_big",
                                           "reset_impossible",
                                           "migration_impossible",
                                           "nothing_to_do"};
  static_assert(std::size(kNames) == static_cast<std::size_t>(Refusal::nothing_to_do) + 1);
  return kNames[static_cast<std::size_t>(r)];
}

std::string join(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& x : list) out += (out.empty() ? "" : " ") + x;
  return out;
}

class Script {
 public:
  std::string run(const ScriptStep& step);

 private:
  std::string start(std::string_view payload);
  std::string signal(std::string_view payload);
  std::string move(std::string_view payload);
  std::string advance();
  std::string waiting();
  std::string task(std::string_view payload);
  std::string finish(StepId step, std::string_view payload);
  std::string report(const Decision& decision, std::size_t history_before);
  std::string summary() const;
  std::string send(const Command& command) {
    const std::size_t before = world_->history.size();
    return report(world_->send(command), before);
  }
  std::string reset(Seq to);
  std::string migrate(const std::string& definition);
  std::string option(const std::string& name) const {
    const auto at = options_.find(name);
    return at == options_.end() ? "" : at->second;
  }
  std::uint32_t number(std::size_t at) const {
    return static_cast<std::uint32_t>(std::stoul(words_.at(at)));
  }

  std::unique_ptr<World> world_;
  std::map<Seq, std::shared_ptr<const Run>> pasts_;  // after each command
  std::vector<std::string> words_;
  std::map<std::string, std::string> options_;
};

std::string Script::run(const ScriptStep& step) {
  if (world_ != nullptr && world_->index.v > 0) {
    pasts_[world_->run().seq] = std::make_shared<Run>(world_->run());
  }
  const std::size_t colon = step.command.find(" : ");
  const std::string payload = colon == std::string::npos ? "null" : step.command.substr(colon + 3);
  words_.clear();
  options_.clear();
  std::istringstream in(step.command.substr(0, colon));
  for (std::string word; in >> word;) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) {
      words_.push_back(word);
    } else {
      options_[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  const std::string& verb = words_.at(0);
  if (verb == "define") {
    world_ = std::make_unique<World>(step.body);
    pasts_.clear();
    return "ok\n";
  }
  if (verb == "start") return start(payload);
  if (verb == "signal") return signal(payload);
  if (verb == "move") return move(payload);
  if (verb == "advance") return advance();
  if (verb == "waiting") return waiting();
  if (verb == "fire") return send(FireTimers{});
  if (verb == "pause") return send(Pause{option("reason")});
  if (verb == "resume") return send(Resume{option("reason")});
  if (verb == "reset") return reset(Seq(number(1)));
  if (verb == "migrate") return migrate(step.body);
  if (verb == "checkpoint") return send(Checkpoint{});
  if (verb == "cancel") return send(Cancel{option("reason")});
  if (verb == "terminate") return send(Terminate{option("reason")});
  if (verb == "clock") {
    world_->now = TimeMs(world_->now.v + number(1));
    return "ok\n";
  }
  if (verb == "retry") {
    RetryIncident command;
    if (words_.size() > 1) command.incident = IncidentId(number(1));
    command.reason = option("reason");
    return send(command);
  }
  return task(payload);
}

std::string Script::task(std::string_view payload) {
  const std::string& verb = words_.at(0);
  const StepId step(number(1));
  if (verb == "finish" || verb == "break") return finish(step, payload);
  if (verb == "answer") {
    const OpenCall* call = world_->run().call(number(1));
    AnswerCall command{number(1), call == nullptr ? GroupId(1) : call->to, Index(77), {}};
    if (words_.size() > 2) command.error = Error{words_[2], option("message"), {}};
    return send(command);
  }
  if (verb == "answer_signal") {
    AnswerSignal command{number(1), {}};
    if (words_.size() > 2) command.error = Error{words_[2], option("message"), {}};
    return send(command);
  }
  if (verb == "grant") {
    TakePermit permit = world_->permit(number(1));
    if (words_.size() > 2) permit.limit = words_[2];
    return send(permit);
  }
  if (verb == "returned") return send(DropPermit{number(1)});
  if (verb == "handout") return send(HandOut{step, words_.at(2)});
  const std::uint32_t attempt = verb == "end" ? 0 : number(2);
  if (verb == "return") return send(ReturnTask{step, attempt});
  if (verb == "end") {
    EndCall command{number(1), 0, value(payload), {}};
    for (RunStatus status : {RunStatus::completed, RunStatus::failed, RunStatus::cancelled}) {
      if (words_.at(2) == enum_name(status)) command.status = static_cast<std::uint8_t>(status);
    }
    if (words_.size() > 3) command.error = Error{words_[3], option("message"), {}};
    return send(command);
  }
  if (verb == "complete") return send(CompleteTask{step, attempt, value(payload)});
  if (verb == "progress") return send(ProgressTask{step, attempt, value(payload)});
  if (verb == "lose") return send(LoseLease{step, attempt});
  BOOST_REQUIRE_MESSAGE(verb == "fail", "unknown command " + verb);
  FailTask command{step, attempt, {words_.at(3), option("message"), value(payload)}, {}};
  if (!option("retryable").empty()) command.retryable = option("retryable") == "true";
  return send(command);
}

// Hands the task out and answers it.
std::string Script::finish(StepId step, std::string_view payload) {
  world_->send(HandOut{step, "w"});
  const std::size_t before = world_->history.size();
  const std::uint32_t attempt = world_->run().step(step)->attempt;
  if (words_.at(0) == "finish") {
    return report(world_->send(CompleteTask{step, attempt, value(payload)}), before);
  }
  FailTask command{step, attempt, {words_.at(2), option("message"), value(payload)}, false};
  return report(world_->send(command), before);
}

// The run after the entry that has the event.
std::string Script::reset(Seq to) {
  return send(Reset{to, option("reason"), pasts_.lower_bound(to)->second});
}

// To another version, whose definition follows the command.
std::string Script::migrate(const std::string& definition) {
  const auto to = parse(definition);
  const std::size_t before = world_->history.size();
  const Run run = world_->run();
  Context context = world_->context();
  context.latest = to.get();
  context.latest_version = number(1);
  const Decision decision = decide(run, Migrate{{}, false, option("reason")}, context);
  if (!decision.events.empty()) {
    world_->commit(decision, &run);
    world_->definition = to;
  }
  if (decision.accepted.empty()) return report(decision, before);
  std::string out = absl::StrCat("refused: ", refusal_name(decision.refusal), ":\n");
  for (const std::string& reason : decision.accepted) out += "  " + reason + "\n";
  return out;
}

std::string Script::start(std::string_view payload) {
  Start command;
  command.id = words_.at(1);
  command.version = 1;
  command.input = value(payload);
  if (!option("in").empty()) {
    command.start_at = TimeMs(world_->now.v + std::stoll(option("in")));
  }
  if (!option("tag").empty()) command.tags.emplace_back("tag", option("tag"));
  return report(world_->start(std::move(command)), 0);
}

std::string Script::signal(std::string_view payload) {
  Signal command;
  command.name = words_.at(1);
  command.payload = value(payload);
  command.dedupe_id = option("dedupe");
  if (!option("state").empty()) command.expect_state = option("state");
  if (!option("seq").empty()) command.expect_seq = Seq(std::stoull(option("seq")));
  if (!option("group").empty()) world_->actor_groups = {option("group")};
  return send(command);
}

std::string Script::move(std::string_view payload) {
  Move command;
  command.from = words_.at(1);
  command.to = words_.at(2);
  command.reason = option("reason");
  if (!option("seq").empty()) command.seq = Seq(std::stoull(option("seq")));
  const dsl::Value vars = value(payload);
  if (!vars.is_null()) {
    for (const auto& [name, x] : vars.as_map()) command.vars.emplace_back(name.as_string(), x);
  }
  return send(command);
}

std::string Script::advance() {
  dsl::Duration duration;
  BOOST_REQUIRE(dsl::parse_duration(words_.at(1), &duration));
  const std::size_t before = world_->history.size();
  world_->advance(duration.seconds * 1000 + duration.nanos / 1'000'000);
  return report({}, before);
}

std::string Script::waiting() {
  const WaitingFor w = waiting_for(world_->run(), *world_->definition);
  std::string out = "signals: " + join(w.signals) + "\n";
  for (const WaitingTimer& t : w.timers) {
    absl::StrAppend(&out, "timer ", t.name, t.path.empty() ? "" : " of " + t.path, " at ",
                    t.fire_at.v, "\n");
  }
  for (const WaitingTask& t : w.tasks) {
    absl::StrAppend(&out, "task ", t.step.v, " ", t.type, " on ", t.queue, " ", to_string(t.status),
                    " attempt ", t.attempt);
    if (t.retry_at) absl::StrAppend(&out, " retry at ", t.retry_at->v);
    if (!t.limit.empty()) absl::StrAppend(&out, " limit ", t.limit, "/", t.limit_key);
    out += "\n";
  }
  return times_relative(out);
}

std::string Script::report(const Decision& decision, std::size_t before) {
  std::string out;
  if (decision.refusal != Refusal::none) {
    absl::StrAppend(&out, "refused: ", refusal_name(decision.refusal), ": ", decision.detail, "\n");
    if (!decision.accepted.empty()) out += "accepted: " + join(decision.accepted) + "\n";
    return times_relative(out);
  }
  if (decision.duplicate) return "duplicate\n";
  for (std::size_t i = before; i < world_->history.size(); ++i) {
    if (i > before && world_->times[i] != world_->times[i - 1]) {
      absl::StrAppend(&out, "at ", world_->times[i].v, "\n");
    } else if (i == before && before > 0 && world_->times[i] != world_->times[i - 1]) {
      absl::StrAppend(&out, "at ", world_->times[i].v, "\n");
    }
    out += debug_string(world_->history[i]) + "\n";
  }
  return times_relative(out + summary());
}

std::string Script::summary() const {
  const Run& run = world_->run();
  std::string out =
      absl::StrCat("-> ", to_string(run.status), " ", run.state(), " seq=", run.seq.v);
  const std::vector<std::string> states = run.states();
  if (states.size() > 1) {
    absl::StrAppend(&out, " states=", join({states.begin() + 1, states.end()}));
  }
  const dsl::Value vars = run.vars_value(0);
  if (!vars.as_map().empty()) absl::StrAppend(&out, " vars=", vars.debug_string());
  for (const auto& s : run.steps) {
    absl::StrAppend(&out, " task", s->id.v, "=", to_string(s->status), "/", s->attempt);
  }
  for (const auto& task : run.tree->permits->tasks) {
    absl::StrAppend(&out, " permits", task->step.v, "=");
    for (std::size_t n = 0; n < task->limits.size() && task->first > 0; ++n) {
      absl::StrAppend(&out, n > 0 ? "," : "", task->first + n, n < task->granted ? "" : "?");
    }
  }
  for (const auto& spare : run.tree->permits->spares) {
    absl::StrAppend(&out, " spare=", spare->permit, ":", spare->limit, "/", spare->key);
  }
  for (const auto& i : run.incidents) {
    absl::StrAppend(&out, " incident", i->id.v, "=", i->error.type, "@", i->state);
  }
  for (const WaitingSignal& s : *run.signals) {
    absl::StrAppend(&out, s.held ? " held=" : " buffered=", s.name);
  }
  for (const auto& u : run.tree->undos) {
    absl::StrAppend(&out, " undo", u->id, "=", u->type, "@", u->frame,
                    u->since.v == 0 ? " (waits)" : "");
  }
  for (const auto& c : run.tree->calls) {
    absl::StrAppend(&out, " call", c->id, "=", c->run, "/", enum_name(c->status),
                    c->held ? " (held)" : "");
  }
  if (run.output->length > 0) {
    absl::StrAppend(&out, " output=", run.output->value.debug_string());
  }
  if (run.error.get()) {
    absl::StrAppend(&out, " error=", run.error.get()->type, " \"", run.error.get()->message(),
                    "\"");
  }
  return out + "\n";
}

BOOST_AUTO_TEST_CASE(scripts) {
  play_scripts("tests/scripts/engine", 20, [] {
    const auto script = std::make_shared<Script>();
    return [script](const ScriptStep& step) { return script->run(step); };
  });
}

}  // namespace
}  // namespace pawl::engine
