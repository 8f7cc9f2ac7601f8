// What is on the disk, what is on its way there, and which messages wait for it.
//
// clang-format off
// | state                | event                               | state               | effects           |
// |----------------------|-------------------------------------|---------------------|-------------------|
// | hard durable         | term or vote changes                | hard on its way     | SaveHardState     |
// | hard on its way      | send()                              | message held        |                   |
// | hard on its way      | HardStatePersisted of it            | hard durable        | Send what is held |
// | hard on its way      | HardStatePersisted of an older one  | hard on its way     |                   |
// | any                  | the term rises                      | older messages gone |                   |
// | entries on their way | EntriesPersisted, still in trail    | durable rises       |                   |
// | entries on their way | EntriesPersisted, overwritten since | no change           |                   |
// clang-format on
#pragma once

#include "raft/effect.h"
#include "raft/event.h"
#include "raft/state.h"

namespace pawl::raft {

// Takes on a new term or vote (not an older one, and a vote is not changed within a term).
void save_hard_state(State* state, HardState hard, Effects* effects);

// Gives the message out if the hard state is durable, else holds it back. In the current term.
void send(State* state, NodeId to, const Body& body, Effects* effects);

// Adds `count` entries of `term`, each of at most `bytes`, to the end of the trail and asks for
// them to be written.
void append_entries(State* state, Term term, std::uint64_t count, std::uint32_t bytes,
                    AppendEntries::Source source, bool truncates, Effects* effects);

// Adds one entry that brings a membership, which is in force from now on.
void append_membership(State* state, Term term, MembershipPtr membership, std::uint32_t bytes,
                       AppendEntries::Source source, bool truncates, Effects* effects);

// Cuts the trail; `from` is above the commit and not past the end. A membership that goes with it
// is in force no more.
void truncate_from(State* state, Index from, Effects* effects);

// Notes the report; true if the hard state has become durable by it (what was held goes out).
bool hard_state_persisted(State* state, const HardStatePersisted& event, Effects* effects);

// Notes the report; true if durable rose.
bool entries_persisted(State* state, const EntriesPersisted& event);

}  // namespace pawl::raft
