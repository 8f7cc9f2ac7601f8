// The catalog's events and its snapshot as bytes. An event is a varint kind (1 stored, 2 default
// changed, 3 pinned, 4 queue paused, 5 queue resumed), then its fields in order; the snapshot is a
// format byte, then each workflow.
#include <limits>

#include "base/bytes.h"
#include "engine/catalog.h"

namespace pawl::engine {
namespace {

constexpr std::uint8_t kFormat = 1;

void put_actor(ByteWriter* w, const Actor& actor) {
  w->varint(actor.box.v);
  w->varint(actor.uid);
  w->varint(actor.gids.size());
  for (const std::uint32_t gid : actor.gids) w->varint(gid);
}

void put(ByteWriter* w, const VersionStored& e) {
  w->varint(1);
  w->str(e.name);
  w->varint(e.version);
  w->str(e.text);
  w->raw(as_view(e.hash));
  w->str(e.revision);
  w->svarint(e.at.v);
  put_actor(w, e.actor);
}

void put(ByteWriter* w, const DefaultChanged& e) {
  w->varint(2);
  w->str(e.name);
  w->varint(e.version);
  w->str(e.reason);
  w->svarint(e.at.v);
  put_actor(w, e.actor);
}

void put(ByteWriter* w, const VersionPinned& e) {
  w->varint(3);
  w->varint(e.group.v);
  w->str(e.name);
  w->varint(e.version);
}

template <class Change>
void put_queue_change(ByteWriter* w, std::uint64_t kind, const Change& e) {
  w->varint(kind);
  w->str(e.queue);
  w->str(e.reason);
  w->svarint(e.at.v);
  put_actor(w, e.actor);
}

void put(ByteWriter* w, const QueuePaused& e) { put_queue_change(w, 4, e); }

void put(ByteWriter* w, const QueueResumed& e) { put_queue_change(w, 5, e); }

// Reads fields; any number too large for its field fails the reader.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : in(bytes) {}

  template <class T>
  T number() {
    const std::uint64_t x = in.varint();
    if (x > std::numeric_limits<T>::max()) in.fail();
    return static_cast<T>(x);
  }
  std::string text() { return std::string(in.str()); }
  TimeMs time() { return TimeMs(in.svarint()); }
  Digest hash() {
    Digest d{};
    const std::string_view bytes = in.raw(d.size());
    if (in.ok()) std::memcpy(d.data(), bytes.data(), d.size());
    return d;
  }
  Actor actor() {
    Actor a;
    a.box = NodeId(in.varint());
    a.uid = number<std::uint32_t>();
    for (std::uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
      a.gids.push_back(number<std::uint32_t>());
    }
    return a;
  }

  ByteReader in;
};

VersionStored get_stored(FieldReader* r) {
  VersionStored e;
  e.name = r->text();
  e.version = r->number<std::uint32_t>();
  e.text = r->text();
  e.hash = r->hash();
  e.revision = r->text();
  e.at = r->time();
  e.actor = r->actor();
  return e;
}

DefaultChanged get_default(FieldReader* r) {
  DefaultChanged e;
  e.name = r->text();
  e.version = r->number<std::uint32_t>();
  e.reason = r->text();
  e.at = r->time();
  e.actor = r->actor();
  return e;
}

VersionPinned get_pinned(FieldReader* r) {
  VersionPinned e;
  e.group = GroupId(r->number<std::uint16_t>());
  e.name = r->text();
  e.version = r->number<std::uint32_t>();
  return e;
}

template <class Change>
Change get_queue_change(FieldReader* r) {
  Change e;
  e.queue = r->text();
  e.reason = r->text();
  e.at = r->time();
  e.actor = r->actor();
  return e;
}

}  // namespace

void encode_catalog_events(const std::vector<CatalogEvent>& events, std::string* out) {
  ByteWriter writer(out);
  for (const CatalogEvent& event : events) {
    std::visit([&writer](const auto& e) { put(&writer, e); }, event);
  }
}

bool decode_catalog_events(std::string_view bytes, std::vector<CatalogEvent>* events) {
  FieldReader reader(bytes);
  while (reader.in.ok() && !reader.in.at_end()) {
    switch (reader.in.varint()) {
      case 1:
        events->emplace_back(get_stored(&reader));
        break;
      case 2:
        events->emplace_back(get_default(&reader));
        break;
      case 3:
        events->emplace_back(get_pinned(&reader));
        break;
      case 4:
        events->emplace_back(get_queue_change<QueuePaused>(&reader));
        break;
      case 5:
        events->emplace_back(get_queue_change<QueueResumed>(&reader));
        break;
      default:
        return false;
    }
  }
  return reader.in.done();
}

// A snapshot is the events that make the catalog: defaults after their versions, then pins; at last
// the queues that are paused.
void Catalog::encode(std::string* out) const {
  ByteWriter writer(out);
  writer.u8(kFormat);
  for (const auto& [name, workflow] : workflows_) {
    for (const CatalogVersion& v : workflow.versions) {
      put(&writer,
          VersionStored{name, v.version, v.text, v.hash, v.revision, v.stored_at, v.stored_by});
    }
    if (workflow.default_version != 0) {
      put(&writer, DefaultChanged{name, workflow.default_version, workflow.default_reason,
                                  workflow.default_since, workflow.default_by});
    }
    for (const CatalogVersion& v : workflow.versions) {
      for (const GroupId group : v.pinned_by) put(&writer, VersionPinned{group, name, v.version});
    }
  }
  for (const auto& [queue, pause] : paused_queues_) {
    put(&writer, QueuePaused{queue, pause.reason, pause.since, pause.by});
  }
}

bool Catalog::decode(std::string_view bytes) {
  if (bytes.empty() || static_cast<std::uint8_t>(bytes.front()) != kFormat) return false;
  std::vector<CatalogEvent> events;
  if (!decode_catalog_events(bytes.substr(1), &events)) return false;
  Catalog decoded;
  for (const CatalogEvent& event : events) {
    if (!decoded.apply(event)) return false;
  }
  *this = std::move(decoded);
  return true;
}

}  // namespace pawl::engine
