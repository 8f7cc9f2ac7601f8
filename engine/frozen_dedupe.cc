#include "engine/frozen_dedupe.h"

#include "base/bytes.h"
#include "engine/snapshot_records.h"

namespace pawl::engine {
namespace {

template <class Map>
auto last_key(const Map& map) {
  return map.empty() ? std::nullopt : std::optional(map.rbegin()->first);
}

}  // namespace

FrozenDedupe::FrozenDedupe(const Dedupe& dedupe)
    : kept_(last_key(dedupe.kept())), forwarded_(last_key(dedupe.forwarded())) {}

bool FrozenDedupe::next(const Dedupe& dedupe, std::size_t bytes_max, std::string* out) {
  const std::size_t until = out->size() + bytes_max;
  std::string body;
  const auto put = [&](SnapshotRecord kind, const KeyedAnswer& answer) {
    ByteWriter writer(&body);
    writer.svarint(answer.at.v);
    writer.varint(answer.status);
    writer.str(answer.body);
    append_record(kind, body, out);
    body.clear();
    return out->size() < until;
  };
  if (!kept_taken_) {
    kept_taken_ = !kept_.read(dedupe.kept(), [&](std::uint64_t number, const KeyedAnswer& answer) {
      ++kept_count_;
      ByteWriter writer(&body);
      writer.varint(number);
      writer.str(answer.key);
      writer.raw(as_view(answer.request));
      return put(SnapshotRecord::kept, answer);
    });
    if (!kept_taken_) return true;
  }
  return forwarded_.read(dedupe.forwarded(),
                         [&](const Dedupe::ForwardedKey& key, const KeyedAnswer& answer) {
                           ++forwarded_count_;
                           ByteWriter writer(&body);
                           writer.varint(key.first);
                           writer.varint(key.second);
                           return put(SnapshotRecord::forwarded, answer);
                         });
}

}  // namespace pawl::engine
