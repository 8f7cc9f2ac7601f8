// Datadriven scripts over a Cluster. A script is blocks separated by blank lines; a block is
// comments (#), one command line, "----" and what the command printed. Commands:
//
//   group N [founders=N] [append-max=N] [append-bytes=N] [inflight=N] [inflight-bytes=N] [chunk=N]
//         [uncommitted-max=N] [lag=N] [sync=manual]
//                            begins; writes complete at once unless manual; members past the
//                            founders know of nobody
//   member M term=T [vote=M] [log=T,T,...] [commit=I]   as if its disk had always been so
//   tick M|all MS            time passes for them (a heartbeat is due every 50 ms, an election
//                            after 300)
//   campaign M               an election timeout
//   propose M [COUNT] [bytes=N] [hold=1] / replicate M
//   read M                   a ReadIndex; its context is the number of reads so far
//   change M voters=M,M.. [learners=M,M..]
//   transfer M TO / abort M / candidacy M no|yes
//   deliver all|A>B [N]      the packets that are there now, or the first N of one link
//   drop all|A>B [N]         loses them
//   repeat A>B               delivers the first packet of a link and keeps it
//   postpone A>B             makes it the youngest
//   sync M|all [N]           completes writes
//   settle                   sync and deliver until nothing is left to do
//   cut A B / mend A B       both directions; `cut A>B` one
//   crash M [kept=N] / restart M / wipe M / lose-log M [unknown]   of one that has crashed
//   snapshot M INDEX / lose-snapshot M / compact M INDEX / corrupt M
//   show [M...]              role, term, vote, log, commit
//   members [M...]           who belongs to the group, as each knows it
//   compare                  where the logs differ, all but their ends
//   progress M               what a leader knows of its followers
//   packets                  what is on its way
//   quiet COMMAND...         the same, printing nothing
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/raft/cluster.h"

namespace pawl::raft {

class Script {
 public:
  // Runs one command line; returns what it printed, "ok\n" if that is nothing. A broken rule is
  // printed too.
  std::string run(const std::string& line);

 private:
  struct Command;
  std::string dispatch(const Command& command);
  std::string to_members(const Command& command);
  std::string group(const Command& command);
  std::string member(const Command& command);
  std::string deliver(const Command& command, bool lose);
  std::string settle();
  std::string show(const Command& command);
  std::string members_of(const Command& command);
  std::string compare() const;
  std::string change(const Command& command);
  std::string progress(const Command& command);
  bool act(const Command& command, int member);
  std::vector<int> members(const std::string& word) const;

  std::unique_ptr<Cluster> cluster_;
};

// The whole text with its expectations replaced by what the commands print; equal to `text` if all
// expectations hold.
std::string run_script(const std::string& text);

}  // namespace pawl::raft
