#include "daemon/routes.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>

#include "daemon/api.h"
#include "node/refusals.h"

namespace pawl::daemon {
namespace {

using enum Method;
using enum Access;

constexpr Route kWorkflows[] = {
    {put, "/v1/workflows/{name}", write, Role::admin, &Api::put_workflow, "activate",
     "Deploy a definition: the body is its TOML text"},
    {get, "/v1/workflows", read, Role::reader, &Api::get_workflows, "limit cursor consistency",
     "List the workflows"},
    {get, "/v1/workflows/{name}", read, Role::reader, &Api::get_workflow, "consistency",
     "One workflow and its versions"},
    {get, "/v1/workflows/{name}/versions/{version}", read, Role::reader, &Api::get_workflow_version,
     "consistency", "One version, with its text"},
    {get, "/v1/workflows/{name}/graph", read, Role::reader, &Api::get_graph,
     "format version consistency", "States and what leads where"},
    {get, "/v1/workflows/{name}/versions/{version}/graph", read, Role::reader, &Api::get_graph,
     "format consistency", "States and what leads where, of one version"},
    {get, "/v1/workflows/{name}/usage", read, Role::reader, &Api::get_usage, "consistency",
     "Open runs by version"},
    {post, "/v1/workflows/{name}/check", immediate, Role::reader, &Api::post_check, "",
     "Check a definition without storing it"},
    {post, "/v1/workflows/{name}/default", write, Role::admin, &Api::post_default, "",
     "Change the version that starts use"},
};

constexpr Route kRuns[] = {
    {post, "/v1/runs", write, Role::client, &Api::post_run, "", "Start a run"},
    {get, "/v1/runs", read, Role::reader, &Api::get_runs,
     "workflow status state id_prefix started_after started_before closed_after closed_before "
     "tag.* fields limit cursor consistency",
     "List runs, newest start first"},
    {get, "/v1/runs/{id}", read, Role::reader, &Api::get_run, "uid at fields consistency",
     "The envelope of a run, as it is or was after an event"},
    {get, "/v1/runs/{id}/history", read, Role::reader, &Api::get_history,
     "uid generation after limit cursor follow fields diff consistency", "The events of a run"},
    {get, "/v1/runs/{id}/await", read, Role::reader, &Api::get_await,
     "uid state status since wait consistency", "Answers once the run is in a state or status"},
    {post, "/v1/runs/{id}/signals/{signal}", write, Role::client, &Api::post_signal, "uid",
     "Send a signal"},
    {post, "/v1/runs/{id}/move", write, Role::client, &Api::post_move, "uid",
     "The application's own transition"},
    {post, "/v1/runs/{id}/cancel", write, Role::operator_, &Api::post_verb, "uid",
     "Ask the run to stop: on_cancel, else cancelled"},
    {post, "/v1/runs/{id}/terminate", write, Role::operator_, &Api::post_verb, "uid",
     "Stop the run at once"},
    {post, "/v1/runs/{id}/pause", write, Role::operator_, &Api::post_verb, "uid",
     "Hold the run: nothing new is offered"},
    {post, "/v1/runs/{id}/resume", write, Role::operator_, &Api::post_verb, "uid",
     "Go on, with what came meanwhile"},
    {post, "/v1/runs/{id}/retry", write, Role::operator_, &Api::post_retry, "uid",
     "Run a step in incident again"},
    {post, "/v1/runs/{id}/reset", write, Role::operator_, &Api::post_reset, "uid",
     "Begin anew as the run was after an event"},
    {post, "/v1/runs/{id}/migrate", write, Role::operator_, &Api::post_migrate, "uid",
     "Go on by another version of the workflow"},
    {del, "/v1/runs/{id}/data", write, Role::admin, &Api::delete_data, "uid",
     "Delete what a closed run holds; its skeleton stays"},
};

constexpr Route kBatches[] = {
    {post, "/v1/batches", write, Role::operator_, &Api::post_batch, "",
     "A verb for all runs that fit a filter, or how many those are"},
    {get, "/v1/batches", read, Role::reader, &Api::get_batches, "consistency",
     "The batches, newest first"},
    {get, "/v1/batches/{batch}", read, Role::reader, &Api::get_batch, "consistency",
     "One batch and how far it is"},
    {del, "/v1/batches/{batch}", write, Role::operator_, &Api::delete_batch, "",
     "Stop a batch where it is"},
};

// What waits for an operator, workers and whoever follows.
constexpr Route kWork[] = {
    {get, "/v1/incidents", read, Role::reader, &Api::get_incidents,
     "workflow limit cursor consistency", "What waits for an operator"},
    {get, "/v1/tasks", read, Role::reader, &Api::get_tasks,
     "queue type worker limit cursor consistency", "Open tasks"},
    {get, "/v1/queues", read, Role::reader, &Api::get_queues, "consistency",
     "Depth, oldest, in flight, workers"},
    {get, "/v1/limits", read, Role::reader, &Api::get_limits, "name limit cursor consistency",
     "Limits with permits out, and who waits for one"},
    {post, "/v1/queues/{queue}/poll", write, Role::worker, &Api::post_poll, "wait",
     "Get tasks to work on"},
    {post, "/v1/queues/{queue}/pause", write, Role::operator_, &Api::post_queue_verb, "",
     "Hold the queue: no task of it is handed out"},
    {post, "/v1/queues/{queue}/resume", write, Role::operator_, &Api::post_queue_verb, "",
     "Hand its tasks out again"},
    {post, "/v1/tasks/batch", write, Role::worker, &Api::post_task_batch, "",
     "Report several outcomes"},
    {post, "/v1/tasks/{token}/complete", write, Role::worker, &Api::post_complete, "",
     "Report a result"},
    {post, "/v1/tasks/{token}/fail", write, Role::worker, &Api::post_fail, "", "Report a failure"},
    {post, "/v1/tasks/{token}/heartbeat", write, Role::worker, &Api::post_heartbeat, "",
     "Keep the lease, report progress"},
    {get, "/v1/events", read, Role::reader, &Api::get_events,
     "after subscription limit follow consistency", "Committed events of all groups, as ndjson"},
    {get, "/v1/subscriptions", read, Role::reader, &Api::get_subscriptions, "consistency",
     "Durable subscriptions to the events"},
    {get, "/v1/subscriptions/{name}", read, Role::reader, &Api::get_subscription, "consistency",
     "One subscription and how far it is"},
    {put, "/v1/subscriptions/{name}", write, Role::operator_, &Api::put_subscription, "",
     "Make a subscription, or begin it anew"},
    {del, "/v1/subscriptions/{name}", write, Role::operator_, &Api::delete_subscription, "",
     "Delete a subscription: nothing is held for it any more"},
    {post, "/v1/subscriptions/{name}/ack", write, Role::client, &Api::post_ack, "",
     "All events before a cursor were taken"},
};

constexpr Route kSchedules[] = {
    {get, "/v1/schedules", read, Role::reader, &Api::get_schedules,
     "workflow limit cursor consistency", "When runs start by themselves"},
    {get, "/v1/schedules/{name}", read, Role::reader, &Api::get_schedule, "consistency",
     "One schedule: its next firings, and its last ones"},
    {post, "/v1/schedules/{name}/trigger", write, Role::operator_, &Api::post_schedule_verb, "",
     "Fire it now"},
    {post, "/v1/schedules/{name}/backfill", write, Role::operator_, &Api::post_schedule_verb, "",
     "Make up for the firings between two times"},
    {post, "/v1/schedules/{name}/pause", write, Role::operator_, &Api::post_schedule_verb, "",
     "Hold the schedule; a new version of the workflow leaves it held"},
    {post, "/v1/schedules/{name}/resume", write, Role::operator_, &Api::post_schedule_verb, "",
     "Let it fire again, from now on"},
};

constexpr Route kNamespaces[] = {
    {get, "/v1/namespaces", read, Role::reader, &Api::get_namespaces, "limit cursor consistency",
     "The namespaces, their quotas, and what is used of them"},
    {get, "/v1/namespaces/{ns}", read, Role::reader, &Api::get_namespace, "consistency",
     "One namespace"},
    {put, "/v1/namespaces/{ns}", write, Role::admin, &Api::put_namespace, "",
     "Make a namespace, or change its quota"},
    {del, "/v1/namespaces/{ns}", write, Role::admin, &Api::delete_namespace, "",
     "Delete a namespace that has no runs"},
};

constexpr Route kSystem[] = {
    {get, "/v1/cluster", immediate, Role::reader, &Api::get_cluster, "",
     "The boxes and who leads what, as this box sees it"},
    {get, "/v1/cluster/applied", read, Role::reader, &Api::get_applied, "consistency",
     "What this box has applied, once that is all that was committed before"},
    {post, "/v1/cluster/members", write, Role::admin, &Api::post_members, "",
     "Add a box, give it a vote, or remove it"},
    {get, "/v1/cluster/keys", immediate, Role::admin, &Api::get_keys, "",
     "The keys that every box holds, by fingerprint"},
    {post, "/v1/cluster/keys/rotate", immediate, Role::admin, &Api::post_keys_rotate, "",
     "Replace the keyring's key on every box"},
    {post, "/v1/cluster/transfer", immediate, Role::admin, &Api::post_transfer, "",
     "Hand what this box leads to another one"},
    {post, "/v1/cluster/time/accept", write, Role::admin, &Api::post_time_accept, "",
     "Vouch for the box's clock after a jump"},
    {get, "/metrics", immediate, Role::reader, &Api::get_metrics, "", "Prometheus text"},
    {get, "/healthz", immediate, Role::reader, &Api::get_health, "", "The process is alive"},
    {get, "/readyz", immediate, Role::reader, &Api::get_ready, "", "It may serve"},
    {get, "/v1/version", immediate, Role::reader, &Api::get_version, "", "Versions"},
    {get, "/v1/openapi.json", immediate, Role::reader, &Api::get_openapi, "",
     "This table as OpenAPI 3.1"},
    {get, "/", immediate, Role::reader, &Api::get_root, "", "What this is"},
};

// Splits at '/'; the first part (before the leading slash) is left out.
std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  parts.reserve(8);
  path.remove_prefix(1);
  while (true) {
    const auto slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

bool is_name(std::string_view part) { return part.starts_with('{'); }

struct Compiled {
  const Route* route;
  std::vector<std::string_view> parts;
};

constexpr std::size_t kPartsMax = 8;

// The routes by their number of parts; within one, in the order of the table.
const std::array<std::vector<Compiled>, kPartsMax + 1>& compiled() {
  static const auto table = [] {
    std::array<std::vector<Compiled>, kPartsMax + 1> rows;
    for (const Route& route : routes()) {
      auto parts = split(route.pattern);
      std::vector<Compiled>& row = rows.at(parts.size());
      row.push_back({&route, std::move(parts)});
    }
    return rows;
  }();
  return table;
}

bool matches(const Compiled& row, const std::vector<std::string_view>& parts) {
  // From the end, where paths differ most.
  for (std::size_t i = parts.size(); i-- > 0;) {
    if (!is_name(row.parts[i]) && row.parts[i] != parts[i]) return false;
    if (is_name(row.parts[i]) && parts[i].empty()) return false;
  }
  return true;
}

}  // namespace

const std::vector<Route>& routes() {
  static const std::vector<Route> table = [] {
    std::vector<Route> all;
    for (const std::span<const Route> area : std::initializer_list<std::span<const Route>>{
             kWorkflows, kRuns, kBatches, kWork, kSchedules, kNamespaces, kSystem}) {
      all.insert(all.end(), area.begin(), area.end());
    }
    return all;
  }();
  return table;
}

bool is_of_namespaces(const Route& route) {
  if (!route.pattern.starts_with("/v1/")) return false;
  for (const std::string_view other :
       {"/v1/cluster", "/v1/namespaces", "/v1/version", "/v1/openapi.json"}) {
    if (route.pattern.starts_with(other)) return false;
  }
  return true;
}

namespace {

// "/v1/ns/{ns}/..." is "/v1/..." of that namespace. False with a problem if that is no name.
bool take_namespace(std::vector<std::string_view>* parts, Call* call, Problem* problem) {
  if (parts->size() < 4 || (*parts)[0] != "v1" || (*parts)[1] != "ns") return true;
  const std::string_view name = (*parts)[2];
  if (!engine::is_namespace_name(name)) {
    *problem = {400, "bad-path", "The path is malformed", node::namespace_name_problem()};
    return false;
  }
  call->name_space = std::string(name);
  parts->erase(parts->begin() + 1, parts->begin() + 3);
  return true;
}

}  // namespace

bool find_route(const Request& request, Call* call, Problem* problem) {
  auto parts = split(request.path);
  const std::size_t all = parts.size();
  if (!take_namespace(&parts, call, problem)) return false;
  const bool named = parts.size() < all;
  std::string allowed;
  for (const Compiled& row : compiled()[parts.size() <= kPartsMax ? parts.size() : 0]) {
    if (!matches(row, parts) || (named && !is_of_namespaces(*row.route))) continue;
    if (row.route->method != request.method) {
      if (!allowed.empty()) allowed += ", ";
      allowed += to_string(row.route->method);
      if (row.route->method == get) allowed += ", HEAD";
      continue;
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (!is_name(row.parts[i])) continue;
      auto decoded = percent_decode(parts[i]);
      if (!decoded) {
        *problem = {400, "bad-path", "The path is malformed",
                    "a part of the path is not percent-encoded UTF-8"};
        return false;
      }
      call->path.push_back(std::move(*decoded));
    }
    call->route = row.route;
    return true;
  }
  if (!allowed.empty()) {
    *problem = {405, "method-not-allowed", "The path does not take this method",
                "it takes " + allowed, allowed};
  } else {
    *problem = {404, "path-unknown", "There is nothing at this path",
                "GET /v1/openapi.json lists what there is; a '/' within an id is written %2F"};
  }
  return false;
}

bool check_parameters(const Call& call, Problem* problem) {
  for (const auto& [name, value] : call.query) {
    std::string_view known = call.route->parameters;
    bool found = false;
    while (!known.empty() && !found) {
      const std::string_view one = known.substr(0, known.find(' '));
      known.remove_prefix(std::min(known.size(), one.size() + 1));
      found =
          one == name || (one.ends_with(".*") && name.starts_with(one.substr(0, one.size() - 1)));
    }
    if (!found) {
      *problem = {
          400, "bad-parameter", "The request is not understood",
          "unknown parameter `" + name.substr(0, 80) + "`; the parameters here are: " +
              (call.route->parameters.empty() ? "none" : std::string(call.route->parameters))};
      return false;
    }
    // Of every read that has it; on one box both mean the same.
    if (name == "consistency" && value != "linearizable" && value != "local") {
      *problem = {400, "bad-parameter", "The request is not understood",
                  "`consistency` can be linearizable or local"};
      return false;
    }
  }
  return true;
}

}  // namespace pawl::daemon
