#include "node/channel_ends.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <tuple>
#include <utility>

namespace pawl::node {
namespace {

using Pin = std::pair<std::string, std::uint32_t>;
using Pins = std::set<Pin>;

// What the catalog has taken from the group.
Pins taken(const engine::Catalog& catalog, GroupId run_group) {
  Pins pins;
  for (const auto& [name, workflow] : catalog.workflows()) {
    for (const engine::CatalogVersion& version : workflow.versions) {
      if (version.pinned_by.contains(run_group)) pins.emplace(name, version.version);
    }
  }
  return pins;
}

Pins without(const Pins& all, const Pins& some) {
  Pins left;
  std::set_difference(all.begin(), all.end(), some.begin(), some.end(),
                      std::inserter(left, left.end()));
  return left;
}

// Takes a pin for each message from..through out of `pins`. Numbers that are left over say once
// more what `known` has: the pin of a version that the catalog does not hold is kept by its sender
// alone.
std::vector<engine::Message> numbered(std::uint64_t from, std::uint64_t through, Pins* pins,
                                      const Pins& known) {
  std::vector<engine::Message> messages;
  for (std::uint64_t number = from; number <= through; ++number) {
    engine::Message message;
    message.number = number;
    message.kind = engine::MessageKind::pin;
    if (!pins->empty()) {
      std::tie(message.name, message.version) = *pins->begin();
      pins->erase(pins->begin());
    } else if (!known.empty()) {
      std::tie(message.name, message.version) = *known.begin();
    }
    messages.push_back(std::move(message));
  }
  return messages;
}

}  // namespace

ChannelRepair repair_of(GroupId run_group, const engine::Channels& sender,
                        const engine::Channels& receiver, const engine::Catalog& catalog) {
  ChannelRepair repair;
  const std::uint64_t sent = sender.sent(GroupId(0));
  const std::uint64_t received = receiver.watermark(run_group);
  const Pins& theirs = sender.sent_pins();
  const Pins ours = taken(catalog, run_group);
  const auto* outbox = sender.outbox(GroupId(0));
  const std::uint64_t gone = outbox == nullptr ? sent : outbox->begin()->first - 1;
  // What group 0 has to hear of. A version that it does not hold can't be pinned.
  Pins missing = without(theirs, ours);
  std::erase_if(missing, [&](const Pin& pin) { return !catalog.find(pin.first, pin.second); });
  if (outbox != nullptr) {
    for (auto at = outbox->upper_bound(received); at != outbox->end(); ++at) {
      missing.erase({at->second.name, at->second.version});
    }
  }
  Pins unsent = without(ours, theirs);
  repair.receives = numbered(received + 1, gone, &missing, theirs);
  repair.sends = numbered(sent + 1, received, &unsent, ours);
  repair.acknowledged = repair.sends.empty() ? 0 : received;
  // Sent under a number that another message had in the log that group 0 heard.
  const std::uint64_t next = std::max(sent, received) + 1;
  if (!missing.empty()) {
    auto again = numbered(next, next + missing.size() - 1, &missing, {});
    std::move(again.begin(), again.end(), std::back_inserter(repair.sends));
  }
  return repair;
}

}  // namespace pawl::node
