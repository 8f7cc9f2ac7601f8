// What the process says of itself: health, readiness, metrics, versions, and the route table as
// OpenAPI.
#include <algorithm>

#include "base/feature_level.h"
#include "codecs/json.h"
#include "daemon/api.h"
#include "daemon/routes.h"
#include "daemon/version.h"

namespace pawl::daemon {
namespace {

void add_node_metrics(const node::Node& node, MetricsText& text) {
  const node::NodeStats& s = node.stats();
  text.counter("pawl_requests_total", "Requests the node took in", "", s.requests);
  text.counter("pawl_entries_proposed_total", "Log entries proposed", "", s.entries_proposed);
  text.counter("pawl_entries_applied_total", "Log entries applied", "", s.entries_applied);
  text.counter("pawl_events_applied_total", "Events applied", "", s.events_applied);
  text.counter("pawl_tasks_handed_out_total", "Hand-outs committed", "", s.tasks_handed_out);
  text.counter("pawl_tasks_returned_total", "Hand-outs that reached no worker", "",
               s.tasks_returned);
  text.counter("pawl_leases_lost_total", "Leases that ended without an outcome", "", s.leases_lost);
  text.counter("pawl_timers_fired_total", "Runs whose timers fired", "", s.timers_fired);
  text.counter("pawl_schedule_firings_total", "Firings of schedules, as group 0's leader",
               "result=\"started\"", s.schedules_started);
  text.counter("pawl_schedule_firings_total", "Firings of schedules, as group 0's leader",
               "result=\"refused\"", s.schedules_refused);
  text.counter("pawl_schedule_firings_total", "Firings of schedules, as group 0's leader",
               "result=\"skipped\"", s.schedules_skipped);
  text.counter("pawl_answers_replayed_total", "Answers replayed by idempotency key", "",
               s.answers_replayed);
  text.counter("pawl_refused_full_total", "Requests refused because a queue was full", "",
               s.refused_full);
  text.counter("pawl_refused_quota_total", "Starts and signals refused at a namespace's quota", "",
               s.refused_quota);
  text.counter("pawl_refused_room_total", "Requests refused because the disk is full", "",
               s.refused_room);
  text.counter("pawl_outcome_unknown_total", "Requests answered 504", "", s.outcome_unknown);
  text.counter("pawl_runs_loaded_total", "Cold runs read back from the journal", "", s.loads);
  text.counter("pawl_runs_unloaded_total", "Closed runs whose payloads left memory", "", s.unloads);
  text.counter("pawl_runs_forgotten_total", "Closed runs whose retention was over", "",
               s.runs_forgotten);
  text.counter("pawl_runs_continued_total", "Runs that continued as new by themselves", "",
               s.runs_continued);
  text.gauge("pawl_time_held", "1 while the box's clock is not believed", "",
             node.time_held() ? 1 : 0);
  text.gauge("pawl_groups_rebuilding", "Groups that were damaged and are fetched from other boxes",
             "", static_cast<std::int64_t>(node.rebuilding().size()));
  std::uint64_t runs = 0, queued = 0, started = 0, incidents = 0;
  std::size_t permits_held = 0, permits_waiting = 0;
  for (std::size_t g = 1; g < node.group_count(); ++g) {
    const auto& tables = node.group(GroupId(static_cast<std::uint16_t>(g))).tables();
    runs += tables.run_count();
    incidents += tables.runs_with_incidents().size();
    for (const auto& [name, queue] : tables.queues()) {
      queued += queue.waiting.size();
      started += queue.started;
    }
    for (const auto& [limit, row] : tables.limits().all()) {
      permits_held += row.held.size();
      permits_waiting += row.waiting.size();
    }
  }
  text.gauge("pawl_runs", "Runs kept, open and closed", "", static_cast<std::int64_t>(runs));
  text.gauge("pawl_runs_with_incidents", "Runs that wait for an operator", "",
             static_cast<std::int64_t>(incidents));
  text.gauge("pawl_tasks_queued", "Tasks that wait for a worker", "",
             static_cast<std::int64_t>(queued));
  text.gauge("pawl_tasks_started", "Tasks that a worker has", "",
             static_cast<std::int64_t>(started));
  constexpr const char* kPermits = "Permits of limits";
  text.gauge("pawl_limit_permits", kPermits, R"(state="held")",
             static_cast<std::int64_t>(permits_held));
  text.gauge("pawl_limit_permits", kPermits, R"(state="waiting")",
             static_cast<std::int64_t>(permits_waiting));
}

void add_journal_metrics(const log::JournalStats& s, MetricsText& text) {
  text.counter("pawl_journal_data_bytes_total", "Bytes of frames and headers", "", s.data_bytes);
  text.counter("pawl_journal_payload_bytes_total", "Bytes of entries before compression", "",
               s.payload_bytes);
  text.counter("pawl_journal_stored_bytes_total", "Bytes of entries as written", "",
               s.stored_bytes);
  text.counter("pawl_journal_zero_fill_bytes_total", "Zeros written to make room", "",
               s.zero_fill_bytes);
  text.counter("pawl_journal_allocated_bytes_total", "Bytes reserved by fallocate", "",
               s.allocated_bytes);
  text.counter("pawl_journal_fdatasyncs_total", "fdatasyncs of segments", "", s.syncs);
  text.counter("pawl_journal_frames_total", "Frames written", "", s.frames);
  text.counter("pawl_journal_entries_total", "Entries written", "", s.entries);
  text.counter("pawl_journal_rotations_total", "Segments begun", "", s.rotations);
  text.gauge("pawl_journal_torn_bytes_cut", "Bytes cut from a torn tail at the start", "",
             static_cast<std::int64_t>(s.torn_bytes_cut));
  text.gauge("pawl_journal_segments", "Segments in use", "", static_cast<std::int64_t>(s.segments));
}

void write_parameter(std::string_view name, const char* in, codecs::JsonWriter& w) {
  w.begin_object().field("name", name).field("in", in);
  if (std::string_view(in) == "path") w.field("required", true);
  w.plain_key("schema").begin_object().field("type", "string").end_object().end_object();
}

void write_parameters(const Route& route, bool named, codecs::JsonWriter& w) {
  if (named) write_parameter("ns", "path", w);
  std::string_view path = route.pattern;
  for (auto open = path.find('{'); open != std::string_view::npos; open = path.find('{')) {
    const auto close = path.find('}', open);
    write_parameter(path.substr(open + 1, close - open - 1), "path", w);
    path.remove_prefix(close + 1);
  }
  std::string_view query = route.parameters;
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find(' '));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    write_parameter(one, "query", w);
  }
}

// All methods of the first one's path; below /v1/ns/{ns} with that as its prefix.
void write_path(const Route& first, std::string_view prefix, codecs::JsonWriter& w) {
  std::string path(first.pattern);
  if (!prefix.empty()) path = std::string(prefix) + path.substr(std::string_view("/v1").size());
  w.key(path).begin_object();
  for (const Route& route : routes()) {
    if (route.pattern != first.pattern) continue;
    std::string method(to_string(route.method));
    for (char& c : method) c = static_cast<char>(c | 0x20);
    w.key(method).begin_object().field("summary", route.summary);
    w.field("x-role", to_string(route.role));
    w.plain_key("parameters").begin_array();
    write_parameters(route, !prefix.empty(), w);
    w.end_array().plain_key("responses").begin_object();
    w.key("default").begin_object();
    w.field("description", "JSON, or a problem document (RFC 9457)").end_object();
    w.end_object().end_object();
  }
  w.end_object();
}

}  // namespace

void Api::get_root(Call& call) {
  std::string body;
  codecs::JsonWriter w(&body);
  w.begin_object().field("name", "pawl").field("version", kVersion);
  w.plain_key("api").begin_array().string("v1").end_array();
  w.plain_key("extensions").begin_array().end_array();
  w.field("openapi", "/v1/openapi.json").end_object();
  respond_json(call.id, 200, body);
}

void Api::get_version(Call& call) {
  std::string body;
  codecs::JsonWriter w(&body);
  w.begin_object().field("version", kVersion).field("api", "v1").field("dsl", 1);
  w.field("feature_level", int{kFeatureLevel}).field("compiler", kCompiler).end_object();
  respond_json(call.id, 200, body);
}

void Api::get_health(Call& call) { respond_json(call.id, 200, R"({"status":"alive"})"); }

void Api::get_ready(Call& call) {
  if (!parts_.node->ready()) {
    refuse(call.id, 503, "not-ready", "Not ready",
           parts_.node->alone() ? "the store is still being opened"
           : !parts_.node->rebuilding().empty()
               ? "a group was damaged here and is rebuilt from another box: GET /v1/cluster shows "
                 "which"
           : parts_.node->time_held()
               ? "the time is not known: the clocks of the boxes differ by more than five minutes; "
                 "set them, or vouch for this one's with `pawl cluster time accept`"
               : "a group has no leader: GET /v1/cluster shows which");
    return;
  }
  respond_json(
      call.id, 200,
      parts_.node->time_held()
          ? R"({"status":"ready","time":"held: this box's clock jumped ahead, and neither the kernel calls it synchronised nor, of several boxes, do most clocks agree; POST /v1/cluster/time/accept vouches for it"})"
          : R"({"status":"ready"})");
}

void Api::get_metrics(Call& call) {
  std::string body;
  append_metrics(*parts_.metrics, &body);
  MetricsText text(&body);
  add_node_metrics(*parts_.node, text);
  add_journal_metrics(parts_.journal->stats(), text);
  if (parts_.more_metrics) parts_.more_metrics(&body);
  Response response;
  response.content_type = "text/plain; version=0.0.4";
  response.body = body;
  parts_.answers->respond(call.id, response);
}

void Api::post_time_accept(Call& call) {
  submit(call, node::AcceptTime{TimeMs(parts_.now().wall_ms)});
}

void Api::get_openapi(Call& call) {
  std::string body;
  codecs::JsonWriter w(&body);
  w.begin_object().field("openapi", "3.1.0");
  w.plain_key("info").begin_object().field("title", "Pawl").field("version", kVersion);
  w.end_object().plain_key("paths").begin_object();
  std::vector<std::string_view> done;
  for (const Route& first : routes()) {
    if (std::find(done.begin(), done.end(), first.pattern) != done.end()) continue;
    done.push_back(first.pattern);
    write_path(first, "", w);
    if (is_of_namespaces(first)) write_path(first, "/v1/ns/{ns}", w);
  }
  w.end_object().end_object();
  respond_json(call.id, 200, body);
}

}  // namespace pawl::daemon
