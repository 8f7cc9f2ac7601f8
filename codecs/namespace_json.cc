#include "codecs/namespace_json.h"

#include "codecs/json.h"
#include "engine/namespace.h"

namespace pawl::codecs {
namespace {

void write_quota(JsonWriter& w, const engine::NamespaceQuota& quota) {
  if (quota.max_runs) w.field("max_runs", *quota.max_runs);
  if (quota.max_payload_bytes) w.field("max_payload_bytes", *quota.max_payload_bytes);
  if (quota.starts_per_second) w.field("starts_per_second", *quota.starts_per_second);
}

void write_actor(JsonWriter& w, const engine::Actor& actor) {
  w.plain_key("actor").begin_object().field("box", actor.box.v);
  w.field("uid", std::uint64_t{actor.uid}).plain_key("gids").begin_array();
  for (const std::uint32_t gid : actor.gids) w.uint64(gid);
  w.end_array().end_object();
}

struct EventWriter {
  JsonWriter& w;
  void operator()(const engine::NamespacePut& e) const {
    w.field("type", "namespace.put").field("name", e.name);
    write_quota(w, e.quota);
    w.field("reason", e.reason).plain_key("at").time_ms(e.at.v);
    write_actor(w, e.actor);
  }
  void operator()(const engine::NamespaceEnded& e) const {
    w.field("type", e.gone ? "namespace.gone" : "namespace.ending").field("name", e.name);
    w.plain_key("at").time_ms(e.at.v);
    write_actor(w, e.actor);
  }
  void operator()(const engine::NamespaceShared& e) const {
    w.field("type", "namespace.shared").field("name", e.name);
    w.plain_key("shares").begin_array();
    for (const engine::NamespaceShare& share : e.shares) {
      w.begin_object().field("runs", share.runs);
      w.field("payload_bytes", share.payload_bytes).end_object();
    }
    w.end_array();
  }
};

}  // namespace

void write_namespace(JsonWriter& w, std::string_view name_space) {
  if (name_space != engine::kDefaultNamespace) w.field("namespace", name_space);
}

void write_name(JsonWriter& w, std::string_view key, std::string_view kept) {
  w.field(key, engine::plain_name(kept));
  write_namespace(w, engine::namespace_of(kept));
}

void append_namespace(std::string_view name, const engine::Namespace* known,
                      const engine::NamespaceUsage* usage, std::string* out) {
  JsonWriter w(out);
  w.begin_object().field("name", name);
  if (known != nullptr) {
    write_quota(w, known->put.quota);
    if (!known->put.reason.empty()) w.field("reason", known->put.reason);
    w.plain_key("created_at").time_ms(known->created_at.v);
    if (known->ending) w.field("ending", true);
  }
  if (usage != nullptr) {
    w.plain_key("usage").begin_object().field("runs", usage->runs);
    w.field("open_runs", usage->open_runs).field("payload_bytes", usage->payload_bytes);
    w.end_object();
  }
  w.end_object();
}

void write_namespace_event(JsonWriter& w, const engine::NamespaceEvent& event) {
  std::visit(EventWriter{w}, event);
}

}  // namespace pawl::codecs
