// Strong types for every id and index, so that two integers of different meaning can't be swapped.
// Values are trivially copyable, ordered, hashable; `.v` is the raw number.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace pawl {

template <class Tag, class Rep>
struct Strong {
  Rep v{};

  constexpr Strong() = default;
  constexpr explicit Strong(Rep value) : v(value) {}
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;
  constexpr Strong next() const { return Strong(static_cast<Rep>(v + 1)); }
  constexpr Strong prev() const { return Strong(static_cast<Rep>(v - 1)); }

  template <class H>
  friend H AbslHashValue(H h, const Strong& s) {
    return H::combine(std::move(h), s.v);
  }
};

// A Raft term; 0 is "before any election".
using Term = Strong<struct TermTag, std::uint64_t>;
// A Raft log index within one group; the first entry is 1, 0 is "before the log".
using Index = Strong<struct IndexTag, std::uint64_t>;
// 0 is the system group, 1..N hold runs.
using GroupId = Strong<struct GroupIdTag, std::uint16_t>;
// A member of the cluster. 0 is "nobody". A wiped box gets a new one, never its old one.
using NodeId = Strong<struct NodeIdTag, std::uint64_t>;
// Milliseconds since the Unix epoch as a group's entries carry it (group time never goes back).
using TimeMs = Strong<struct TimeMsTag, std::int64_t>;
// A run's event counter: the number of events of the run so far. The first event has seq 1.
using Seq = Strong<struct SeqTag, std::uint64_t>;

// A run's unique id, never reused: the group that holds it and the index of the entry that started
// it.
struct RunUid {
  GroupId group;
  Index index;
  friend constexpr auto operator<=>(const RunUid&, const RunUid&) = default;
  template <class H>
  friend H AbslHashValue(H h, const RunUid& u) {
    return H::combine(std::move(h), u.group, u.index);
  }
};

// "g-i" in lower-case hexadecimal, e.g. "3-1f2a": how a uid reads in the API.
std::string to_string(const RunUid& uid);
// The inverse; false if `text` is not exactly what to_string would print.
bool parse_run_uid(const std::string& text, RunUid* uid);

}  // namespace pawl
