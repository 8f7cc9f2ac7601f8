// Boxes in one process, joined over loopback: each has a loop and a clock of its own, which the
// test turns and moves. Nothing here waits for a time that was guessed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "codecs/keyring.h"
#include "daemon/event_loop.h"
#include "daemon/peer_links.h"
#include "socket_client.h"
#include "tests/codecs/seeded_bytes.h"

namespace pawl::daemon {

constexpr codecs::FrameKind kSomeKind = codecs::FrameKind::kRaft;

// Keeps what comes in.
class FrameRecorder final : public LinkHandler {
 public:
  void on_frame(NodeId from, codecs::FrameKind kind, std::string_view payload) override;
  void on_link(NodeId peer, bool up) override;

  std::map<std::uint64_t, std::vector<std::string>> frames;  // by sender
  std::string changes;                                       // "+2 -2 +2 "
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  bool keep = true;  // false: counts alone
};

// Answers what it was told to, at once or when asked.
class TableLookup final : public NameLookup {
 public:
  void lookup(const std::string& name, Done done) override;
  std::map<std::string, std::vector<SocketAddress>> table;
  int asked = 0;
};

class Box {
 public:
  explicit Box(std::uint64_t id, std::uint64_t seed = 1);

  // Listens on a free port, or the given one, with peers at "nowhere yet" (see join()).
  void open(const std::vector<std::uint64_t>& peers, const codecs::Keyring* ring,
            std::uint16_t port = 0, bool udp = true);
  // Ends this life and begins another one, with what follows as in open(); knows the same peers.
  void restart(const codecs::Keyring* ring, std::uint16_t port, bool udp = true);
  Endpoint endpoint() const;
  const PeerMetrics& peer(std::uint64_t id) const;
  std::vector<std::string>& from(std::uint64_t id) { return handler.frames[id]; }
  void send(std::uint64_t to, std::string_view payload) {
    links->send(NodeId(to), kSomeKind, payload);
  }

  std::uint64_t id;
  HandClock clock;
  EventLoop loop;
  FrameRecorder handler;
  TableLookup names;
  codecs::SeededBytes random;
  std::vector<std::uint64_t> peer_ids;
  const Logger* log = nullptr;  // of the lives that begin from now on
  std::unique_ptr<PeerLinks> links;
};

// Tells each box where the others are.
void join(const std::vector<Box*>& boxes);

// Turns all loops, each turn some milliseconds later, until `done`; fails the test if it never is.
void until(const std::vector<Box*>& boxes, const std::function<bool()>& done, int step_ms = 1,
           int line = __builtin_LINE());
// So many turns, whatever happens.
void turn(const std::vector<Box*>& boxes, int turns, int step_ms = 1);
bool all_up(const std::vector<Box*>& boxes);
bool all_udp(const std::vector<Box*>& boxes);

codecs::Keyring ring_of(std::uint64_t seed);

}  // namespace pawl::daemon
