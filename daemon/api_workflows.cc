// Definitions: deploy, check, activate, look at.
#include <charconv>

#include "base/limits.h"
#include "codecs/graph_json.h"
#include "codecs/json.h"
#include "codecs/namespace_json.h"
#include "codecs/problem.h"
#include "codecs/run_json.h"
#include "daemon/api.h"
#include "dsl/definition.h"
#include "dsl/diagnostic_list.h"
#include "dsl/graph.h"
#include "node/refusals.h"

namespace pawl::daemon {
namespace {

std::string diagnostics_json(const dsl::ParsedDefinition& parsed, std::string_view file) {
  std::string list = "[";
  for (const dsl::Diagnostic& diagnostic : parsed.diagnostics) {
    if (list.size() > 1) list.push_back(',');
    codecs::append_diagnostic(diagnostic, file, &list);
  }
  list.push_back(']');
  return list;
}

std::string invalid_definition(const dsl::ParsedDefinition& parsed, std::string_view file) {
  return codecs::problem_json(
      422, "definition-invalid", "The definition has errors",
      "each of `errors` says where and what; `pawl check FILE` shows them without a daemon",
      [&](codecs::JsonWriter& w) {
        w.plain_key("errors").raw(diagnostics_json(parsed, file));
        if (parsed.suppressed > 0) w.field("suppressed", parsed.suppressed);
      });
}

void write_version(codecs::JsonWriter& w, const engine::CatalogVersion& version, bool with_text) {
  w.begin_object().field("version", std::uint64_t{version.version});
  w.field("hash", to_hex(version.hash));
  if (!version.revision.empty()) w.field("revision", version.revision);
  w.plain_key("stored_at").time_ms(version.stored_at.v);
  w.plain_key("pinned_by").begin_array();
  for (const GroupId group : version.pinned_by) w.uint64(group.v);
  w.end_array();
  if (with_text) w.field("text", version.text);
  w.end_object();
}

void write_workflow(codecs::JsonWriter& w, const engine::CatalogWorkflow& workflow,
                    bool with_versions) {
  w.begin_object();
  codecs::write_name(w, "name", workflow.name);
  w.field("default_version", std::uint64_t{workflow.default_version});
  if (workflow.default_version > 0) {
    w.plain_key("default_since").time_ms(workflow.default_since.v);
    w.field("default_reason", workflow.default_reason);
  }
  w.field("newest_version", std::uint64_t{workflow.versions.size()});
  if (with_versions) {
    w.plain_key("versions").begin_array();
    for (const auto& version : workflow.versions) write_version(w, version, false);
    w.end_array();
  }
  w.end_object();
}

std::uint32_t version_number(const std::string& text) {
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && last == end ? number : 0;
}

}  // namespace

void Api::put_workflow(Call& call) {
  const std::string& name = call.path[0];
  const auto parsed = dsl::parse_definition(call.http->body);
  node::Answer refusal;
  refusal.id = node::RequestId(call.id.v);
  if (parsed.definition == nullptr) {
    refusal.status = 422;
    refusal.body = invalid_definition(parsed, name + ".toml");
    respond(refusal);
    return;
  }
  if (parsed.definition->name != name) {
    refuse(call.id, 422, "name-differs", "The definition has another name",
           "the path says `" + name + "`, the file says `" + parsed.definition->name +
               "`: PUT it to /v1/workflows/" + parsed.definition->name);
    return;
  }
  const std::string* activate = call.parameter("activate");
  if (activate != nullptr && *activate != "true" && *activate != "false") {
    refuse(call.id, 400, "bad-parameter", "The request is not understood",
           "`activate` must be true or false");
    return;
  }
  node::DeployWorkflow deploy;
  deploy.name = call.kept(name);
  deploy.text = std::string(call.http->body);
  deploy.activate = activate == nullptr || *activate == "true";
  submit(call, std::move(deploy));
}

void Api::post_check(Call& call) {
  const auto parsed = dsl::parse_definition(call.http->body);
  if (parsed.definition == nullptr) {
    node::Answer refusal;
    refusal.id = node::RequestId(call.id.v);
    refusal.status = 422;
    refusal.body = invalid_definition(parsed, call.path[0] + ".toml");
    respond(refusal);
    return;
  }
  std::string body;
  codecs::JsonWriter w(&body);
  w.begin_object().field("name", parsed.definition->name);
  w.field("hash", to_hex(parsed.definition->hash));
  w.plain_key("warnings").raw(diagnostics_json(parsed, call.path[0] + ".toml"));
  w.end_object();
  respond_json(call.id, 200, body);
}

void Api::post_default(Call& call) {
  BodyReader body(call.http->body, {"version", "reason"});
  node::SetDefault change;
  change.workflow = call.kept(call.path[0]);
  const auto version = body.integer("version", 1, UINT32_MAX);
  change.reason = body.text("reason", limits::kReasonBytesMax);
  if (!version) body.fail("`version` is missing");
  if (!body.ok()) {
    refuse(call.id, body.problem());
    return;
  }
  change.version = static_cast<std::uint32_t>(*version);
  submit(call, std::move(change));
}

void Api::get_workflows(Call& call) {
  QueryReader query(call);
  const auto limit =
      static_cast<std::size_t>(query.integer("limit", 1, limits::kPageItemsMax).value_or(100));
  const std::string after = query.text("cursor").value_or("");
  if (!query.ok()) {
    refuse(call.id, query.problem());
    return;
  }
  const auto& all = parts_.node->definitions().catalog().workflows();
  std::string body, last;
  codecs::JsonWriter w(&body);
  w.begin_object().plain_key("items").begin_array();
  std::size_t written = 0;
  auto it = after.empty() ? all.begin() : all.upper_bound(call.kept(after));
  for (; it != all.end() && written < limit; ++it) {
    if (engine::namespace_of(it->first) != call.name_space) continue;
    write_workflow(w, it->second, false);
    last = engine::plain_name(it->first);
    ++written;
  }
  w.end_array().plain_key("next_cursor");
  it == all.end() ? w.null() : w.string(last);
  w.end_object();
  respond_json(call.id, 200, body);
}

const engine::CatalogWorkflow* Api::workflow_of(Call& call) {
  const auto* workflow = parts_.node->definitions().catalog().find(call.kept(call.path[0]));
  if (workflow == nullptr) {
    refuse(call.id, 404, "workflow-unknown", "There is no such workflow",
           node::workflow_unknown(call.path[0], std::nullopt));
  }
  return workflow;
}

void Api::get_workflow(Call& call) {
  const auto* workflow = workflow_of(call);
  if (workflow == nullptr) return;
  std::string body;
  codecs::JsonWriter w(&body);
  write_workflow(w, *workflow, true);
  respond_json(call.id, 200, body);
}

// The version a path or `version` parameter names, else the default; refuses if there is none.
const engine::CatalogVersion* Api::version_of(Call& call) {
  const auto* workflow = workflow_of(call);
  if (workflow == nullptr) return nullptr;
  const std::string* asked = call.path.size() > 1 ? &call.path[1] : call.parameter("version");
  const auto* version =
      workflow->find(asked == nullptr ? workflow->default_version : version_number(*asked));
  if (version == nullptr) {
    refuse(call.id, 404, "workflow-unknown", "There is no such version",
           dsl::quoted(call.path[0]) + " has no version " +
               dsl::quoted(asked == nullptr ? "0" : *asked) + "; GET /v1/workflows/" +
               call.path[0] + " lists those that are stored");
  }
  return version;
}

void Api::get_workflow_version(Call& call) {
  const auto* version = version_of(call);
  if (version == nullptr) return;
  std::string body;
  codecs::JsonWriter w(&body);
  write_version(w, *version, true);
  respond_json(call.id, 200, body);
}

void Api::get_graph(Call& call) {
  const std::string* asked = call.parameter("format");
  const std::string format = asked != nullptr ? *asked : "json";
  if (format != "json" && format != "mermaid" && format != "dot") {
    refuse(call.id, 400, "bad-parameter", "The request is not understood",
           "`format` can be json, mermaid or dot");
    return;
  }
  const auto* version = version_of(call);
  if (version == nullptr) return;
  const auto* definition =
      parts_.node->definitions().find(call.kept(call.path[0]), version->version);
  if (definition == nullptr) {
    refuse(call.id, 503, "definition-missing", "This build can't read the definition",
           "it was stored by a newer version of pawl");
    return;
  }
  if (format == "json") {
    respond_json(call.id, 200, codecs::graph_json(*definition, std::uint64_t{version->version}));
    return;
  }
  const dsl::Graph graph = dsl::graph_of(*definition);
  const std::string body = format == "dot" ? dsl::graph_dot(graph) : dsl::graph_mermaid(graph);
  Response response;
  response.content_type = format == "dot" ? "text/vnd.graphviz" : "text/plain; charset=utf-8";
  response.body = body;
  parts_.answers->respond(call.id, response);
}

void Api::get_usage(Call& call) {
  const auto* workflow = workflow_of(call);
  if (workflow == nullptr) return;
  std::string body;
  codecs::JsonWriter w(&body);
  w.begin_object().plain_key("items").begin_array();
  for (const auto& version : workflow->versions) {
    std::uint64_t open = 0;
    for (std::size_t g = 1; g < parts_.node->group_count(); ++g) {
      const auto& counts =
          parts_.node->group(GroupId(static_cast<std::uint16_t>(g))).tables().open_by_version();
      const auto found = counts.find({workflow->name, version.version});
      if (found != counts.end()) open += found->second;
    }
    w.begin_object().field("version", std::uint64_t{version.version});
    w.field("open_runs", open).end_object();
  }
  w.end_array().end_object();
  respond_json(call.id, 200, body);
}

}  // namespace pawl::daemon
