#include "daemon/damage_watch.h"

#include <cstddef>

#include "daemon/metrics.h"

namespace pawl::daemon {
namespace {

constexpr std::size_t kSaidMax = 100;  // places

}  // namespace

bool DamageWatch::others_vote() const {
  for (std::size_t g = 0; g < node_.group_count(); ++g) {
    const node::Group& group = node_.group(GroupId(static_cast<std::uint16_t>(g)));
    if (group.raft().membership().all_voters().size() > 1) return true;
  }
  return false;
}

std::string DamageWatch::turn() {
  const auto met = journal_.source().damage->take();
  // What was given up while it was read may be the beginning of another segment by now.
  if (!met || met->segment < journal_.oldest_segment()) return "";
  if (others_vote()) return met->what;
  if (said_.size() >= kSaidMax || !said_.insert(met->what).second) return "";
  ++found_;
  logger_.write(LogLevel::error,
                "journal: damage was met; histories that need it can't be read, all else goes on",
                {{"why", met->what},
                 {"hint",
                  "a start will refuse it: `pawl recover` then shows what is lost and goes on "
                  "without; or restore a backup"}});
  return "";
}

void DamageWatch::append_metrics(std::string* out) const {
  MetricsText(out).counter("pawl_journal_damages_total", "Damaged places met while running.", "",
                           found_);
}

}  // namespace pawl::daemon
