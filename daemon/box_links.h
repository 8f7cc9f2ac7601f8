// A cluster's box among the others: opens the links that the configuration names, gives the node
// what comes in and the links what the node sends. One object, on the loop thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "codecs/seal.h"
#include "daemon/ares_lookup.h"
#include "daemon/config.h"
#include "daemon/key_rotation.h"
#include "daemon/peer_links.h"
#include "node/outputs.h"

namespace pawl::daemon {

class Api;
class ColdThread;

class BoxLinks final : public LinkHandler, public TurnHook {
 public:
  // Both outlive it.
  BoxLinks(EventLoop* loop, const Logger* logger);
  ~BoxLinks() override;

  // Reads the keyring and binds the sockets; `api` hears of frames and links from then on, and
  // `cold` writes the keyring when it is rotated. What failed, and what to do, is in the status.
  absl::Status open(const Config& config, ColdThread* cold, Api* api);
  // Null without a keyring.
  KeyRotation* rotation() { return rotation_.get(); }
  // The other boxes from now on, with addresses for those that the configuration does not name.
  void set_peers(const std::vector<std::pair<NodeId, std::string>>& peers);
  void send(const node::OutgoingFrame& frame) { links_.send(frame.to, frame.kind, frame.payload); }
  void close() { links_.close(); }
  const LinkMetrics& metrics() const { return links_.metrics(); }

  // TurnHook: tells the node of round trips.
  void end_turn(std::int64_t now_ns) override;

  // LinkHandler
  void on_frame(NodeId from, codecs::FrameKind kind, std::string_view payload) override;
  void on_link(NodeId peer, bool up) override;

 private:
  void make_rotation(NodeId self, const std::string& data, ColdThread* cold,
                     const codecs::Keyring& ring);

  const Logger& logger_;
  codecs::SystemRandomBytes random_;
  AresLookup names_;
  PeerLinks links_;
  std::vector<PeerLinks::Peer> configured_;
  std::vector<NodeId> peers_;
  EventLoop* loop_;
  std::int64_t told_ns_ = 0;
  std::unique_ptr<KeyRotation> rotation_;
  Api* api_ = nullptr;
};

}  // namespace pawl::daemon
