// Random definitions under seeds. Sound ones run to their end under random outcomes of tasks and
// calls, whatever signals and cancels come on the way; World::commit checks every decision.
// Damaged ones are refused with diagnostics. PAWL_SEEDS=N makes more of them.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "engine/decide.h"
#include "world.h"

namespace pawl::engine {
namespace {

// Every state leads on to a later one of its machine only, and every flow runs later flows only: so
// a run comes to an end once its tasks are answered and its incidents retried.
class Author {
 public:
  explicit Author(std::uint64_t seed) : random_(seed) {}

  std::string write() {
    flows_ = static_cast<int>(random_.below(4));
    out_ = "dsl = 1\nname = \"random\"\nstart = \"s0\"\n";
    if (random_.chance(0.3)) out_ += "timeout = \"2d\"\n";
    const int states = static_cast<int>(random_.between(2, 7));
    if (random_.chance(0.3)) absl::StrAppend(&out_, "on_error = \"s", states - 1, "\"\n");
    if (random_.chance(0.3)) absl::StrAppend(&out_, "on_cancel = \"s", states - 1, "\"\n");
    out_ += "[input]\nn = \"int\"\n[vars]\nx = 1\n";
    out_ += "[signal.a]\nbuffer = \"1h\"\n[signal.b]\n";
    out_ += "[limit.l]\nconcurrency = 2\n[limit.m]\nrate = \"5/1m\"\nkey = \"= string(vars.x)\"\n";
    if (random_.chance(0.3)) out_ += "[on.b]\nsave.seen = \"= signal\"\n";
    machine("state", states, -1);
    for (int i = 0; i < flows_; ++i) {
      absl::StrAppend(&out_, "[flow.f", i, "]\nstart = \"s0\"\n");
      if (random_.chance(0.5)) out_ += "output = \"= vars.x\"\n";
      if (random_.chance(0.5)) absl::StrAppend(&out_, "[flow.f", i, ".vars]\nx = 2\n");
      machine(absl::StrCat("flow.f", i, ".state"), static_cast<int>(random_.between(1, 5)), i);
    }
    return std::move(out_);
  }

 private:
  bool root() const { return flow_ < 0; }

  void machine(const std::string& table, int states, int flow) {
    flow_ = flow;
    for (int i = 0; i < states; ++i) {
      at_ = i;
      states_ = states;
      absl::StrAppend(&out_, "[", table, ".s", i, "]\n");
      if (i == states - 1 && root()) {
        out_ += random_.chance(0.5) ? "compensate = true\nnext = \"end\"\n"
                                    : "end = \"completed\"\noutput = \"= vars.x\"\n";
        continue;
      }
      state();
    }
  }

  // The next state, or a later one.
  std::string next() {
    const int to = at_ + 1;
    return to >= states_ ? "\"end\"" : absl::StrCat("\"s", to, "\"");
  }
  std::string later() {
    if (at_ + 1 >= states_) return "\"end\"";
    return absl::StrCat("\"s", random_.between(at_ + 1, states_ - 1), "\"");
  }

  void state() {
    if (random_.chance(0.2)) out_ += "set.x = \"= vars.x + 1\"\n";
    verb();
    if (random_.chance(0.3)) absl::StrAppend(&out_, "on.a = { next = ", later(), " }\n");
    if (random_.chance(0.2)) out_ += "on.b = [ { if = \"signal == 1\", save.x = \"= 5\" } ]\n";
    if (random_.chance(0.2)) absl::StrAppend(&out_, "after.\"3h\" = { next = ", later(), " }\n");
    if (random_.chance(0.1)) out_ += "every.\"50m\" = { save.x = \"= vars.x + 1\" }\n";
    if (random_.chance(0.3)) {
      absl::StrAppend(&out_,
                      "catch = [ { errors = [\"app.*\", \"sys.tolerance\"], next = ", later(),
                      ", save.why = \"= error.type\" } ]\n");
    }
  }

  std::string task() {
    std::string text = "task = \"t\", with = \"= vars.x\", timeout.queue = \"9h\"";
    if (random_.chance(0.5)) text += ", retry = { attempts = 2, initial = \"1s\" }";
    if (random_.chance(0.3)) {
      text += random_.chance(0.5) ? ", limits = \"l\"" : ", limits = [\"m\", \"l\"]";
    }
    if (random_.chance(0.4)) {
      text += random_.chance(0.5) ? ", undo = { task = \"u\", with = \"= result\" }"
                                  : ", undo = { task = \"u\", when = \"started\", name = \"n\" }";
    }
    return text;
  }

  // What a branch or an item runs.
  std::string machine() {
    const int later_flow = flow_ + 1;
    if (later_flow < flows_ && random_.chance(0.5)) {
      return absl::StrCat("{ flow = \"f", random_.between(later_flow, flows_ - 1), "\" }");
    }
    if (random_.chance(0.2)) return "{ sleep = \"5m\" }";
    if (random_.chance(0.2))
      return "{ map = \"= [1, 2]\", do = { task = \"t\", timeout.queue = \"9h\" } }";
    return "{ " + task() + " }";
  }

  void lines(const std::string& inline_keys) {
    std::size_t depth = 0;
    for (const char c : inline_keys) {
      depth += c == '{' || c == '[' ? 1 : 0;
      depth -= c == '}' || c == ']' ? 1 : 0;
      if (c == ',' && depth == 0) {
        out_ += '\n';
      } else if (c != ' ' || out_.back() != '\n') {
        out_ += c;
      }
    }
    out_ += '\n';
  }

  void verb() {
    const std::uint64_t which = random_.below(root() ? 11 : 10);
    switch (which) {
      case 0:
      case 1:
        lines(task());
        if (random_.chance(0.3)) out_ += "save.got = \"= result\"\n";
        break;
      case 2:
        out_ += "sleep = \"= duration(string(vars.x) + 'm')\"\n";
        break;
      case 3:
        absl::StrAppend(&out_, "choose = [ { if = \"vars.x > 2\", next = ", later(),
                        " }, { next = ", next(), " } ]\n");
        return;
      case 4:
        if (flow_ + 1 < flows_) {
          absl::StrAppend(&out_, "flow = \"f", random_.between(flow_ + 1, flows_ - 1), "\"\n");
          if (random_.chance(0.5)) out_ += "save.got = \"= result\"\n";
          break;
        }
        out_ += "sleep = \"1m\"\n";
        break;
      case 5:
        for (int i = 0; i < static_cast<int>(random_.between(1, 3)); ++i) {
          absl::StrAppend(&out_, "parallel.b", i, " = ", machine(), "\n");
        }
        if (random_.chance(0.3)) out_ += "join = \"any\"\n";
        break;
      case 6:
        absl::StrAppend(&out_, "map = \"= lists.range(", random_.below(7), ")\"\ndo = ", machine(),
                        "\n");
        if (random_.chance(0.3)) absl::StrAppend(&out_, "tolerate = ", random_.below(4), "\n");
        if (random_.chance(0.3)) out_ += "keep = \"= [item_index, result]\"\n";
        out_ += random_.chance(0.5) ? "concurrency = 2\n" : "batch = 3\n";
        if (random_.chance(0.3)) out_ += "save.got = \"= [result, failed]\"\n";
        break;
      case 7:
        out_ += "call = \"other\"\nwith = { n = \"= input.n\" }\n";
        if (random_.chance(0.3)) out_ += "wait = false\n";
        if (random_.chance(0.3)) out_ += "undo = { task = \"u\" }\n";
        break;
      case 8:
        out_ += "send = { to = \"someone\", signal = \"hello\", with = \"= vars.x\" }\n";
        break;
      case 9:
        out_ += "compensate = true\n";
        break;
      default:
        absl::StrAppend(&out_, "choose = [ { if = \"run.generation < 3 && vars.x == 1\", next = \"",
                        "again", at_, "\" }, { next = ", next(), " } ]\n[state.again", at_,
                        "]\ncontinue = { with = { n = \"= input.n + 1\" } }\n");
        return;
    }
    absl::StrAppend(&out_, "next = ", next(), "\n");
  }

  Random random_;
  std::string out_;
  int flows_ = 0, flow_ = -1, at_ = 0, states_ = 0;
};

// Answers what a run asks for, at random.
class Driver {
 public:
  Driver(std::shared_ptr<const dsl::Definition> definition, std::uint64_t seed)
      : random_(seed), world_(std::move(definition)) {}

  // False if it stood still at an incident that no retry mended.
  bool run() {
    BOOST_REQUIRE(world_.start(R"({"n": 3})").refusal == Refusal::none);
    for (int i = 0; i < 4'000 && !world_.run().closed(); ++i) step(i);
    if (!world_.run().closed()) {
      // What no retry mends.
      BOOST_TEST(!world_.run().incidents.empty(), "the run goes nowhere");
      world_.send(Terminate{"over"});
      return false;
    }
    return true;
  }
  const std::vector<Event>& history() const { return world_.history; }

 private:
  void step(int i) {
    if (wants_renewal(world_.run(), *world_.definition)) {
      world_.send(Checkpoint{});
    } else if (random_.chance(0.05)) {
      Signal signal;
      signal.name = random_.chance(0.5) ? "a" : "b";
      signal.payload = dsl::Value::int64(random_.between(0, 2));
      world_.send(signal);
    } else if (random_.chance(0.002)) {
      world_.send(Cancel{"no"});
    } else if (!answer_permit() && !answer_step() && !answer_call()) {
      if (i % 50 == 0) world_.send(RetryIncident{});
      world_.advance(1'800'000);
    }
  }

  bool answer_step() {
    for (const auto& step : world_.run().steps) {
      const StepId id = step->id;
      const std::uint32_t attempt = step->attempt;
      if (step->status == StepStatus::queued) {
        world_.send(HandOut{id, "w"});
        return true;
      }
      if (step->status != StepStatus::started) continue;
      if (random_.chance(0.85)) {
        world_.send(CompleteTask{id, attempt, dsl::Value::int64(random_.between(0, 9))});
      } else if (random_.chance(0.3)) {
        world_.send(LoseLease{id, attempt});
      } else {
        const char* type = random_.chance(0.5) ? "app.bad" : "other";
        world_.send(FailTask{id, attempt, {type, "m", {}}, std::nullopt});
      }
      return true;
    }
    return false;
  }

  bool answer_permit() {
    const RunPermits& permits = *world_.run().tree->permits;
    if (!permits.spares.empty() && random_.chance(0.5)) {
      world_.send(DropPermit{permits.spares.front()->permit});
      return true;
    }
    for (const auto& task : permits.tasks) {
      if (!task->waits()) continue;
      world_.send(world_.permit(task->first + task->granted));
      return true;
    }
    return false;
  }

  bool answer_call() {
    for (const auto& call : world_.run().tree->calls) {
      const std::uint32_t id = call->id;
      std::optional<Error> error;
      if (random_.chance(0.2)) error = Error{"sys.child", "m", {}};
      if (call->is_signal) {
        world_.send(AnswerSignal{id, std::move(error)});
      } else if (call->child.v == 0) {
        world_.send(AnswerCall{id, call->to, Index(5), std::move(error)});
      } else {
        const auto status = error ? RunStatus::cancelled : RunStatus::completed;
        world_.send(EndCall{id, static_cast<std::uint8_t>(status), dsl::Value::int64(1), {}});
      }
      return true;
    }
    return false;
  }

  Random random_;
  World world_;
};

int seeds() {
  const char* wanted = std::getenv("PAWL_SEEDS");
  return wanted == nullptr ? 150 : std::atoi(wanted);
}

BOOST_AUTO_TEST_CASE(random_definitions_run_to_their_end) {
  int ended = 0;
  std::vector<int> seen(std::variant_size_v<Event> + 1);
  for (int seed = 1; seed <= seeds(); ++seed) {
    const std::string text = Author(static_cast<std::uint64_t>(seed)).write();
    BOOST_TEST_CONTEXT("seed " << seed << "\n" << text) {
      Driver driver(parse(text), static_cast<std::uint64_t>(seed));
      ended += driver.run() ? 1 : 0;
      for (const Event& event : driver.history()) ++seen[event_kind(event)];
    }
  }
  for (const std::uint16_t kind : {30, 31, 32, 33, 36, 38, 39, 40, 41, 42, 44, 48, 49, 50, 51}) {
    BOOST_TEST(seen[kind] > 0, "no event of kind " << kind);
  }
  BOOST_TEST(ended > seeds() * 3 / 4);
  BOOST_TEST_MESSAGE(seeds() << " definitions, " << ended << " runs ended by themselves");
}

// One byte or one line is changed, left out, doubled or moved.
std::string damaged(std::string text, Random* random) {
  const std::size_t at = random->below(text.size());
  const std::size_t line = text.rfind('\n', at) == std::string::npos ? 0 : text.rfind('\n', at) + 1;
  const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
  const std::string cut = text.substr(line, end - line);
  switch (random->below(6)) {
    case 0:
      text[at] = static_cast<char>(random->below(256));
      break;
    case 1:
      text.erase(at, 1);
      break;
    case 2:
      text.erase(line, end - line);
      break;
    case 3:
      text.insert(line, cut);
      break;
    case 4:
      text.erase(line, end - line);
      text.insert(text.rfind('\n', random->below(text.size() + 1)) + 1, cut);
      break;
    default:
      text.insert(at, std::string(1, "{}[]=\"',.#\n"[random->below(11)]));
  }
  return text;
}

BOOST_AUTO_TEST_CASE(damaged_definitions_are_refused_with_diagnostics) {
  int refused = 0, accepted = 0;
  for (int seed = 1; seed <= seeds(); ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const std::string sound = Author(static_cast<std::uint64_t>(seed)).write();
    for (int i = 0; i < 40; ++i) {
      std::string text = damaged(sound, &random);
      if (random.chance(0.3)) text = damaged(std::move(text), &random);
      const dsl::ParsedDefinition parsed = dsl::parse_definition(text);
      if (parsed.definition == nullptr) {
        ++refused;
        BOOST_REQUIRE(!parsed.diagnostics.empty());
        for (const dsl::Diagnostic& d : parsed.diagnostics) {
          // What the whole file lacks has no line.
          const bool whole = d.message.starts_with("a definition needs");
          BOOST_REQUIRE_MESSAGE(!d.message.empty() && (whole || d.line > 0), d.message << " of\n"
                                                                                       << text);
        }
        continue;
      }
      ++accepted;
      if (accepted % 10 != 0) continue;
      BOOST_TEST_CONTEXT("seed " << seed << "." << i << "\n" << text) {
        World world(parsed.definition);
        if (world.start(R"({"n": 3})").refusal != Refusal::none) continue;
        world.advance(3'600'000);
      }
    }
  }
  BOOST_TEST(refused > accepted / 2);
  BOOST_TEST(accepted > 0);
}

}  // namespace
}  // namespace pawl::engine
