// Runs: start, look at, wait for, signal, move, and the operators' verbs.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "codecs/json.h"
#include "codecs/run_json.h"
#include "daemon/api.h"
#include "daemon/routes.h"
#include "daemon/run_filter.h"
#include "dsl/expression.h"
#include "engine/run_id.h"
#include "engine/waiting.h"
#include "node/refusals.h"
#include "node/scrubbing.h"

namespace pawl::daemon {
namespace {

bool parse_time(std::string_view text, TimeMs* out) {
  dsl::Timestamp timestamp;
  if (!dsl::parse_timestamp(text, &timestamp)) return false;
  *out = TimeMs(timestamp.seconds * 1000 + timestamp.nanos / 1'000'000);
  return true;
}

void read_tags(BodyReader& body, node::StartRun* start) {
  const dsl::Value tags = body.value("tags");
  if (tags.is_null()) return;
  if (tags.kind() != dsl::Kind::map || tags.as_map().size() > limits::kTagsMax) {
    body.fail("`tags` must be an object of at most " + std::to_string(limits::kTagsMax) +
              " strings");
    return;
  }
  for (const auto& [name, value] : tags.as_map()) {
    if (value.kind() != dsl::Kind::string || name.as_string().empty() ||
        name.as_string().size() > limits::kNameBytesMax ||
        value.as_string().size() > limits::kNameBytesMax) {
      body.fail("`tags` must be strings of at most " + std::to_string(limits::kNameBytesMax) +
                " bytes");
      return;
    }
    start->tags.emplace_back(name.as_string(), value.as_string());
  }
}

}  // namespace

void Api::post_run(Call& call) {
  BodyReader body(call.http->body, {"workflow", "id", "version", "input", "tags", "start_at"});
  node::StartRun start;
  start.workflow = body.required_text("workflow", limits::kNameBytesMax);
  if (const auto version = body.integer("version", 1, UINT32_MAX)) {
    start.version = static_cast<std::uint32_t>(*version);
  }
  start.id = body.text("id", limits::kRunIdBytesMax);
  if (body.ok() && body.has("id")) {
    const std::string problem = engine::run_id_problem(start.id);
    if (!problem.empty()) body.fail("`id`: " + problem);
  }
  start.input = body.has("input") ? body.value("input") : dsl::Value::map({});
  if (start.input.kind() != dsl::Kind::map) body.fail("`input` must be an object");
  read_tags(body, &start);
  const std::string start_at = body.text("start_at", 64);
  if (!start_at.empty()) {
    TimeMs at;
    if (parse_time(start_at, &at)) {
      start.start_at = at;
    } else {
      body.fail("`start_at` must be an RFC 3339 time, such as 2026-11-21T09:00:00Z");
    }
  }
  if (!body.ok()) {
    refuse(call.id, body.problem());
    return;
  }
  start.workflow = call.kept(start.workflow);
  if (!start.id.empty()) start.id = call.kept(start.id);
  submit(call, std::move(start));
}

bool Api::run_ref(Call& call, node::RunRef* ref) {
  ref->id = call.kept(call.path[0]);
  const std::string* uid = call.parameter("uid");
  if (uid == nullptr) return true;
  RunUid parsed;
  if (!parse_run_uid(*uid, &parsed)) {
    refuse(call.id, 400, "bad-parameter", "The request is not understood",
           "`uid` must be a run's uid as its envelope gives it, such as 3-1f2a");
    return false;
  }
  ref->uid = parsed;
  return true;
}

const engine::Run* Api::run_of(Call& call, GroupId* group) {
  node::RunRef ref;
  if (!run_ref(call, &ref)) return nullptr;
  const engine::Run* run = parts_.node->find(ref, group);
  if (run == nullptr) {
    refuse(call.id, 404, "run-unknown", "There is no such run",
           ref.uid ? node::uid_unknown(*ref.uid) : node::run_unknown(ref.id));
  }
  return run;
}

void Api::get_run(Call& call) {
  GroupId group;
  const engine::Run* run = run_of(call, &group);
  if (run == nullptr) return;
  if (call.parameter("at") != nullptr) return get_past(call, *run, group);
  node::Answer answer;
  answer.id = node::RequestId(call.id.v);
  answer.etag = to_string(run->uid()) + "." + std::to_string(run->seq.v);
  const std::string* wanted = call.parameter("fields");
  codecs::append_envelope(*run, definition_of(*run), &answer.body,
                          wanted == nullptr ? codecs::EnvelopeFields() : envelope_fields(*wanted));
  if (run->status == engine::RunStatus::data_deleted) {
    codecs::append_scrubbed(node::boxes_scrubbed(*parts_.node, group, run->last_entry),
                            &answer.body);
  }
  respond(answer);
}

// As it was. No ETag: nothing can be changed on the condition that it is still so.
void Api::get_past(Call& call, const engine::Run& run, GroupId group) {
  QueryReader query(call);
  const auto at = query.integer("at", 1, INT64_MAX);
  if (!query.ok()) return refuse(call.id, query.problem());
  const Seq seq(static_cast<std::uint64_t>(*at));
  if (seq > run.seq) {
    return refuse(call.id, 404, "seq-unknown", "The run has no such event",
                  absl::StrCat("its newest event is ", run.seq.v));
  }
  const std::string* wanted = call.parameter("fields");
  const auto fields = wanted == nullptr ? codecs::EnvelopeFields() : envelope_fields(*wanted);
  feeds_.look_back(call.id, run, group, seq, [this, id = call.id, fields](const engine::Run& past) {
    node::Answer answer;
    answer.id = node::RequestId(id.v);
    codecs::append_envelope(past, definition_of(past), &answer.body, fields);
    respond(answer);
  });
}

// If the history of that generation is not kept, the call is answered.
bool Api::has_generation(Call& call, const engine::Run& run, std::uint32_t generation) {
  if (generation == run.generation) return true;
  const std::vector<engine::Generation>& older = *run.older;
  const bool kept = std::any_of(older.begin(), older.end(), [generation](const auto& each) {
    return each.number == generation;
  });
  if (kept) return true;
  const std::uint32_t oldest = older.empty() ? run.generation : older.front().number;
  refuse(call.id, 404, "generation-unknown", "The history of that generation is not kept",
         absl::StrCat("the run is in generation ", run.generation,
                      ", the oldest one that is kept is ", oldest));
  return false;
}

void Api::get_history(Call& call) {
  GroupId group;
  const engine::Run* run = run_of(call, &group);
  if (run == nullptr) return;
  QueryReader query(call);
  const auto after = query.integer("after", 0, INT64_MAX);
  const auto cursor = query.integer("cursor", 0, INT64_MAX);
  const auto limit = query.integer("limit", 1, limits::kPageItemsMax);
  const auto generation = query.integer("generation", 1, UINT32_MAX);
  const bool follow = query.flag("follow");
  const auto fields = query.text("fields");
  const bool changes = query.flag("diff");
  if (fields && *fields != "body") query.fail("`fields` can be body");
  if (changes && follow)
    query.fail("`follow` does not say what an event changed: leave `diff` out");
  if (generation && follow) {
    query.fail("`follow` goes on into the next generation: leave `generation` out");
  }
  if (!query.ok()) {
    refuse(call.id, query.problem());
    return;
  }
  if (generation && !has_generation(call, *run, static_cast<std::uint32_t>(*generation))) return;
  Feeds::Wanted wanted;
  // Whoever names no event and no generation means the present one.
  const Seq begin = run->checkpoint.v > 0 ? run->checkpoint.prev() : Seq(0);
  const auto from = cursor ? cursor : after;
  wanted.after = from ? Seq(static_cast<std::uint64_t>(*from)) : generation ? Seq(0) : begin;
  if (generation) wanted.generation = static_cast<std::uint32_t>(*generation);
  wanted.with_body = fields.has_value();
  wanted.with_changes = changes;
  if (follow) {
    feeds_.history_follow(call.id, *run, group, wanted,
                          call.accept.find("text/event-stream") != std::string::npos);
  } else {
    feeds_.history_page(call.id, *run, group, wanted,
                        static_cast<std::size_t>(limit.value_or(100)));
  }
}

void Api::get_await(Call& call) {
  GroupId group;
  const engine::Run* run = run_of(call, &group);
  if (run == nullptr) return;
  QueryReader query(call);
  Await await;
  await.id = call.id;
  await.group = group;
  await.run = run->uid().index;
  await.start_at = run->start_at;
  await.state = query.text("state").value_or("");
  await.status = query.text("status").value_or("");
  const auto since = query.integer("since", 0, INT64_MAX);
  const std::int64_t wait_ms = query.wait_ms();
  if (await.state.empty() == await.status.empty()) {
    query.fail("give either `state` or `status` (closed is any closed status)");
  } else if (!await.status.empty() &&
             (await.status == "open" || !engine::is_status_filter(await.status))) {
    query.fail(
        "`status` can be scheduled, running, paused, completed, failed, cancelled, terminated, "
        "data_deleted or closed");
  }
  if (!query.ok()) {
    refuse(call.id, query.problem());
    return;
  }
  await.deadline_mono_ms = parts_.now().mono_ms + wait_ms;
  if (await.reached(*run)) {
    answer_await(await, *run, true);
    return;
  }
  if (!since || Seq(static_cast<std::uint64_t>(*since)) >= run->seq) {
    park_await(std::move(await), *run);
    return;
  }
  // It may have been so since, and be so no longer: the history knows.
  const Seq from(static_cast<std::uint64_t>(*since));
  feeds_.history_search(
      call.id, *run, group, from,
      [await](const engine::Event& event, TimeMs time) { return await.reached_by(event, time); },
      [this, await](bool found) { await_searched(await, found); });
}

void Api::await_searched(const Await& await, bool found) {
  const engine::Run* run = parts_.node->group(await.group).tables().find(await.run);
  if (run == nullptr) {
    const RunUid uid{await.group, await.run};
    refuse(await.id, 404, "run-unknown", "There is no such run", node::uid_unknown(uid));
    return;
  }
  found ? answer_await(await, *run, true) : park_await(await, *run);
}

// Waits, unless it is so by now, can't be any more, or no time is left.
void Api::park_await(Await await, const engine::Run& run) {
  const bool reached = await.reached(run);
  if (reached || run.closed() || await.deadline_mono_ms <= parts_.now().mono_ms) {
    answer_await(await, run, reached);
    return;
  }
  const RequestId id = await.id;
  if (!awaits_.park(std::move(await))) {
    refuse(id, 429, "queue-full", "Too many requests wait", "try again in a second");
  }
}

void Api::post_signal(Call& call) {
  BodyReader body(call.http->body, {"payload", "dedupe_id", "expect_state", "expect_seq"});
  engine::Signal signal;
  signal.name = call.path[1];
  signal.payload = body.value("payload");
  signal.dedupe_id = body.text("dedupe_id", limits::kDedupeIdBytesMax);
  if (body.has("expect_state")) {
    signal.expect_state = body.text("expect_state", limits::kNameBytesMax);
  }
  if (const auto seq = body.integer("expect_seq", 0, INT64_MAX)) {
    signal.expect_seq = Seq(static_cast<std::uint64_t>(*seq));
  }
  node::CommandRun command;
  if (!body.ok()) {
    refuse(call.id, body.problem());
    return;
  }
  if (!run_ref(call, &command.run)) return;
  command.command = std::move(signal);
  submit(call, std::move(command));
}

void Api::post_move(Call& call) {
  BodyReader body(call.http->body, {"from", "to", "reason", "seq", "vars"});
  engine::Move move;
  move.from = body.required_text("from", limits::kNameBytesMax);
  move.to = body.required_text("to", limits::kNameBytesMax);
  move.reason = body.text("reason", limits::kReasonBytesMax);
  if (const auto seq = body.integer("seq", 0, INT64_MAX)) {
    move.seq = Seq(static_cast<std::uint64_t>(*seq));
  }
  const dsl::Value vars = body.value("vars");
  if (!vars.is_null() && vars.kind() != dsl::Kind::map) body.fail("`vars` must be an object");
  if (!body.ok()) {
    refuse(call.id, body.problem());
    return;
  }
  if (!vars.is_null()) {
    for (const auto& [name, value] : vars.as_map()) move.vars.emplace_back(name.as_string(), value);
  }
  node::CommandRun command;
  if (!run_ref(call, &command.run)) return;
  command.command = std::move(move);
  submit(call, std::move(command));
}

void Api::post_verb(Call& call) {
  BodyReader body(call.http->body, {"reason"});
  const std::string reason = body.text("reason", limits::kReasonBytesMax);
  if (!body.ok()) {
    refuse(call.id, body.problem());
    return;
  }
  node::CommandRun command;
  if (!run_ref(call, &command.run)) return;
  const std::string_view pattern = call.route->pattern;
  if (pattern.ends_with("/cancel")) {
    command.command = engine::Cancel{reason};
  } else if (pattern.ends_with("/terminate")) {
    command.command = engine::Terminate{reason};
  } else if (pattern.ends_with("/pause")) {
    command.command = engine::Pause{reason};
  } else {
    command.command = engine::Resume{reason};
  }
  submit(call, std::move(command));
}

void Api::post_reset(Call& call) {
  BodyReader body(call.http->body, {"to", "reason"});
  engine::Reset reset;
  const auto to = body.integer("to", 1, INT64_MAX);
  reset.reason = body.text("reason", limits::kReasonBytesMax);
  if (!to) body.fail("`to` must be the seq of the event to begin anew from");
  if (!body.ok()) {
    refuse(call.id, body.problem());
    return;
  }
  reset.to = Seq(static_cast<std::uint64_t>(*to));
  node::CommandRun command;
  if (!run_ref(call, &command.run)) return;
  command.command = std::move(reset);
  submit(call, std::move(command));
}

void Api::post_migrate(Call& call) {
  BodyReader body(call.http->body, {"version", "dry_run", "reason"});
  engine::Migrate migrate;
  if (const auto version = body.integer("version", 1, UINT32_MAX)) {
    migrate.version = static_cast<std::uint32_t>(*version);
  }
  migrate.dry_run = body.boolean("dry_run").value_or(false);
  migrate.reason = body.text("reason", limits::kReasonBytesMax);
  if (!body.ok()) {
    refuse(call.id, body.problem());
    return;
  }
  node::CommandRun command;
  if (!run_ref(call, &command.run)) return;
  command.command = std::move(migrate);
  submit(call, std::move(command));
}

void Api::delete_data(Call& call) {
  BodyReader body(call.http->body, {"reason"});
  engine::DeleteData deletion{body.text("reason", limits::kReasonBytesMax)};
  if (!body.ok()) {
    refuse(call.id, body.problem());
    return;
  }
  node::CommandRun command;
  if (!run_ref(call, &command.run)) return;
  command.command = std::move(deletion);
  submit(call, std::move(command));
}

void Api::post_retry(Call& call) {
  BodyReader body(call.http->body, {"incident", "reason"});
  engine::RetryIncident retry;
  retry.reason = body.text("reason", limits::kReasonBytesMax);
  if (const auto incident = body.integer("incident", 1, UINT32_MAX)) {
    retry.incident = engine::IncidentId(static_cast<std::uint32_t>(*incident));
  }
  if (!body.ok()) {
    refuse(call.id, body.problem());
    return;
  }
  node::CommandRun command;
  if (!run_ref(call, &command.run)) return;
  command.command = std::move(retry);
  submit(call, std::move(command));
}

}  // namespace pawl::daemon
