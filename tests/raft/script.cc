#include "tests/raft/script.h"

#include <algorithm>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace pawl::raft {
namespace {

// Makes every election timeout the longest, 600 ms, so that 400 ms outlast a leader's protection
// alone.
constexpr std::uint64_t kRandom = 300;

std::uint64_t number(const std::string& word) {
  std::uint64_t n = 0;
  return absl::SimpleAtoi(word, &n) ? n : 0;
}

// "A>B"; false if it is not that.
bool parse_link(const std::string& word, int* from, int* to) {
  const std::vector<std::string> ends = absl::StrSplit(word, '>');
  return ends.size() == 2 && absl::SimpleAtoi(ends[0], from) && absl::SimpleAtoi(ends[1], to);
}

bool on_link(const Packet& packet, int from, int to) {
  return packet.message.from.v == static_cast<std::uint64_t>(from) &&
         packet.message.to.v == static_cast<std::uint64_t>(to);
}

// "t1x3 t4x2": the runs of a log, after the floor if there is one.
std::string log_text(const Trail& trail) {
  std::string out;
  if (trail.floor().index.v > 0) absl::StrAppend(&out, "(", to_string(trail.floor()), ") ");
  for (Index i = trail.floor().index.next(); i <= trail.last().index;) {
    const Trail::Run run = trail.run_at(i);
    absl::StrAppend(&out, "t", run.term.v, "x", run.last.v - run.first.v + 1, " ");
    i = run.last.next();
  }
  return out.empty() ? "empty " : out;
}

}  // namespace

struct Script::Command {
  std::vector<std::string> words;              // [0] is the verb
  std::map<std::string, std::string> options;  // key=value
  std::string word(std::size_t i) const { return i < words.size() ? words[i] : std::string(); }
  int id(std::size_t i) const { return static_cast<int>(number(word(i))); }
  std::uint64_t count(std::size_t i, std::uint64_t otherwise) const {
    return i < words.size() ? number(words[i]) : otherwise;
  }
  std::uint64_t option(const std::string& key, std::uint64_t otherwise) const {
    const auto found = options.find(key);
    return found == options.end() ? otherwise : number(found->second);
  }
};

std::string Script::group(const Command& command) {
  Cluster::Options options;
  options.members = command.id(1);
  options.founders = static_cast<int>(command.option("founders", 0));
  options.append_bytes_max = command.option("append-bytes", options.append_bytes_max);
  options.inflight_bytes_max = command.option("inflight-bytes", options.inflight_bytes_max);
  options.promotion_lag_max = command.option("lag", options.promotion_lag_max);
  options.snapshot_chunk_bytes =
      static_cast<std::uint32_t>(command.option("chunk", options.snapshot_chunk_bytes));
  options.append_entries_max = static_cast<std::uint32_t>(command.option("append-max", 8));
  options.inflight_messages_max = static_cast<std::uint32_t>(command.option("inflight", 4));
  options.uncommitted_entries_max = command.option("uncommitted-max", 1000);
  const auto sync = command.options.find("sync");
  options.sync_at_once = sync == command.options.end() || sync->second != "manual";
  if (options.members < 1 || options.members > limits::kVotersMax) return "no such group\n";
  cluster_ = std::make_unique<Cluster>(options);
  cluster_->trace(true);
  return "";
}

std::string Script::member(const Command& command) {
  std::vector<Term> terms;
  if (const auto log = command.options.find("log"); log != command.options.end()) {
    for (const auto word : absl::StrSplit(log->second, ',')) {
      terms.push_back(Term(number(std::string(word))));
    }
  }
  cluster_->preset(command.id(1),
                   HardState{Term(command.option("term", 0)), NodeId(command.option("vote", 0))},
                   terms, Index(command.option("commit", 0)));
  return "";
}

std::vector<int> Script::members(const std::string& word) const {
  std::vector<int> found;
  for (int m = 1; m <= cluster_->size(); ++m) {
    if (word == "all" || static_cast<std::uint64_t>(m) == number(word)) found.push_back(m);
  }
  return found;
}

std::string Script::deliver(const Command& command, bool lose) {
  int from = 0;
  int to = 0;
  const bool one_link = parse_link(command.word(1), &from, &to);
  if (!one_link && command.word(1) != "all") return "which packets?\n";
  std::size_t left = cluster_->packets().size();  // not those that come of it
  std::uint64_t wanted = command.count(2, left);
  for (std::size_t at = 0; left > 0 && wanted > 0; --left) {
    if (one_link && !on_link(cluster_->packets()[at], from, to)) {
      ++at;
      continue;
    }
    --wanted;
    if (lose) {
      cluster_->drop(at);
    } else {
      cluster_->deliver(at);
    }
  }
  return "";
}

std::string Script::settle() {
  for (int round = 0; round < 1000 && cluster_->failure().empty(); ++round) {
    bool busy = !cluster_->packets().empty();
    for (int m = 1; m <= cluster_->size(); ++m) {
      while (cluster_->complete_write(m)) busy = true;
    }
    if (!busy) return "";
    for (std::size_t left = cluster_->packets().size(); left > 0; --left) cluster_->deliver(0);
  }
  return "does not settle\n";
}

std::string Script::show(const Command& command) {
  std::string out;
  for (int m = 1; m <= cluster_->size(); ++m) {
    const auto wanted =
        std::find(command.words.begin() + 1, command.words.end(), std::to_string(m));
    if (command.words.size() > 1 && wanted == command.words.end()) continue;
    if (!cluster_->up(m)) {
      absl::StrAppend(&out, m, " down\n");
      continue;
    }
    const Raft& raft = cluster_->raft(m);
    absl::StrAppend(&out, m, " ", to_string(raft.role()), " t", raft.term().v, " vote ",
                    raft.state().hard.vote.v, " leader ", raft.leader().v, " | ");
    absl::StrAppend(&out, log_text(raft.trail()), "| commit ", raft.commit().v);
    if (raft.durable() < raft.last().index) absl::StrAppend(&out, " durable ", raft.durable().v);
    absl::StrAppend(&out, raft.ready() ? " ready\n" : "\n");
  }
  return out;
}

std::string Script::members_of(const Command& command) {
  std::string out;
  for (int m = 1; m <= cluster_->size(); ++m) {
    const auto wanted =
        std::find(command.words.begin() + 1, command.words.end(), std::to_string(m));
    if (command.words.size() > 1 && wanted == command.words.end()) continue;
    absl::StrAppend(&out, m, ": ",
                    cluster_->up(m) ? to_string(cluster_->raft(m).membership()) : "down", "\n");
  }
  return out;
}

// The first index from which two members that are up differ, but for one log being the longer.
std::string Script::compare() const {
  std::string out;
  for (int a = 1; a <= cluster_->size(); ++a) {
    for (int b = a + 1; b <= cluster_->size(); ++b) {
      if (!cluster_->up(a) || !cluster_->up(b)) continue;
      const std::vector<Record>& x = cluster_->disk(a).log;
      const std::vector<Record>& y = cluster_->disk(b).log;
      const std::size_t both = std::min(x.size(), y.size());
      std::size_t same = 0;
      while (same < both && x[same] == y[same]) ++same;
      absl::StrAppend(&out, a, " and ", b, same == both ? " agree through " : " differ after ",
                      same, "\n");
    }
  }
  return out;
}

std::string Script::change(const Command& command) {
  const auto ids = [&](const std::string& key) {
    std::vector<NodeId> found;
    const auto option = command.options.find(key);
    if (option == command.options.end()) return found;
    for (const auto word : absl::StrSplit(option->second, ',')) {
      found.push_back(NodeId(number(std::string(word))));
    }
    return found;
  };
  Membership wish;
  wish.voters = ids("voters");
  wish.learners = ids("learners");
  if (!well_formed(wish)) return "no such membership\n";
  cluster_->change(command.id(1), wish);
  return "";
}

std::string Script::progress(const Command& command) {
  std::string out;
  for (const Progress& p : cluster_->raft(command.id(1)).state().peers) {
    absl::StrAppend(&out, p.id.v, " ", to_string(p.mode), " match ", p.match.v, " next ", p.next.v,
                    " in flight ", p.inflight.size());
    if (p.inflight.bytes() > 0) absl::StrAppend(&out, " bytes ", p.inflight.bytes());
    if (p.mode == Progress::Mode::install) {
      absl::StrAppend(&out, " snapshot ", to_string(p.snapshot.last), " at ", p.stored);
    }
    absl::StrAppend(&out, p.probe_sent || p.chunk_sent ? " waiting\n" : "\n");
  }
  return out.empty() ? "leads nobody\n" : out;
}

std::string Script::dispatch(const Command& command) {
  const std::string& verb = command.words[0];
  if (verb == "group") return group(command);
  if (!cluster_) return "no group\n";
  const int m = command.id(1);
  if (verb == "deliver") return deliver(command, false);
  if (verb == "drop") return deliver(command, true);
  if (verb == "settle") return settle();
  if (verb == "show") return show(command);
  if (verb == "members") return members_of(command);
  if (verb == "compare") return compare();
  if (verb == "packets") {
    std::string out;
    for (const Packet& p : cluster_->packets()) absl::StrAppend(&out, to_string(p.message), "\n");
    return out.empty() ? "none\n" : out;
  }
  int from = 0;
  int to = 0;
  const bool one_way = parse_link(command.word(1), &from, &to);
  if ((verb == "repeat" || verb == "postpone") && one_way) {
    const std::vector<Packet> packets = cluster_->packets();
    const auto found = std::find_if(packets.begin(), packets.end(),
                                    [&](const Packet& p) { return on_link(p, from, to); });
    if (found == packets.end()) return "no such packet\n";
    if (verb == "postpone") {
      cluster_->postpone(static_cast<std::size_t>(found - packets.begin()));
    } else {
      cluster_->receive(to, *found);
    }
    return "";
  }
  if (verb == "cut" || verb == "mend") {
    cluster_->cut(one_way ? from : m, one_way ? to : command.id(2), verb == "cut");
    if (!one_way) cluster_->cut(command.id(2), m, verb == "cut");
    return "";
  }
  return to_members(command);
}

std::string Script::to_members(const Command& command) {
  const std::string& verb = command.words[0];
  const std::vector<int> chosen = members(command.word(1));
  if (chosen.empty()) return "no such command or member\n";
  if (verb == "member") return member(command);
  if (verb == "progress") return progress(command);
  if (verb == "change") return change(command);
  for (const int each : chosen) {
    if (!act(command, each)) return "no such command\n";
  }
  return "";
}

bool Script::act(const Command& command, int m) {
  const std::string& verb = command.words[0];
  if (verb == "tick") {
    cluster_->tick(m, static_cast<std::int64_t>(command.count(2, 0)), kRandom);
  } else if (verb == "campaign") {
    cluster_->campaign(m);
  } else if (verb == "propose") {
    cluster_->propose(m, static_cast<std::uint32_t>(command.count(2, 1)),
                      static_cast<std::uint32_t>(command.option("bytes", 0)),
                      command.option("hold", 0) != 0);
  } else if (verb == "replicate") {
    cluster_->replicate(m);
  } else if (verb == "read") {
    cluster_->read(m);
  } else if (verb == "transfer") {
    cluster_->transfer(m, command.id(2));
  } else if (verb == "abort") {
    cluster_->abort_transfer(m);
  } else if (verb == "candidacy") {
    cluster_->set_candidacy(m, command.word(2) != "no");
  } else if (verb == "lose-snapshot") {
    cluster_->lose_snapshot(m);
  } else if (verb == "snapshot") {
    cluster_->snapshot(m, Index(command.count(2, 0)));
  } else if (verb == "compact") {
    cluster_->compact(m, Index(command.count(2, 0)));
  } else if (verb == "corrupt") {
    cluster_->corrupt_incoming(m);
  } else if (verb == "crash") {
    cluster_->crash(m, command.option("kept", 0));
  } else if (verb == "restart") {
    cluster_->restart(m);
  } else if (verb == "lose-log") {
    cluster_->lose_log(m, command.word(2) != "unknown");
  } else if (verb == "wipe") {
    cluster_->wipe(m);
  } else if (verb == "sync") {
    for (std::uint64_t n = command.count(2, 1000); n > 0 && cluster_->complete_write(m);) --n;
  } else {
    return false;
  }
  return true;
}

std::string Script::run(const std::string& line) {
  Command command;
  for (const auto piece : absl::StrSplit(line, ' ', absl::SkipEmpty())) {
    const std::string word(piece);
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) {
      command.words.push_back(word);
    } else {
      command.options[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  const bool quiet = command.word(0) == "quiet";
  if (quiet) command.words.erase(command.words.begin());
  if (command.words.empty()) return "no command\n";
  const std::string printed = dispatch(command);
  std::string out;
  if (cluster_) {
    for (const std::string& each : cluster_->take_trace()) {
      if (!quiet) absl::StrAppend(&out, each, "\n");
    }
    if (!cluster_->failure().empty()) absl::StrAppend(&out, "BROKEN ", cluster_->failure(), "\n");
  }
  out += printed;
  return out.empty() ? "ok\n" : out;
}

std::string run_script(const std::string& text) {
  Script script;
  std::vector<std::string> out;
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out.push_back(lines[i]);
    if (lines[i].empty() || lines[i][0] == '#') continue;
    std::string printed = script.run(lines[i]);
    printed.pop_back();  // its last newline
    out.push_back("----");
    out.push_back(printed);
    // Skips the old expectation, up to the blank line.
    if (i + 1 < lines.size() && lines[i + 1] == "----") {
      while (i + 1 < lines.size() && !lines[i + 1].empty()) ++i;
    }
  }
  return absl::StrJoin(out, "\n");
}

}  // namespace pawl::raft
