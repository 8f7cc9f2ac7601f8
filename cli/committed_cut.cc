#include "cli/committed_cut.h"

#include <poll.h>

#include <algorithm>

#include "cli/journal_look.h"

namespace pawl::cli {
namespace {

constexpr int kDurableLookMs = 20;      // between two looks at what is on the disk
constexpr int kDurableWaitMs = 20'000;  // for one batch of a disk that works
constexpr int kReadAnswerMs = 30'000;   // the daemon answers a read within half of it

// One answer: by group, what is applied and what is on the disk.
struct Reached {
  std::vector<Index> applied, durable;
};

Index index_of(const dsl::Value& row, std::string_view name) {
  const dsl::Value* value = row.field(name);
  const bool number = value != nullptr && value->kind() == dsl::Kind::int64;
  return Index(number ? static_cast<std::uint64_t>(value->as_int()) : 0);
}

std::optional<Reached> reached_in(const dsl::Value& body) {
  const dsl::Value* rows = body.field("groups");
  if (rows == nullptr || rows->kind() != dsl::Kind::list) return std::nullopt;
  Reached reached;
  for (const dsl::Value& row : rows->as_list()) {
    reached.applied.push_back(index_of(row, "applied"));
    reached.durable.push_back(index_of(row, "durable"));
  }
  return reached;
}

// "Group 3 has no leader", of those for which the box knows none.
std::string leaderless(Session& session) {
  const auto answer = session.client().call({.target = "/v1/cluster"});
  if (!answer.ok() || answer->status != 200) return "";
  const dsl::Value body = parse_body(*answer);
  const dsl::Value* rows = body.field("groups");
  if (rows == nullptr || rows->kind() != dsl::Kind::list) return "";
  std::string groups;
  for (const dsl::Value& row : rows->as_list()) {
    const dsl::Value* leader = row.field("leader");
    if (leader == nullptr || leader->kind() != dsl::Kind::null) continue;
    groups += (groups.empty() ? "" : ", ") + std::to_string(index_of(row, "group").v);
  }
  return groups.empty() ? "" : "; without a leader: group " + groups;
}

class Asking {
 public:
  Asking(Session& session, const std::string& directory, const daemon::StoreIdentity& store)
      : session_(session), directory_(directory), store_(store) {}

  // What every group has committed is applied here now; nullopt: it was said why not.
  std::optional<Reached> ask(int* exit) {
    const auto answer = session_.client().call({.target = "/v1/cluster/applied"}, kReadAnswerMs);
    if (!answer.ok()) {
      *exit = session_.refuse(kUnreachable,
                              std::string(answer.status().message()) + "\nhint: " + kWhichSocket);
      return std::nullopt;
    }
    if (answer->status == 503 || answer->status == 504) {
      *exit = session_.refuse(kUnreachable,
                              "no majority of the boxes has said what is committed" +
                                  leaderless(session_) +
                                  "\nhint: `pawl cluster status` shows who is up; to back up what "
                                  "this box has all the same, stop its daemon first");
      return std::nullopt;
    }
    if (answer->status != 200) {
      *exit = session_.refuse(*answer);
      return std::nullopt;
    }
    const dsl::Value body = parse_body(*answer);
    const dsl::Value* id = body.field("store");
    std::optional<Reached> reached = reached_in(body);
    if (reached && reached->applied.size() == store_.run_groups + std::size_t{1} && id != nullptr &&
        id->kind() == dsl::Kind::string && id->as_string() == store_text(store_.id)) {
      return reached;
    }
    *exit = session_.refuse(kConflict, "the daemon at " + session_.client().socket_path() +
                                           " runs on another store than " + printable(directory_) +
                                           "\nhint: " + kWhichSocket);
    return std::nullopt;
  }

  // Until all of `through` is on the disk.
  bool wait(const std::vector<Index>& through, int* exit) {
    const std::int64_t deadline = monotonic_ms() + kDurableWaitMs;
    for (;;) {
      const Answer answer = session_.call({.target = "/v1/cluster"});
      *exit = answer.exit;
      if (answer.exit != kDone) return false;
      const std::optional<Reached> now = reached_in(answer.json);
      if (now && now->durable.size() == through.size() &&
          std::equal(through.begin(), through.end(), now->durable.begin(),
                     [](Index wanted, Index there) { return wanted <= there; })) {
        return true;
      }
      if (monotonic_ms() > deadline) {
        *exit = session_.refuse(kTimedOut,
                                "this box does not get what it was sent onto its disk\nhint: the "
                                "daemon's log says why");
        return false;
      }
      ::poll(nullptr, 0, kDurableLookMs);
    }
  }

 private:
  static constexpr const char* kWhichSocket =
      "a daemon runs on this store, and has to say what is committed: name its socket with "
      "--socket, or PAWL_SOCKET";

  Session& session_;
  const std::string& directory_;
  const daemon::StoreIdentity& store_;
};

}  // namespace

CommittedCut find_committed_cut(Session& session, const std::string& directory,
                                const daemon::StoreIdentity& store) {
  CommittedCut cut;
  if (!daemon::StoreLock::is_held(directory)) return cut;
  Asking asking(session, directory, store);
  const std::optional<Reached> first = asking.ask(&cut.exit);
  const std::optional<Reached> second = first ? asking.ask(&cut.exit) : std::nullopt;
  if (!second) return cut;
  std::vector<Index> through = first->applied;
  through.front() = second->applied.front();
  if (asking.wait(through, &cut.exit)) cut.through = std::move(through);
  return cut;
}

}  // namespace pawl::cli
