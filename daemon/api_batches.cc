// Batches: a verb on all runs that fit a filter.
#include "base/limits_batches.h"
#include "codecs/batch_json.h"
#include "codecs/json.h"
#include "daemon/api.h"
#include "daemon/batch_count.h"
#include "daemon/routes.h"
#include "dsl/expression.h"

namespace pawl::daemon {
namespace {

using engine::BatchVerb;

constexpr std::string_view kBatchesAreListed =
    "a batch is known by its number; GET /v1/batches lists them";

std::optional<std::string> read_text(BodyReader& body, std::string_view name) {
  if (!body.has(name)) return std::nullopt;
  return body.required_text(name, limits::kRunIdBytesMax);
}

std::optional<TimeMs> read_time(BodyReader& body, std::string_view name) {
  if (!body.has(name)) return std::nullopt;
  const std::string text = body.required_text(name, 64);
  dsl::Timestamp timestamp;
  if (!dsl::parse_timestamp(text, &timestamp)) {
    body.fail("`" + std::string(name) + "` must be an RFC 3339 time, such as 2026-11-21T09:00:00Z");
    return std::nullopt;
  }
  return TimeMs(timestamp.seconds * 1000 + timestamp.nanos / 1'000'000);
}

void read_tags(BodyReader& body, engine::RunFilter* filter) {
  const dsl::Value tags = body.value("tags");
  if (tags.is_null()) return;
  if (tags.kind() != dsl::Kind::map || tags.as_map().size() > limits::kTagsMax) {
    return body.fail("`tags` must be an object of at most " + std::to_string(limits::kTagsMax) +
                     " strings");
  }
  for (const auto& [name, value] : tags.as_map()) {
    if (value.kind() != dsl::Kind::string) return body.fail("`tags` must be strings");
    filter->tags.emplace_back(name.as_string(), value.as_string());
  }
}

// Who names no status means the runs that the verb is for.
void read_filter(BodyReader& body, BatchVerb verb, engine::RunFilter* filter) {
  const dsl::Value given = body.value("filter");
  if (given.kind() != dsl::Kind::map) return body.fail("`filter` must be an object");
  BodyReader part(given, "filter",
                  {"workflow", "status", "state", "id_prefix", "started_after", "started_before",
                   "closed_after", "closed_before", "tags"});
  filter->workflow = read_text(part, "workflow");
  filter->status = read_text(part, "status");
  filter->state = read_text(part, "state");
  filter->id_prefix = read_text(part, "id_prefix");
  filter->started_after = read_time(part, "started_after");
  filter->started_before = read_time(part, "started_before");
  filter->closed_after = read_time(part, "closed_after");
  filter->closed_before = read_time(part, "closed_before");
  read_tags(part, filter);
  if (filter->status && !engine::is_status_filter(*filter->status)) {
    part.fail(
        "`status` can be scheduled, running, paused, completed, failed, cancelled, terminated, "
        "data_deleted, open or closed");
  }
  if (part.ok() && filter->empty()) {
    part.fail(
        "name at least one thing that the runs must have; {\"status\": \"open\"} is all "
        "that are open");
  }
  if (!part.ok()) return body.adopt(part);
  if (filter->status) return;
  filter->status = verb == BatchVerb::resume  ? "paused"
                   : verb == BatchVerb::scrub ? "closed"
                                              : "open";
}

// A batch is for runs of one namespace.
void keep_within(const Call& call, engine::RunFilter* filter) {
  if (filter->workflow) filter->workflow = call.kept(*filter->workflow);
  const std::string prefix = call.kept(filter->id_prefix.value_or(""));
  if (!prefix.empty()) filter->id_prefix = prefix;
}

void read_args(BodyReader& body, engine::BatchSpec* spec) {
  const dsl::Value given = body.has("args") ? body.value("args") : dsl::Value::map({});
  if (given.kind() != dsl::Kind::map) return body.fail("`args` must be an object");
  const bool signals = spec->verb == BatchVerb::signal;
  const bool moves = spec->verb == BatchVerb::move;
  if (!signals && !moves && !given.as_map().empty()) {
    return body.fail("`" + std::string(engine::to_string(spec->verb)) + "` takes no `args`");
  }
  if (!signals && !moves) return;
  BodyReader part = signals ? BodyReader(given, "args", {"signal", "payload"})
                            : BodyReader(given, "args", {"from", "to", "vars"});
  if (signals) {
    spec->signal = part.required_text("signal", limits::kNameBytesMax);
  } else {
    spec->from = part.required_text("from", limits::kNameBytesMax);
    spec->to = part.required_text("to", limits::kNameBytesMax);
  }
  const dsl::Value value = part.value(signals ? "payload" : "vars");
  if (moves && !value.is_null() && value.kind() != dsl::Kind::map) {
    part.fail("`vars` must be an object");
  }
  if (!part.ok()) return body.adopt(part);
  if (!value.is_null()) value.encode(&spec->args);
}

std::optional<engine::BatchId> batch_id(const std::string& text) {
  const bool digits = !text.empty() && text.size() < 16 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  if (!digits) return std::nullopt;
  return engine::BatchId(std::stoull(text));
}

// What the group whose turn it is has done so far, as this box has it.
const engine::BatchRow* open_part(const node::Node& node, const engine::Batch& batch) {
  const GroupId turn = batch.turn();
  if (turn.v == 0 || turn.v >= node.group_count()) return nullptr;
  return node.group(turn).tables().batches().find(batch.begun.batch);
}

}  // namespace

void Api::post_batch(Call& call) {
  BodyReader body(call.http->body, {"filter", "verb", "args", "reason", "dry_run", "rate"});
  engine::BatchSpec spec;
  const std::string verb = body.required_text("verb", limits::kNameBytesMax);
  const auto known = engine::parse_batch_verb(verb);
  if (body.ok() && !known) {
    body.fail("`verb` can be cancel, terminate, pause, resume, retry, signal, move or scrub");
  }
  if (known) {
    spec.verb = *known;
    read_filter(body, *known, &spec.filter);
    keep_within(call, &spec.filter);
    read_args(body, &spec);
  }
  spec.reason = body.text("reason", limits::kBatchReasonBytesMax);
  spec.rate = static_cast<std::uint32_t>(
      body.integer("rate", 1, limits::kBatchRateMax).value_or(limits::kBatchRateDefault));
  auto count = std::make_unique<BatchCount>();
  count->dry_run = body.boolean("dry_run").value_or(false);
  if (!body.ok()) return refuse(call.id, body.problem());
  if (spec.verb == BatchVerb::scrub && !count->dry_run && !call.roles.has(Role::admin)) {
    return refuse(call.id, 403, "forbidden", "Your roles do not allow this",
                  "to delete data takes the role admin, you have " + to_string(call.roles) +
                      "; [roles] in pawld.toml maps users and groups to roles");
  }
  if (spec.args.size() > limits::kBatchArgsBytesMax) {
    return refuse(call.id, 413, "too-big", "The batch's args are too big",
                  "a payload, or variables, of a batch have at most " +
                      std::to_string(limits::kBatchArgsBytesMax) + " bytes");
  }
  if (counts_.size() >= limits::kBatchCountsMax) {
    return refuse(call.id, 429, "too-many-batches", "Too many batches are being counted",
                  "try again in a second");
  }
  Problem problem;
  if (!read_common(call, &count->request, &problem)) return refuse(call.id, problem);
  count->request.operation = node::ChangeBatch{node::BeginBatch{std::move(spec), {}, 0}};
  node::Request barrier;
  barrier.id = count->request.id;
  barrier.deadline_ms = count->request.deadline_ms;
  barrier.operation = node::Barrier{};
  counts_[call.id] = std::move(count);
  waiting_.push_back(std::move(barrier));
}

void Api::count_batch(RequestId id) {
  const auto at = counts_.find(id);
  if (at == counts_.end()) return;
  BatchCount& count = *at->second;
  if (!count.reading) count.begin(*parts_.node);
  if (count.go_on(*parts_.node)) return;  // tick() goes on
  const std::unique_ptr<BatchCount> counted = std::move(at->second);
  counts_.erase(at);
  if (counted->dry_run) return respond_json(id, 200, counted->answer(*parts_.node));
  waiting_.push_back(std::move(counted->request));
}

void Api::count_batches() {
  std::vector<RequestId> ids;
  for (const auto& [id, count] : counts_) {
    if (count->reading) ids.push_back(id);
  }
  for (const RequestId id : ids) count_batch(id);
}

bool Api::counts_batches() const {
  for (const auto& [id, count] : counts_) {
    if (count->reading) return true;
  }
  return false;
}

void Api::get_batches(Call& call) {
  const auto& all = parts_.node->definitions().catalog().batches().all();
  std::string body = R"({"items":[)";
  for (auto at = all.rbegin(); at != all.rend(); ++at) {
    if (at->second.begun.spec.filter.name_space() != call.name_space) continue;
    if (body.back() != '[') body.push_back(',');
    codecs::append_batch(at->second, open_part(*parts_.node, at->second), &body);
  }
  body += R"(],"next_cursor":null})";
  respond_json(call.id, 200, body);
}

void Api::get_batch(Call& call) {
  const auto id = batch_id(call.path[0]);
  const auto& batches = parts_.node->definitions().catalog().batches();
  const engine::Batch* batch = id ? batches.find(*id) : nullptr;
  if (batch == nullptr || batch->begun.spec.filter.name_space() != call.name_space) {
    return refuse(call.id, 404, "batch-unknown", "There is no such batch",
                  "GET /v1/batches lists them; of those that are over the newest " +
                      std::to_string(limits::kBatchesKeptMax) + " are kept");
  }
  std::string body;
  codecs::append_batch(*batch, open_part(*parts_.node, *batch), &body);
  respond_json(call.id, 200, body);
}

void Api::delete_batch(Call& call) {
  BodyReader body(call.http->body, {"reason"});
  node::StopBatch stop;
  stop.reason = body.text("reason", limits::kBatchReasonBytesMax);
  if (!body.ok()) return refuse(call.id, body.problem());
  const auto id = batch_id(call.path[0]);
  if (!id) {
    return refuse(call.id, 404, "batch-unknown", "There is no such batch", kBatchesAreListed);
  }
  stop.batch = *id;
  auto request = std::make_shared<node::Request>();
  Problem problem;
  if (!read_common(call, request.get(), &problem)) return refuse(call.id, problem);
  request->operation = node::ChangeBatch{std::move(stop)};
  // Of which namespace it is, is known behind a barrier.
  after_barrier(call.id, request->deadline_ms,
                [this, call_id = call.id, id = *id, request, name_space = call.name_space] {
                  const engine::Batch* batch = parts_.node->catalog().batches().find(id);
                  if (batch != nullptr && batch->begun.spec.filter.name_space() != name_space) {
                    return refuse(call_id, 404, "batch-unknown", "There is no such batch",
                                  kBatchesAreListed);
                  }
                  waiting_.push_back(std::move(*request));
                });
}

}  // namespace pawl::daemon
