#include "codecs/entry_json.h"

#include <type_traits>
#include <variant>
#include <vector>

#include "codecs/batch_json.h"
#include "codecs/entry.h"
#include "codecs/event_json.h"
#include "codecs/json.h"
#include "codecs/limit_json.h"
#include "codecs/membership_bytes.h"
#include "codecs/namespace_json.h"
#include "codecs/schedule_json.h"
#include "codecs/subscription_json.h"
#include "engine/catalog.h"
#include "engine/event_bytes.h"

namespace pawl::codecs {
namespace {

std::string hex_of(const engine::BoxStore& store) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : store) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

void write_boxes(JsonWriter* w, std::string_view key, const std::vector<NodeId>& boxes) {
  w->plain_key(key).begin_array();
  for (const NodeId box : boxes) w->uint64(box.v);
  w->end_array();
}

// When, and by whom if it was not the engine itself.
template <class Change>
void write_author(JsonWriter* w, const Change& change) {
  w->plain_key("at").time_ms(change.at.v);
  const engine::Actor& actor = change.actor;
  if (actor.box.v == 0) return;
  w->plain_key("actor").begin_object().field("box", actor.box.v);
  w->field("uid", std::uint64_t{actor.uid}).plain_key("gids").begin_array();
  for (const std::uint32_t gid : actor.gids) w->uint64(gid);
  w->end_array().end_object();
}

struct ChangeWriter {
  JsonWriter* w;

  void operator()(const engine::VersionStored& e) const {
    w->field("type", "version.stored");
    write_name(*w, "name", e.name);
    w->field("version", std::uint64_t{e.version}).field("hash", to_hex(e.hash));
    w->field("revision", e.revision).field("text", e.text);
    write_author(w, e);
  }
  void operator()(const engine::DefaultChanged& e) const {
    w->field("type", "default.changed");
    write_name(*w, "name", e.name);
    w->field("version", std::uint64_t{e.version}).field("reason", e.reason);
    write_author(w, e);
  }
  void operator()(const engine::VersionPinned& e) const {
    w->field("type", "version.pinned");
    write_name(*w, "name", e.name);
    w->field("version", std::uint64_t{e.version}).field("group", std::uint64_t{e.group.v});
  }
  void operator()(const engine::QueuePaused& e) const {
    w->field("type", "queue.paused");
    write_name(*w, "queue", e.queue);
    w->field("reason", e.reason);
    write_author(w, e);
  }
  void operator()(const engine::QueueResumed& e) const {
    w->field("type", "queue.resumed");
    write_name(*w, "queue", e.queue);
    w->field("reason", e.reason);
    write_author(w, e);
  }
  void operator()(const engine::ScheduleEvent& e) const {
    write_schedule_event(*w, e);
    std::visit(
        [this](const auto& change) {
          if constexpr (requires { change.actor; }) write_author(w, change);
        },
        e);
  }
  void operator()(const engine::BoxesFounded& e) const {
    w->field("type", "boxes.founded");
    write_boxes(w, "boxes", e.boxes);
  }
  void operator()(const engine::BoxAdded& e) const {
    w->field("type", "box.added").field("box", e.box.v).field("address", e.address);
    w->field("promote", e.promote);
    write_author(w, e);
  }
  void operator()(const engine::BoxPromoted& e) const {
    w->field("type", "box.promoted").field("box", e.box.v);
    write_author(w, e);
  }
  void operator()(const engine::BoxRemoved& e) const {
    w->field("type", "box.removed").field("box", e.box.v);
    write_author(w, e);
  }
  void operator()(const engine::BoxKnown& e) const {
    w->field("type", "box.known").field("box", e.box.v).field("store", hex_of(e.store));
  }
  void operator()(const engine::BatchEvent& e) const { write_batch_event(*w, e); }
  void operator()(const engine::SubscriptionEvent& e) const { write_subscription_event(*w, e); }
  void operator()(const engine::NamespaceEvent& e) const { write_namespace_event(*w, e); }
};

void write_message(JsonWriter* w, const engine::Message& message) {
  w->field("number", message.number).field("kind", "pin").field("name", message.name);
  w->field("version", std::uint64_t{message.version});
}

void write_answers(JsonWriter* w, const std::vector<engine::KeyedAnswer>& answers) {
  if (answers.empty()) return;
  w->plain_key("answers").begin_array();
  for (const engine::KeyedAnswer& answer : answers) {
    w->begin_object();
    if (!answer.key.empty()) {
      w->field("key", answer.key).field("request", to_hex(answer.request));
    } else {
      w->field("process", answer.forwarded.process).field("number", answer.forwarded.number);
      w->field("open_from", answer.forwarded.open_from);
    }
    w->field("status", std::uint64_t{answer.status}).field("body", answer.body).end_object();
  }
  w->end_array();
}

void write_messages(JsonWriter* w, const Entry& entry) {
  if (!entry.sends.empty()) {
    w->plain_key("sends").begin_array();
    for (const OutgoingMessage& send : entry.sends) {
      w->begin_object().field("to", std::uint64_t{send.to.v});
      write_message(w, send.message);
      w->end_object();
    }
    w->end_array();
  }
  if (entry.receive.number > 0) {
    w->plain_key("receive").begin_object().field("from", std::uint64_t{entry.receive_from.v});
    write_message(w, entry.receive);
    w->end_object();
  }
  if (entry.ack_through > 0) {
    w->plain_key("ack").begin_object().field("to", std::uint64_t{entry.ack_to.v});
    w->field("through", entry.ack_through).end_object();
  }
}

// All that is stored in an entry as bytes of its own.
struct Decoded {
  std::vector<engine::Event> events;
  std::vector<engine::CatalogEvent> changes;
  raft::Membership members;
  std::vector<engine::BatchStep> steps;
  std::vector<engine::LimitChange> limits;
};

absl::Status decode(const Entry& entry, Decoded* decoded) {
  absl::Status status =
      engine::decode_events(entry.events, nullptr, entry.first_seq, &decoded->events);
  if (!status.ok()) return status;
  if (!entry.catalog.empty() && !engine::decode_catalog_events(entry.catalog, &decoded->changes)) {
    return absl::DataLossError("the changes of the catalog are malformed or of an unknown kind");
  }
  if (!engine::decode_batch_steps(entry.batches, &decoded->steps)) {
    return absl::DataLossError("the steps of batches are malformed");
  }
  if (!engine::decode_limit_changes(entry.limits, &decoded->limits)) {
    return absl::DataLossError("the changes of limits are malformed");
  }
  std::string error;
  if (!entry.membership.empty() &&
      !decode_membership(entry.membership, &decoded->members, &error)) {
    return absl::DataLossError(error);
  }
  return absl::OkStatus();
}

void write_run(JsonWriter* w, GroupId group, const Entry& entry,
               const std::vector<engine::Event>& events) {
  if (entry.run.v > 0) w->field("run", to_string(RunUid{group, entry.run}));
  if (entry.previous.v > 0) w->field("previous", entry.previous.v);
  if (events.empty()) return;
  w->plain_key("events").begin_array();
  Seq seq = entry.first_seq;
  for (const engine::Event& event : events) {
    std::string text;
    append_event(event, seq, entry.time, {}, &text);
    w->raw(text);
    seq = seq.next();
  }
  w->end_array();
}

void write_forgotten(JsonWriter* w, GroupId group, const Entry& entry) {
  if (!entry.forgets.empty()) {
    w->plain_key("forgets").begin_array();
    for (const Index run : entry.forgets) w->string(to_string(RunUid{group, run}));
    w->end_array();
  }
  if (entry.forgets_generations.empty()) return;
  w->plain_key("forgets_generations").begin_array();
  for (const auto& [run, through] : entry.forgets_generations) {
    w->begin_object().field("run", to_string(RunUid{group, run}));
    w->field("through", std::uint64_t{through}).end_object();
  }
  w->end_array();
}

void write_rest(JsonWriter* w, const Entry& entry, const Decoded& decoded) {
  write_answers(w, entry.answers);
  write_messages(w, entry);
  if (!decoded.changes.empty()) {
    w->plain_key("catalog").begin_array();
    for (const engine::CatalogEvent& change : decoded.changes) {
      w->begin_object();
      std::visit(ChangeWriter{w}, change);
      w->end_object();
    }
    w->end_array();
  }
  if (!decoded.steps.empty()) {
    w->plain_key("batches").begin_array();
    for (const engine::BatchStep& step : decoded.steps) write_batch_step(*w, step);
    w->end_array();
  }
  if (!decoded.limits.empty()) {
    w->plain_key("limits").begin_array();
    for (const engine::LimitChange& change : decoded.limits) write_limit_change(*w, change);
    w->end_array();
  }
  if (entry.raise_level > 0) w->field("raise_level", std::uint64_t{entry.raise_level});
  if (entry.membership.empty()) return;
  w->plain_key("members").begin_object();
  write_boxes(w, "voters", decoded.members.voters);
  write_boxes(w, "outgoing", decoded.members.outgoing);
  write_boxes(w, "learners", decoded.members.learners);
  write_boxes(w, "learners_next", decoded.members.learners_next);
  w->end_object();
}

}  // namespace

absl::Status append_entry(const EntryPosition& position, std::string_view payload,
                          std::string* out) {
  Entry entry;
  Decoded decoded;
  std::string error;
  if (!payload.empty()) {
    if (!decode_entry(payload, &entry, &error)) return absl::DataLossError(error);
    if (absl::Status s = decode(entry, &decoded); !s.ok()) return s;
  }
  JsonWriter w(out);
  w.begin_object().field("group", std::uint64_t{position.group.v});
  w.field("index", position.index.v).field("term", position.term.v);
  w.field("segment", position.segment).field("offset", std::uint64_t{position.offset});
  if (position.replaced) w.field("replaced", true);
  if (payload.empty()) {
    w.field("noop", true).end_object();
    return absl::OkStatus();
  }
  w.plain_key("at").time_ms(entry.time.v);
  w.field("level", std::uint64_t{entry.level});
  if (entry.committed.v > 0) w.field("committed", entry.committed.v);
  write_run(&w, position.group, entry, decoded.events);
  write_rest(&w, entry, decoded);
  write_forgotten(&w, position.group, entry);
  w.end_object();
  return absl::OkStatus();
}

}  // namespace pawl::codecs
