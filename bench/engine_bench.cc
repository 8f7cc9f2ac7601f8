// What the engine costs: one signal that moves a run (decide, with its copy, fold, hash), and
// replaying a journal (decode, fold, hash, indexes). Prints one JSON object; times are of the best
// of several rounds, because a shared machine only ever adds.
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
  Bench() : definition_(dsl::parse_definition(kPingPong).definition) {
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
      append(
          entry, entry,
          decide_start({GroupId(1), entry}, {"run-" + std::to_string(i), 1, {}, {}, {}}, context_));
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
      PAWL_CHECK(decision.events.size() == 2);
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

 private:
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
  pawl::engine::Bench bench;
  bench.write_journal(1000, 50);
  const double replay = bench.replay_events_per_second(seconds);
  const double decide = bench.decide_us(seconds);
  const double both = bench.apply_us(seconds);
  std::printf("{\"replay_events_per_s\": %.0f, \"decide_signal_us\": %.2f, ", replay, decide);
  std::printf("\"decide_and_apply_signal_us\": %.2f}\n", both);
}
