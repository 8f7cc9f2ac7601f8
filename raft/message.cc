#include "raft/message.h"

#include "absl/strings/str_cat.h"

namespace pawl::raft {
namespace {

// Far below overflow, far above what is ever reached: arithmetic on what passes is safe.
constexpr std::uint64_t kNumberMax = std::uint64_t{1} << 62;

bool sane(Term term) { return term.v <= kNumberMax; }
bool sane(Index index) { return index.v <= kNumberMax; }
bool sane(Round round) { return round.v <= kNumberMax; }
// {0, 0} is "before the log"; no real entry has index or term 0.
bool sane(EntryId id) {
  return sane(id.index) && sane(id.term) && (id.index.v == 0) == (id.term.v == 0);
}

bool fits(const PreVoteRequest& b, Term term) {
  return sane(b.next) && b.next == term.next() && sane(b.last) && b.last.term <= term;
}
bool fits(const PreVoteReply& b, Term) { return sane(b.next); }
bool fits(const VoteRequest& b, Term term) { return sane(b.last) && b.last.term < term; }
bool fits(const VoteReply&, Term) { return true; }
bool fits(const Append& b, Term term) {
  if (!sane(b.prev) || !sane(b.commit) || !sane(b.round) || b.prev.term > term) return false;
  if (b.membership && b.count != 1) return false;
  if (b.count == 0) return true;
  return b.count <= limits::kAppendEntriesMax && b.entries_term.v > 0 && b.entries_term <= term &&
         b.entries_term >= b.prev.term;
}
bool fits(const AppendReply& b, Term) {
  return sane(b.received) && b.match <= b.received && sane(b.round);
}
bool fits(const AppendReject& b, Term) {
  return sane(b.prev) && sane(b.hint) && b.prev.v > 0 && b.hint.index <= b.prev && sane(b.round);
}
bool fits(const Heartbeat& b, Term) { return sane(b.commit) && sane(b.round); }
bool fits(const HeartbeatReply& b, Term) {
  return sane(b.received) && b.match <= b.received && sane(b.round);
}
bool fits(const SnapshotChunk& b, Term term) {
  const Snapshot& s = b.snapshot;
  if (!sane(s.last) || s.last.index.v == 0 || s.last.term > term || !sane(b.round)) return false;
  return b.bytes > 0 && b.bytes <= limits::kSnapshotChunkBytes && b.offset < s.bytes &&
         b.bytes <= s.bytes - b.offset;
}
bool fits(const SnapshotReply& b, Term) { return sane(b.last) && b.last.v > 0 && sane(b.round); }
bool fits(const TimeoutNow&, Term) { return true; }

std::string text(const PreVoteRequest& b) {
  return absl::StrCat("pre-vote? next t", b.next.v, " last ", to_string(b.last));
}
std::string text(const PreVoteReply& b) {
  return absl::StrCat("pre-vote ", b.granted ? "granted" : "denied", " next t", b.next.v);
}
std::string text(const VoteRequest& b) {
  return absl::StrCat("vote? last ", to_string(b.last), b.transfer ? " transfer" : "");
}
// Rounds are left out where they are not the point: scripts would show little else.
std::string text(const VoteReply& b) {
  return absl::StrCat("vote ", b.granted ? "granted" : "denied");
}
std::string text(const Append& b) {
  std::string entries = b.count ? absl::StrCat(" +", b.count, " of t", b.entries_term.v) : "";
  if (b.membership) entries += " membership";
  return absl::StrCat("append after ", to_string(b.prev), entries, " commit ", b.commit.v);
}
std::string text(const AppendReply& b) {
  return absl::StrCat("appended match ", b.match.v, " received ", b.received.v);
}
std::string text(const AppendReject& b) {
  return absl::StrCat("rejected after ", b.prev.v, " hint ", to_string(b.hint));
}
std::string text(const Heartbeat& b) {
  return absl::StrCat("heartbeat r", b.round.v, " commit ", b.commit.v);
}
std::string text(const HeartbeatReply& b) {
  return absl::StrCat("alive r", b.round.v, " match ", b.match.v, " received ", b.received.v);
}
std::string text(const SnapshotChunk& b) {
  return absl::StrCat("snapshot ", to_string(b.snapshot.last), " bytes ", b.offset, "..",
                      b.offset + b.bytes, " of ", b.snapshot.bytes);
}
std::string text(const SnapshotReply& b) {
  return absl::StrCat("snapshot at ", b.last.v, " has ", b.offset);
}
std::string text(const TimeoutNow&) { return "timeout now"; }

}  // namespace

bool well_formed(const Message& message) {
  if (message.from.v == 0 || message.to.v == 0 || message.from == message.to) return false;
  if (!sane(message.term)) return false;
  return std::visit([&](const auto& body) { return fits(body, message.term); }, message.body);
}

bool is_from_leader(const Body& body) {
  return std::holds_alternative<Append>(body) || std::holds_alternative<Heartbeat>(body) ||
         std::holds_alternative<SnapshotChunk>(body) || std::holds_alternative<TimeoutNow>(body);
}

bool is_reply(const Body& body) {
  return std::holds_alternative<PreVoteReply>(body) || std::holds_alternative<VoteReply>(body) ||
         std::holds_alternative<AppendReply>(body) || std::holds_alternative<AppendReject>(body) ||
         std::holds_alternative<HeartbeatReply>(body) ||
         std::holds_alternative<SnapshotReply>(body);
}

std::string to_string(EntryId id) { return absl::StrCat(id.index.v, ".", id.term.v); }

std::string to_string(const Message& message) {
  return absl::StrCat(message.from.v, ">", message.to.v, " t", message.term.v, " ",
                      std::visit([](const auto& body) { return text(body); }, message.body));
}

}  // namespace pawl::raft
