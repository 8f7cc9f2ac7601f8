// The catalog's events and its snapshot as bytes. An event is a varint kind (1 stored, 2 default
// changed, 3 pinned, 4 queue paused, 5 queue resumed, 6 boxes founded, 7 box added, 8 promoted,
// 9 removed, 10 known; 11 schedule set, 12 gone, 13 paused, 14 resumed, 15 decided, 16 answered;
// 20 to 22: batch_bytes.cc; 25 to 28: subscription.cc; 31 to 33: namespace_book.cc), then its
// fields in order; the snapshot is a format byte, the roster with its length before it, the
// schedules likewise if there are any (then it is format 3) or ever were namespaces (format 4, then
// these likewise), then the events that make each workflow, those of the paused queues, and those
// of the batches and of the subscriptions.
#include <limits>

#include "base/bytes.h"
#include "base/feature_level.h"
#include "engine/catalog.h"
#include "engine/field_bytes.h"

namespace pawl::engine {
namespace {

constexpr std::uint8_t kFormatWithoutRoster = 1;
constexpr std::uint8_t kFormatWithoutSchedules = 2;
constexpr std::uint8_t kFormatWithoutNamespaces = 3;
constexpr std::uint8_t kFormat = 4;

constexpr std::uint64_t kRosterKind = 6;  // the first of them
constexpr std::uint64_t kScheduleKind = 11;

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
  w->raw(pawl::as_view(e.hash));
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

void put(ByteWriter* w, const BoxesFounded& e) {
  w->varint(6);
  w->varint(e.boxes.size());
  for (const NodeId box : e.boxes) w->varint(box.v);
}

void put(ByteWriter* w, const BoxAdded& e) {
  w->varint(7);
  w->varint(e.box.v);
  w->str(e.address);
  w->u8(e.promote ? 1 : 0);
  w->svarint(e.at.v);
  put_actor(w, e.actor);
}

template <class Change>
void put_box_change(ByteWriter* w, std::uint64_t kind, const Change& e) {
  w->varint(kind);
  w->varint(e.box.v);
  w->svarint(e.at.v);
  put_actor(w, e.actor);
}

void put(ByteWriter* w, const BoxPromoted& e) { put_box_change(w, 8, e); }

void put(ByteWriter* w, const BoxRemoved& e) { put_box_change(w, 9, e); }

void put(ByteWriter* w, const BoxKnown& e) {
  w->varint(10);
  w->varint(e.box.v);
  w->raw({reinterpret_cast<const char*>(e.store.data()), e.store.size()});
}

void put(ByteWriter* w, const ScheduleEvent& e) {
  w->varint(kScheduleKind + e.index());
  std::string fields;
  std::visit([&fields](const auto& x) { FieldEncoder<FieldForm::stored>(&fields).put(x); }, e);
  w->raw(fields);
}

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
  // A digest, or a store's id.
  template <class Bytes>
  Bytes bytes() {
    Bytes d{};
    const std::string_view raw = in.raw(d.size());
    if (in.ok()) std::memcpy(d.data(), raw.data(), d.size());
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
  e.hash = r->bytes<Digest>();
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

BoxesFounded get_founded(FieldReader* r) {
  BoxesFounded e;
  for (std::uint64_t n = r->in.varint(); n > 0 && r->in.ok(); --n) {
    e.boxes.push_back(NodeId(r->in.varint()));
  }
  return e;
}

BoxAdded get_added(FieldReader* r) {
  BoxAdded e;
  e.box = NodeId(r->in.varint());
  e.address = r->text();
  const std::uint8_t promote = r->in.u8();
  if (promote > 1) r->in.fail();
  e.promote = promote == 1;
  e.at = r->time();
  e.actor = r->actor();
  return e;
}

template <class Change>
Change get_box_change(FieldReader* r) {
  Change e;
  e.box = NodeId(r->in.varint());
  e.at = r->time();
  e.actor = r->actor();
  return e;
}

BoxKnown get_known(FieldReader* r) {
  BoxKnown e;
  e.box = NodeId(r->in.varint());
  e.store = r->bytes<BoxStore>();
  return e;
}

template <std::size_t... i>
void get_schedule_event(std::uint64_t index, FieldReader* r, ScheduleEvent* e,
                        std::index_sequence<i...>) {
  FieldDecoder<FieldForm::stored> fields(&r->in);
  ((index == i ? fields.get(&e->emplace<i>()) : void()), ...);
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
    const std::uint64_t kind = reader.in.varint();
    if (kind >= kRosterKind && kFeatureLevel < kRosterLevel) return false;
    if (kind >= kScheduleKind && kind < kScheduleKind + std::variant_size_v<ScheduleEvent>) {
      if (kFeatureLevel < kScheduleLevel) return false;
      ScheduleEvent event;
      get_schedule_event(kind - kScheduleKind, &reader, &event,
                         std::make_index_sequence<std::variant_size_v<ScheduleEvent>>());
      events->emplace_back(std::move(event));
      continue;
    }
    if (kind >= kBatchKindFirst && kind <= kBatchKindLast) {
      if (kFeatureLevel < kBatchLevel) return false;
      events->emplace_back(get_batch_event(kind, &reader.in));
      continue;
    }
    if (kind >= kSubscriptionKindFirst && kind <= kSubscriptionKindLast) {
      if (kFeatureLevel < kSubscriptionLevel) return false;
      events->emplace_back(get_subscription_event(kind, &reader.in));
      continue;
    }
    if (kind >= kNamespaceKindFirst && kind <= kNamespaceKindLast) {
      if (kFeatureLevel < kNamespaceLevel) return false;
      events->emplace_back(get_namespace_event(kind, &reader.in));
      continue;
    }
    switch (kind) {
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
      case 6:
        events->emplace_back(get_founded(&reader));
        break;
      case 7:
        events->emplace_back(get_added(&reader));
        break;
      case 8:
        events->emplace_back(get_box_change<BoxPromoted>(&reader));
        break;
      case 9:
        events->emplace_back(get_box_change<BoxRemoved>(&reader));
        break;
      case 10:
        events->emplace_back(get_known(&reader));
        break;
      default:
        return false;
    }
  }
  return reader.in.done();
}

// A snapshot is the events that make the catalog: defaults after their versions, then pins; then
// the queues that are paused, and the batches.
void Catalog::encode(std::string* out) const {
  ByteWriter writer(out);
  const bool has_namespaces = namespaces_.changes() > 0;
  const bool has_schedules = has_namespaces || !schedules_.all().empty();
  writer.u8(has_namespaces  ? kFormat
            : has_schedules ? kFormatWithoutNamespaces
                            : kFormatWithoutSchedules);
  std::string roster;
  roster_.encode(&roster);
  writer.str(roster);
  if (has_schedules) {
    std::string schedules;
    schedules_.encode(&schedules);
    writer.str(schedules);
  }
  if (has_namespaces) {
    std::string namespaces;
    namespaces_.encode(&namespaces);
    writer.str(namespaces);
  }
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
  batches_.put_all(&writer);
  subscriptions_.put_all(&writer);
}

bool Catalog::decode(std::string_view bytes) {
  ByteReader reader(bytes);
  const std::uint8_t format = reader.u8();
  if (format < kFormatWithoutRoster || format > kFormat) return false;
  if (format >= kFormatWithoutNamespaces && kFeatureLevel < kScheduleLevel) return false;
  if (format == kFormat && kFeatureLevel < kNamespaceLevel) return false;
  Catalog decoded;
  if (format != kFormatWithoutRoster && (!decoded.roster_.decode(reader.str()) || !reader.ok())) {
    return false;
  }
  if (format >= kFormatWithoutNamespaces &&
      (!decoded.schedules_.decode(reader.str()) || !reader.ok())) {
    return false;
  }
  if (format == kFormat && (!decoded.namespaces_.decode(reader.str()) || !reader.ok())) {
    return false;
  }
  std::vector<CatalogEvent> events;
  if (!reader.ok() || !decode_catalog_events(reader.raw(reader.remaining()), &events)) return false;
  for (const CatalogEvent& event : events) {
    if (is_roster_event(event) || std::holds_alternative<ScheduleEvent>(event) ||
        std::holds_alternative<NamespaceEvent>(event) || !decoded.apply(event)) {
      return false;
    }
  }
  *this = std::move(decoded);
  return true;
}

// The number of changes, then by row: id, role, flags (1 founder, 2 promote, 4 known), address,
// store, since, by.
void Roster::encode(std::string* out) const {
  ByteWriter w(out);
  w.varint(changes_);
  for (const auto& [box, row] : boxes_) {
    w.varint(box.v);
    w.u8(static_cast<std::uint8_t>(row.role));
    w.u8(static_cast<std::uint8_t>((row.founder ? 1 : 0) | (row.promote ? 2 : 0) |
                                   (row.store ? 4 : 0)));
    w.str(row.address);
    if (row.store) w.raw({reinterpret_cast<const char*>(row.store->data()), row.store->size()});
    w.svarint(row.since.v);
    put_actor(&w, row.by);
  }
}

bool Roster::decode(std::string_view bytes) {
  FieldReader r(bytes);
  Roster decoded;
  decoded.changes_ = r.in.varint();
  NodeId before;
  while (r.in.ok() && !r.in.at_end()) {
    const NodeId box(r.in.varint());
    if (box <= before) return false;
    before = box;
    const std::uint8_t role = r.in.u8();
    const std::uint8_t flags = r.in.u8();
    if (role > static_cast<std::uint8_t>(BoxRole::removed) || flags > 7) return false;
    RosterBox& row = decoded.boxes_[box];
    row.role = static_cast<BoxRole>(role);
    row.founder = (flags & 1) != 0;
    row.promote = (flags & 2) != 0;
    row.address = r.text();
    if ((flags & 4) != 0) row.store = r.bytes<BoxStore>();
    row.since = r.time();
    row.by = r.actor();
  }
  if (!r.in.done()) return false;
  if (!decoded.boxes_.empty() && decoded.with(BoxRole::voter).empty()) return false;
  *this = std::move(decoded);
  return true;
}

}  // namespace pawl::engine
