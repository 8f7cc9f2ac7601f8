// The two ends of a channel to group 0, brought to agree where they were not cut at one instant.
//
// The groups of one box of a cluster are each as far as this box has heard. So when such a box goes
// on alone, or a backup of it is restored, either end of a channel may be ahead of the other:
//
//   the run group is ahead   it holds the acknowledgement of messages that group 0 here has not
//                            received: they would never come again, and the next number would be a
//                            gap, which no receiver takes
//   group 0 is ahead         it has received messages that the run group here has not sent: their
//                            numbers would be given to others, which group 0 took for done
//
// What a message said is known all the same, since a pin is kept at both ends: by the run group as
// one it has sent, by the catalog as one it has taken. So group 0 receives what it missed, or the
// run group sends once more what has arrived, under the numbers it had. Both are what entries bring
// in any case (codecs::Entry), and the result is a state that the cluster could have been in.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "engine/catalog.h"
#include "engine/channel.h"

namespace pawl::node {

struct ChannelRepair {
  // For group 0, in order, an entry for each.
  std::vector<engine::Message> receives;
  // For the run group, in one entry, in order.
  std::vector<engine::Message> sends;
  std::uint64_t acknowledged = 0;  // by that entry, of these and of what was sent before
  bool empty() const { return receives.empty() && sends.empty(); }
};

// `sender` and `receiver` with all of their logs folded, as the catalog.
ChannelRepair repair_of(GroupId run_group, const engine::Channels& sender,
                        const engine::Channels& receiver, const engine::Catalog& catalog);

}  // namespace pawl::node
