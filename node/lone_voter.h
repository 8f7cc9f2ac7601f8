// Going on without a majority that is lost (`pawl cluster recover`).
//
// A group commits nothing without a majority of its voters. Where the others' disks are gone for
// good, what this box holds is all there is: its logs are ended by entries that no majority agreed
// to, written by hand while the daemon is stopped.
//
//   every group   a membership of this box alone, in a term above all that it has heard of, and an
//                 empty entry, so that reading the log commits all of it
//   group 0       after that, the removal of all other boxes from the roster
//   both ends     of a channel that were not cut at one instant are made to agree (channel_ends.h)
//
// They are one batch of the journal: all of it happens or nothing. At its next start the box elects
// itself, and what its logs hold is committed, acknowledged before or not. The term is this box's
// own: a log of the old cluster never agrees with these entries (log matching, paper 5.3), and the
// boxes that were removed are not linked any more.
//
// A restored backup of a box of a cluster is ended in the same way, under a number that the cluster
// never had, which is added to the roster first, or as a box alone, to which no roster means
// anything.
//
// If group 0's log ends with the wish to remove this very box, not known to be decided, it is cut
// there. Nothing here brings back what only the others had; GroupLeft says what there is.
#pragma once

#include <string>
#include <vector>

#include "base/ids.h"
#include "log/journal.h"
#include "node/node.h"

namespace pawl::node {

// What one group has left on this box.
struct GroupLeft {
  GroupId group;
  Index last;       // entry of its log
  Term term;        // of that entry
  Index committed;  // at least: what is known here to be on a majority's disks
  TimeMs written;   // when the last entry was, by its leader's clock; 0: the log is empty
  std::vector<NodeId> voters;
  std::size_t open_runs = 0;
};

// All functions: of a node that was started on its journal and has been given no input since.

// In the order of groups.
std::vector<GroupLeft> what_is_left(const Node& node);
// All boxes but this one that have a vote, learn, or are to; sorted. Empty: there is nothing to
// do.
std::vector<NodeId> boxes_given_up(Node& node);
// False, with the reason, if this box can't go on alone: it was removed, or has not every group.
bool can_go_on_alone(Node& node, std::string* why);
// True if group 0's log ends with the removal of this box, not known to be decided: go_on_alone()
// cuts it off. If it was decided, the others had gone on without this box.
bool is_perhaps_removed(Node& node);
// The same of a restored store: this box is alone by its making, or has a number that the cluster
// never had.
bool can_take_over(Node& node, std::string* why);
// Queues the entries; can_go_on_alone() or can_take_over() holds. They are to be made durable by
// one batch. `address`: where a box that the cluster never had is reached.
void go_on_alone(Node& node, log::Journal* journal, const std::string& address = "");

// What one end of each channel to group 0 holds, the other one knows of (channel_ends.h).
bool channels_agree(Node& node);
// All of that is so, of a node that was started on what was written.
bool goes_on_alone(Node& node);

}  // namespace pawl::node
