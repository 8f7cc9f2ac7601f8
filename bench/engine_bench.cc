// What the engine costs: one signal that moves a run (decide, with its copy, fold, hash), what a
// `choose` of three expressions on the way adds, replaying a journal (decode, fold, hash, indexes),
// and checking a definition of 500 states. Prints one JSON object; times are of the best of several
// rounds, because a shared machine only ever adds.
//
//   engine_bench [seconds a measurement]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/check.h"
#include "engine/decide.h"
#include "engine/event_bytes.h"
#include "engine/evolve.h"
#include "engine/tables.h"

namespace pawl::engine {
namespace {

constexpr const char* kPingPong = R"(
dsl = 1
name = "ping-pong"
start = "ping"
[signal.go]
[state.ping]
on.go = { next = "pong" }
[state.pong]
on.go = { next = "ping" }
)";

// The same moves, by way of a choose whose third expression holds.
constexpr const char* kChoosing = R"toml(
dsl = 1
name = "choosing"
start = "ping"
[input]
total = "int"
items = "list"
[signal.go]
[state.ping]
on.go = { next = "which" }
[state.which]
choose = [
  { if = "input.total > 1000 || input.items.exists(i, has(i.hazmat) && i.hazmat)", next = "ping" },
  { if = "input.total < 10 && size(input.items) == 0", next = "ping" },
  { if = "input.total % 2 == 1", next = "pong" },
  { next = "ping" },
]
[state.pong]
on.go = { next = "ping" }
)toml";

// 500 states of four kinds, each with expressions.
std::string big_definition() {
  std::string text =
      "dsl = 1\nname = \"big\"\nstart = \"s0\"\n[input]\nn = \"int\"\n[vars]\nx = "
      "0\n[signal.go]\n";
  for (int i = 0; i < 500; ++i) {
    const std::string n = std::to_string(i);
    const std::string next = i < 499 ? "\"s" + std::to_string(i + 1) + "\"\n" : "\"end\"\n";
    text += "[state.s" + n + "]\n";
    if (i % 4 == 0) {
      text += "task = \"t" + n + "\"\nwith = { a = \"= input.n + " + n + "\" }\n" +
              "timeout.total = \"1h\"\nsave.x = \"= int(result.a)\"\nnext = " + next;
    } else if (i % 4 == 1) {
      text += "choose = [ { if = \"vars.x > " + n + " && input.n < 5\", next = " + next;
      text.back() = ' ';
      text += "}, { next = " + next;
      text.back() = ' ';
      text += "} ]\n";
    } else if (i % 4 == 2) {
      text += "on.go = { save.x = \"= vars.x + 1\", next = " + next;
      text.back() = ' ';
      text += "}\n";
    } else {
      text += "set.x = \"= vars.x * 2\"\nnext = " + next;
    }
  }
  return text;
}

struct Entry {
  Index run;
  Seq first;
  std::string bytes;
};

double now_us() {
  const auto t = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::micro>(t).count();
}

class Bench {
 public:
  explicit Bench(const char* text) : definition_(dsl::parse_definition(text).definition) {
    PAWL_CHECK(definition_ != nullptr);
    context_.now = TimeMs(1'767'225'600'000);
    context_.seed = 1;
    context_.definition = definition_.get();
    signal_.name = "go";
    signal_.payload =
        dsl::Value::map({{dsl::Value::string("note"), dsl::Value::string(std::string(180, 'x'))}});
  }

  // A journal of `runs` runs that take `signals` signals each.
  void write_journal(int runs, int signals) {
    Index entry(1);
    for (int i = 0; i < runs; ++i, entry = entry.next()) {
      append(entry, entry, decide_start({GroupId(1), entry}, start(i), context_));
    }
    for (int s = 0; s < signals; ++s) {
      for (int i = 0; i < runs; ++i, entry = entry.next()) {
        const Index run(static_cast<std::uint64_t>(i) + 1);
        append(entry, run, decide(*tables_.find(run), signal_, context_));
      }
    }
  }

  double decide_us(double seconds) {
    const Run& run = *tables_.find(Index(1));
    return best_us(seconds, 1000, [&] {
      const Decision decision = decide(run, signal_, context_);
      PAWL_CHECK(decision.events.size() >= 2);
    });
  }

  double apply_us(double seconds) {
    // Alternates between two decisions, so that each fits.
    return best_us(seconds, 1000, [&] {
      const Decision decision = decide(*tables_.find(Index(1)), signal_, context_);
      Applied applied;
      PAWL_CHECK(
          tables_.apply_run(Index(1'000'000), Index(1), context_.now, decision.events, &applied));
    });
  }

  double replay_events_per_second(double seconds) {
    std::size_t events = 0;
    const double us = best_us(seconds, 1, [&] {
      Tables tables{GroupId(1)};
      events = 0;
      std::uint64_t index = 0;
      for (const Entry& entry : journal_) {
        const Run* run = tables.find(entry.run);
        std::vector<Event> decoded;
        PAWL_CHECK(decode_events(entry.bytes, run == nullptr ? nullptr : &run->identity->salt,
                                 entry.first, &decoded)
                       .ok());
        Applied applied;
        PAWL_CHECK(tables.apply_run(Index(++index), entry.run, context_.now, decoded, &applied));
        events += decoded.size();
      }
    });
    return static_cast<double>(events) / us * 1e6;
  }

  template <class Work>
  double best_us(double seconds, int batch, Work work) {
    double best = 1e18;
    const double end = now_us() + seconds * 1e6;
    do {
      const double start = now_us();
      for (int i = 0; i < batch; ++i) work();
      best = std::min(best, (now_us() - start) / batch);
    } while (now_us() < end);
    return best;
  }

 private:
  Start start(int number) const {
    Start start;
    start.id = "run-" + std::to_string(number);
    start.version = 1;
    if (!definition_->input) return start;
    start.input = dsl::Value::map({{dsl::Value::string("items"), dsl::Value::list({})},
                                   {dsl::Value::string("total"), dsl::Value::int64(501)}});
    return start;
  }

  void append(Index entry, Index run, const Decision& decision) {
    PAWL_CHECK(decision.refusal == Refusal::none);
    const Run* before = tables_.find(run);
    Entry e{run, before == nullptr ? Seq(1) : before->seq.next(), {}};
    encode_events(decision.events, &e.bytes);
    journal_.push_back(std::move(e));
    Applied applied;
    PAWL_CHECK(tables_.apply_run(entry, run, context_.now, decision.events, &applied));
  }

  std::shared_ptr<const dsl::Definition> definition_;
  Context context_;
  Signal signal_;
  Tables tables_{GroupId(1)};
  std::vector<Entry> journal_;
};

}  // namespace
}  // namespace pawl::engine

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1.0;
  pawl::engine::Bench bench(pawl::engine::kPingPong);
  bench.write_journal(1000, 50);
  pawl::engine::Bench choosing(pawl::engine::kChoosing);
  choosing.write_journal(1, 2);
  const double by_choose = choosing.decide_us(seconds);
  const std::string big = pawl::engine::big_definition();
  const double check = choosing.best_us(
      seconds, 1, [&big] { PAWL_CHECK(pawl::dsl::parse_definition(big).definition != nullptr); });
  const double replay = bench.replay_events_per_second(seconds);
  const double decide = bench.decide_us(seconds);
  const double both = bench.apply_us(seconds);
  std::printf("{\"replay_events_per_s\": %.0f, \"decide_signal_us\": %.2f, ", replay, decide);
  std::printf("\"decide_and_apply_signal_us\": %.2f, \"choose_of_three_us\": %.2f, ", both,
              by_choose - decide);
  std::printf("\"check_500_states_ms\": %.2f}\n", check / 1000);
}
