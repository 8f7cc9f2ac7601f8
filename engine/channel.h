// Numbered channels between two groups: how a group tells another something exactly once.
//
//   sender:   queued(n) --delivered--> queued(n) --acknowledged(n)--> gone
//   receiver: watermark w --message w+1--> w+1;  message <= w: already done, acknowledged again
//
// A message is part of the sender's state (a fold of the entry that caused it) until the receiver's
// group has committed it and the sender's group has committed the acknowledgement. The receiver
// keeps one number for each sender group. A crash anywhere repeats a delivery, never its effect.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace pawl::engine {

enum class MessageKind : std::uint8_t {
  pin = 1,  // run group -> group 0: runs of (name, version) exist here
};

struct Message {
  std::uint64_t number = 0;  // 1, 2, 3 ... per (sender, receiver)
  MessageKind kind = MessageKind::pin;
  std::string name;  // of a workflow
  std::uint32_t version = 0;
  friend bool operator==(const Message&, const Message&) = default;
};

class Channels {
 public:
  // --- folds at the sender ---
  // Gives the message the channel's next number and queues it.
  void send(GroupId to, Message message);
  // Drops every message to `to` with a number <= `through`.
  void acknowledged(GroupId to, std::uint64_t through);
  // --- fold at the receiver: false if the message was already done (number <= watermark); numbers
  // have no gaps (checked) ---
  bool receive(GroupId from, const Message& message);

  // Unacknowledged messages to `to`, in order.
  const std::map<std::uint64_t, Message>* outbox(GroupId to) const;
  // Receivers with unacknowledged messages.
  std::vector<GroupId> destinations() const;
  std::uint64_t watermark(GroupId from) const;
  // The number of the newest message to `to`; 0: there was none.
  std::uint64_t sent(GroupId to) const;
  // A pin of this version was ever sent from here (recorded by send): it is sent once.
  bool sent_pin(std::string_view name, std::uint32_t version) const {
    return pins_.contains(std::pair<std::string, std::uint32_t>(name, version));
  }

  // All of them.
  const std::set<std::pair<std::string, std::uint32_t>>& sent_pins() const { return pins_; }

  void encode(std::string* out) const;
  bool decode(std::string_view bytes);
  friend bool operator==(const Channels&, const Channels&) = default;

 private:
  struct Outbox {
    std::uint64_t last = 0;
    std::map<std::uint64_t, Message> messages;
    friend bool operator==(const Outbox&, const Outbox&) = default;
  };
  std::map<GroupId, Outbox> out_;
  std::map<GroupId, std::uint64_t> in_;
  std::set<std::pair<std::string, std::uint32_t>> pins_;
};

}  // namespace pawl::engine
