// sim_storm --seed N [--seeds COUNT] [--calm BITS] [--ms LENGTH] [--print] [--shrink] [--all]:
// storms from seed N on, up to the first that breaks a rule (all: past it); exit 1 and how to
// repeat it then.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/digest.h"
#include "tests/sim/apart.h"
#include "tests/sim/storm.h"

namespace {

constexpr std::uint64_t kSeedsPerLine = 500;

std::uint64_t number(const char* text) {
  return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
}

// What happened in all storms together: one in which nothing does proves nothing.
void print(const pawl::sim::StormFigures& sum) {
  const std::pair<std::uint64_t, const char*> figures[] = {
      {sum.acknowledged, "acknowledged"},
      {sum.refused, "refused"},
      {sum.unknown, "unknown"},
      {sum.crashes, "crashes"},
      {sum.handed_out, "tasks"},
      {sum.reads, "reads"},
      {sum.events, "events"},
      {sum.continued, "generations"},
      {sum.resets, "resets"},
      {sum.given_up, "segments given up"},
      {sum.compacted, "kept files"},
      {sum.installed, "snapshots installed"},
      {sum.damaged, "disks damaged"},
      {sum.rebuilt, "of them rebuilt"},
      {sum.scrubbed, "scrub passes"},
  };
  for (const auto& [count, what] : figures) {
    std::printf("%llu %s, ", static_cast<unsigned long long>(count), what);
  }
  std::printf("%.0f virtual s\n", static_cast<double>(sum.virtual_ms) / 1000);
}

}  // namespace

int main(int argc, char** argv) {
  pawl::sim::StormOptions options;
  std::uint64_t seeds = 1;
  bool shrinks = false, goes_on = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--print") {
      options.print = true;
    } else if (flag == "--shrink") {
      shrinks = true;
    } else if (flag == "--all") {
      goes_on = true;
    } else if (flag == "--seed") {
      options.seed = number(argv[++i]);
    } else if (flag == "--seeds") {
      seeds = number(argv[++i]);
    } else if (flag == "--calm") {
      options.calm = number(argv[++i]);
    } else if (flag == "--ms") {
      options.ms = static_cast<int>(number(argv[++i]));
    } else {
      std::fprintf(stderr, "unknown: %s\n", argv[i]);
      return 2;
    }
  }
  pawl::prepare_digests();
  const auto begun = std::chrono::steady_clock::now();
  int failures = 0;
  pawl::sim::StormResult sum;
  const std::uint64_t first = options.seed;
  for (; options.seed < first + seeds; ++options.seed) {
    if (goes_on && options.seed > first && (options.seed - first) % kSeedsPerLine == 0) {
      std::printf("%llu seeds\n", static_cast<unsigned long long>(options.seed - first));
      std::fflush(stdout);
    }
    const pawl::sim::StormResult result = pawl::sim::run_storm_apart(options);
    sum.acknowledged += result.acknowledged;
    sum.refused += result.refused;
    sum.unknown += result.unknown;
    sum.crashes += result.crashes;
    sum.handed_out += result.handed_out;
    sum.reads += result.reads;
    sum.events += result.events;
    sum.continued += result.continued;
    sum.resets += result.resets;
    sum.virtual_ms += result.virtual_ms;
    sum.given_up += result.given_up;
    sum.compacted += result.compacted;
    sum.installed += result.installed;
    sum.damaged += result.damaged;
    sum.rebuilt += result.rebuilt;
    sum.scrubbed += result.scrubbed;
    if (result.failure.empty()) continue;
    ++failures;
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(options.seed),
                result.failure.c_str());
    const auto small = shrinks ? pawl::sim::shrink(options) : options;
    std::printf("  repeat: %s\n", pawl::sim::command_of(small).c_str());
    std::fflush(stdout);
    if (!goes_on) break;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begun;
  const std::uint64_t seeds_run = std::min(options.seed, first + seeds - 1) - first + 1;
  std::printf("seeds: %llu seeds, %d failures; %.1f s; ",
              static_cast<unsigned long long>(seeds_run), failures, seconds.count());
  print(sum);
  return failures == 0 ? 0 : 1;
}
