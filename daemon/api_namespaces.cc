// Namespaces: which there are, what each may have and has; and whether a call's is there.
#include <memory>
#include <set>

#include "base/limits_namespaces.h"
#include "codecs/json.h"
#include "codecs/namespace_json.h"
#include "daemon/api.h"
#include "daemon/routes.h"
#include "engine/namespace.h"
#include "node/refusals.h"

namespace pawl::daemon {
namespace {

// Of all groups, as this box has them.
engine::NamespaceUsage usage_of(const node::Node& node, std::string_view name) {
  engine::NamespaceUsage sum;
  for (std::size_t g = 1; g < node.group_count(); ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    const engine::NamespaceUsage usage = node.group(group).tables().usage_of(name);
    sum.runs += usage.runs;
    sum.open_runs += usage.open_runs;
    sum.payload_bytes += usage.payload_bytes;
  }
  return sum;
}

void append(const node::Node& node, std::string_view name, std::string* body) {
  const engine::NamespaceUsage usage = usage_of(node, name);
  codecs::append_namespace(name, node.catalog().namespaces().find(name), &usage, body);
}

// What a request was made of, beyond the life of its views.
struct OwnRequest {
  explicit OwnRequest(const Request& from) : peer(*from.peer), request(from) {
    request.peer = &peer;
    for (std::string_view* view :
         {&request.path, &request.query, &request.host, &request.content_type, &request.accept,
          &request.idempotency_key, &request.if_match, &request.if_none_match,
          &request.last_event_id, &request.body}) {
      texts.emplace_back(std::make_unique<std::string>(*view));
      *view = *texts.back();
    }
  }
  Peer peer;
  Request request;
  std::vector<std::unique_ptr<std::string>> texts;
};

}  // namespace

bool Api::has_namespace(const Call& call) const {
  return call.name_space == engine::kDefaultNamespace ||
         parts_.node->catalog().namespaces().is_open(call.name_space);
}

void Api::refuse_namespace(const Call& call) {
  const bool ending = parts_.node->catalog().namespaces().find(call.name_space) != nullptr;
  refuse(call.id, 404, "namespace-unknown", "There is no such namespace",
         ending ? "the namespace `" + call.name_space + "` is being deleted"
                : node::namespace_unknown(call.name_space));
}

// It may have been made on another box just now.
void Api::request_later(const Request& request) {
  const auto own = std::make_shared<OwnRequest>(request);
  after_barrier(request.id, parts_.now().mono_ms + std::int64_t{limits::kRequestSecondsMax} * 1000,
                [this, own] { serve(own->request, true); });
}

void Api::get_namespaces(Call& call) {
  QueryReader query(call);
  const auto limit =
      static_cast<std::size_t>(query.integer("limit", 1, limits::kPageItemsMax).value_or(100));
  const std::string after = query.text("cursor").value_or("");
  if (!query.ok()) return refuse(call.id, query.problem());
  std::set<std::string> names{std::string(engine::kDefaultNamespace)};
  for (const auto& [name, known] : parts_.node->catalog().namespaces().all()) names.insert(name);
  std::string body, last;
  codecs::JsonWriter w(&body);
  w.begin_object().plain_key("items").begin_array();
  std::size_t written = 0;
  auto it = names.upper_bound(after);
  for (; it != names.end() && written < limit; ++it, ++written) {
    std::string item;
    append(*parts_.node, *it, &item);
    w.raw(item);
    last = *it;
  }
  w.end_array().plain_key("next_cursor");
  it == names.end() ? w.null() : w.string(last);
  w.end_object();
  respond_json(call.id, 200, body);
}

void Api::get_namespace(Call& call) {
  const std::string& name = call.path[0];
  const bool known = name == engine::kDefaultNamespace ||
                     parts_.node->catalog().namespaces().find(name) != nullptr;
  if (!known) {
    return refuse(call.id, 404, "namespace-unknown", "There is no such namespace",
                  node::namespace_unknown(name));
  }
  std::string body;
  append(*parts_.node, name, &body);
  respond_json(call.id, 200, body);
}

void Api::put_namespace(Call& call) {
  BodyReader body(call.http->body,
                  {"max_runs", "max_payload_bytes", "starts_per_second", "reason"});
  node::PutNamespace put;
  put.name = call.path[0];
  put.quota.max_runs = body.integer("max_runs", 0, limits::kQuotaRunsMax);
  put.quota.max_payload_bytes = body.integer("max_payload_bytes", 0, limits::kQuotaBytesMax);
  put.quota.starts_per_second = body.integer("starts_per_second", 0, limits::kQuotaStartsMax);
  put.reason = body.text("reason", limits::kReasonBytesMax);
  if (!engine::is_namespace_name(put.name)) body.fail(node::namespace_name_problem());
  if (!body.ok()) return refuse(call.id, body.problem());
  submit(call, node::ChangeNamespace{std::move(put)});
}

void Api::delete_namespace(Call& call) {
  BodyReader body(call.http->body, {});
  if (!body.ok()) return refuse(call.id, body.problem());
  submit(call, node::ChangeNamespace{node::DeleteNamespace{call.path[0]}});
}

}  // namespace pawl::daemon
