#include "engine/channel.h"

#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace pawl::engine {

void Channels::send(GroupId to, Message message) {
  Outbox& outbox = out_[to];
  message.number = ++outbox.last;
  if (message.kind == MessageKind::pin) pins_.emplace(message.name, message.version);
  outbox.messages.emplace_hint(outbox.messages.end(), message.number, std::move(message));
}

void Channels::acknowledged(GroupId to, std::uint64_t through) {
  const auto at = out_.find(to);
  PAWL_CHECK(at != out_.end() && through <= at->second.last);
  auto& messages = at->second.messages;
  messages.erase(messages.begin(), messages.upper_bound(through));
}

bool Channels::receive(GroupId from, const Message& message) {
  std::uint64_t& watermark = in_[from];
  if (message.number <= watermark) return false;
  PAWL_CHECK(message.number == watermark + 1);
  watermark = message.number;
  return true;
}

const std::map<std::uint64_t, Message>* Channels::outbox(GroupId to) const {
  const auto at = out_.find(to);
  return at == out_.end() || at->second.messages.empty() ? nullptr : &at->second.messages;
}

std::vector<GroupId> Channels::destinations() const {
  std::vector<GroupId> groups;
  for (const auto& [group, outbox] : out_) {
    if (!outbox.messages.empty()) groups.push_back(group);
  }
  return groups;
}

std::uint64_t Channels::watermark(GroupId from) const {
  const auto at = in_.find(from);
  return at == in_.end() ? 0 : at->second;
}

std::uint64_t Channels::sent(GroupId to) const {
  const auto at = out_.find(to);
  return at == out_.end() ? 0 : at->second.last;
}

// Grammar: varint count, then each outbox: varint group, varint last, varint count, then each
// message: varint number, varint kind, str name, varint version; varint count, then each
// watermark: varint group, varint number; varint count, then each pin: str name, varint version.
void Channels::encode(std::string* out) const {
  ByteWriter writer(out);
  writer.varint(out_.size());
  for (const auto& [group, outbox] : out_) {
    writer.varint(group.v);
    writer.varint(outbox.last);
    writer.varint(outbox.messages.size());
    for (const auto& [number, message] : outbox.messages) {
      writer.varint(number);
      writer.varint(static_cast<std::uint64_t>(message.kind));
      writer.str(message.name);
      writer.varint(message.version);
    }
  }
  writer.varint(in_.size());
  for (const auto& [group, number] : in_) {
    writer.varint(group.v);
    writer.varint(number);
  }
  writer.varint(pins_.size());
  for (const auto& [name, version] : pins_) {
    writer.str(name);
    writer.varint(version);
  }
}

namespace {

bool decode_message(ByteReader* in, std::uint64_t least, std::uint64_t last, Message* message) {
  message->number = in->varint();
  const std::uint64_t kind = in->varint();
  message->name = in->str();
  const std::uint64_t version = in->varint();
  message->kind = MessageKind::pin;
  message->version = static_cast<std::uint32_t>(version);
  return in->ok() && message->number >= least && message->number <= last &&
         kind == static_cast<std::uint64_t>(MessageKind::pin) && version <= UINT32_MAX;
}

// A group's number, greater than the one before (`least` moves on).
bool decode_group(ByteReader* in, std::uint64_t* least, GroupId* group) {
  const std::uint64_t number = in->varint();
  if (!in->ok() || number < *least || number > UINT16_MAX) return false;
  *least = number + 1;
  *group = GroupId(static_cast<std::uint16_t>(number));
  return true;
}

}  // namespace

bool Channels::decode(std::string_view bytes) {
  ByteReader in(bytes);
  Channels decoded;
  std::uint64_t least = 0;
  GroupId group;
  for (std::uint64_t n = in.varint(); n > 0; --n) {
    if (!decode_group(&in, &least, &group)) return false;
    Outbox& outbox = decoded.out_[group];
    outbox.last = in.varint();
    std::uint64_t least_number = 1;
    for (std::uint64_t m = in.varint(); m > 0; --m) {
      Message message;
      if (!decode_message(&in, least_number, outbox.last, &message)) return false;
      least_number = message.number + 1;
      outbox.messages.emplace_hint(outbox.messages.end(), message.number, std::move(message));
    }
  }
  least = 0;
  for (std::uint64_t n = in.varint(); n > 0; --n) {
    if (!decode_group(&in, &least, &group)) return false;
    decoded.in_[group] = in.varint();
  }
  for (std::uint64_t n = in.varint(); n > 0; --n) {
    std::string name(in.str());
    const std::uint64_t version = in.varint();
    if (!in.ok() || version > UINT32_MAX) return false;
    decoded.pins_.emplace(std::move(name), static_cast<std::uint32_t>(version));
  }
  if (!in.done()) return false;
  *this = std::move(decoded);
  return true;
}

}  // namespace pawl::engine
