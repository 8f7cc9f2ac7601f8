#include "daemon/scrubber.h"

#include <algorithm>
#include <string>
#include <utility>

#include "daemon/event_loop.h"
#include "daemon/metrics.h"
#include "log/scrub_mark.h"

namespace pawl::daemon {
namespace {

constexpr std::int64_t kNsOfMs = 1'000'000;
constexpr std::int64_t kLookNs = 50 * kNsOfMs;  // while a pass is under way

}  // namespace

Scrubber::Scrubber(Options options, Logger* logger)
    : options_(options), logger_(*logger), scrubbing_(options.pause_ms) {}

void Scrubber::load(log::FileSystem& files, const log::Journal& journal, node::Node* node) {
  std::vector<Index> through =
      log::read_scrub_mark(files, journal.directory(), journal.store_id(), node->group_count());
  for (std::size_t g = 0; g < through.size(); ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    const Index last = std::max(journal.last_index(group), node->group(group).applied());
    through[g] = std::min(through[g], last);
  }
  node->scrubbed(through);
}

std::int64_t Scrubber::deadline_ns(std::int64_t now_ns) const {
  const std::int64_t ms = scrubbing_.deadline_ms(*options_.node);
  if (ms == INT64_MAX) return kNoDeadline;
  return std::max(ms * kNsOfMs, now_ns + kLookNs);
}

void Scrubber::turn(std::int64_t now_ns, bool compacting, Transfers* transfers) {
  if (busy_) return;
  const std::int64_t now_ms = now_ns / kNsOfMs;
  const auto step = scrubbing_.next(now_ms, *options_.node, options_.journal,
                                    options_.keeper->held(), compacting);
  if (step == node::Scrubbing::Step::cover) cover(now_ms);
  if (step == node::Scrubbing::Step::sweep) sweep(now_ms, transfers);
}

void Scrubber::cover(std::int64_t now_ms) {
  if (options_.keeper->covering()) return;
  if (!std::exchange(asked_, true)) {
    options_.keeper->cover(scrubbing_.cover());
    return;
  }
  asked_ = false;
  const std::vector<Index>& held = options_.keeper->held();
  const std::vector<Index>& wanted = scrubbing_.cover();
  const bool all = std::equal(held.begin(), held.end(), wanted.begin(), std::greater_equal<>());
  all ? scrubbing_.covered() : scrubbing_.failed(now_ms);
}

void Scrubber::sweep(std::int64_t now_ms, Transfers* transfers) {
  log::SweepOptions sweeping;
  sweeping.directory = options_.journal->directory();
  sweeping.first_segment = scrubbing_.first_segment();
  sweeping.kept_from = scrubbing_.kept_through();
  for (const log::KeptFile& file : options_.journal->kept().files()) {
    sweeping.kept.push_back(file.number);
  }
  sweeping.snapshots = scrubbing_.cover();
  if (transfers != nullptr) {
    if (transfers->holds_up(sweeping.snapshots)) return;
    sweeping.by_name = transfers->keep_from(sweeping.snapshots);
  }
  std::vector<Index> through = scrubbing_.through();
  for (std::size_t g = 0; g < through.size(); ++g) {
    through[g] = std::max(
        through[g], options_.node->group(GroupId(static_cast<std::uint16_t>(g))).scrubbed_to());
  }
  busy_ = options_.cold->submit([this, now_ms, sweeping, through, files = options_.files,
                                 store = options_.journal->store_id()]() -> ColdThread::Completion {
    absl::Status status = log::sweep(*files, sweeping);
    if (status.ok()) {
      status = log::write_scrub_mark(*files, sweeping.directory, store, through);
    }
    return [this, now_ms, through, status] { swept(now_ms, through, status); };
  });
}

void Scrubber::swept(std::int64_t now_ms, const std::vector<Index>& through,
                     const absl::Status& status) {
  busy_ = false;
  if (!status.ok()) {
    ++failures_;
    scrubbing_.failed(now_ms);
    logger_.write(LogLevel::warning, "scrub: deleted data may still be on the disk, tried again",
                  {{"why", std::string(status.message())}});
    return;
  }
  ++passes_;
  options_.node->scrubbed(through);
  scrubbing_.swept();
  logger_.write(LogLevel::info, "scrub: what was deleted is off this box's disk", {});
}

void Scrubber::append_metrics(std::string* out) const {
  MetricsText text(out);
  text.counter("pawl_scrub_passes_total", "Passes that took deleted data off the disk.", "",
               passes_);
  text.counter("pawl_scrub_failures_total", "Such that could not be finished at once.", "",
               failures_);
  text.gauge("pawl_scrub_pending", "1: deleted data may still be on this box's disk.", "",
             node::Scrubbing::pending(*options_.node) ? 1 : 0);
}

}  // namespace pawl::daemon
