// Schedules: those of the workflows' default versions, how far they are, and what operators want of
// them.
#include "base/limits.h"
#include "codecs/json.h"
#include "codecs/schedule_json.h"
#include "daemon/api.h"
#include "daemon/routes.h"
#include "dsl/expression.h"
#include "node/refusals.h"

namespace pawl::daemon {
namespace {

constexpr std::size_t kScheduleNameBytesMax = 2 * limits::kNameBytesMax + 1;

// An RFC 3339 time that must be there.
TimeMs read_time(BodyReader& body, std::string_view name) {
  const std::string text = body.required_text(name, 40);
  dsl::Timestamp time;
  if (!body.ok()) return {};
  if (!dsl::parse_timestamp(text, &time)) {
    body.fail("`" + std::string(name) + "` must be a time such as \"2026-11-23T04:30:00Z\"");
    return {};
  }
  return TimeMs(time.seconds * 1000 + time.nanos / 1'000'000);
}

}  // namespace

bool Api::append_schedule(const std::string& name, std::string* out) {
  node::Definitions& definitions = parts_.node->definitions();
  const engine::ScheduleState* state = definitions.catalog().schedules().find(name);
  if (state == nullptr) return false;
  const engine::CatalogWorkflow* workflow = definitions.catalog().find(state->workflow);
  const dsl::Definition* definition =
      workflow == nullptr ? nullptr : definitions.find(state->workflow, workflow->default_version);
  const dsl::Schedule* schedule =
      definition == nullptr ? nullptr : definition->schedule(state->schedule);
  if (schedule == nullptr) return false;
  codecs::append_schedule(*definition, workflow->default_version, *schedule, *state, out);
  return true;
}

void Api::get_schedules(Call& call) {
  QueryReader query(call);
  const auto limit =
      static_cast<std::size_t>(query.integer("limit", 1, limits::kPageItemsMax).value_or(100));
  const std::string after = query.text("cursor").value_or("");
  const auto workflow = query.text("workflow");
  if (!query.ok()) {
    refuse(call.id, query.problem());
    return;
  }
  const auto& all = parts_.node->definitions().catalog().schedules().all();
  std::string body, last;
  codecs::JsonWriter w(&body);
  w.begin_object().plain_key("items").begin_array();
  std::size_t written = 0;
  auto it = after.empty() ? all.begin() : all.upper_bound(call.kept(after));
  for (; it != all.end() && written < limit; ++it) {
    if (engine::namespace_of(it->first) != call.name_space) continue;
    last = engine::plain_name(it->first);
    if (workflow && it->second.workflow != call.kept(*workflow)) continue;
    std::string item;
    if (!append_schedule(it->first, &item)) continue;
    w.raw(item);
    ++written;
  }
  w.end_array().plain_key("next_cursor");
  it == all.end() ? w.null() : w.string(last);
  w.end_object();
  respond_json(call.id, 200, body);
}

void Api::get_schedule(Call& call) {
  std::string body;
  if (append_schedule(call.kept(call.path[0]), &body)) {
    respond_json(call.id, 200, body);
    return;
  }
  refuse(call.id, 404, "schedule-unknown", "There is no such schedule",
         node::schedule_unknown(call.path[0]));
}

void Api::post_schedule_verb(Call& call) {
  using What = node::ChangeSchedule::What;
  const std::string_view pattern = call.route->pattern;
  const bool backfills = pattern.ends_with("/backfill");
  BodyReader body = backfills ? BodyReader(call.http->body, {"reason", "from", "to"})
                              : BodyReader(call.http->body, {"reason"});
  node::ChangeSchedule change;
  change.name = call.path[0];
  change.reason = body.text("reason", limits::kReasonBytesMax);
  if (change.name.size() > kScheduleNameBytesMax) {
    body.fail("a schedule's name is WORKFLOW.NAME, of at most " +
              std::to_string(kScheduleNameBytesMax) + " bytes");
  }
  if (backfills) {
    change.from = read_time(body, "from");
    change.to = read_time(body, "to");
    if (body.ok() && change.to < change.from) body.fail("`to` is before `from`");
    if (body.ok() && change.to.v > parts_.now().wall_ms) {
      body.fail("`to` is in the future: those firings are still to come");
    }
  }
  if (!body.ok()) {
    refuse(call.id, body.problem());
    return;
  }
  if (backfills) {
    change.what = What::backfill;
  } else if (pattern.ends_with("/trigger")) {
    change.what = What::trigger;
  } else {
    change.what = pattern.ends_with("/pause") ? What::pause : What::resume;
  }
  change.name = call.kept(change.name);
  submit(call, std::move(change));
}

}  // namespace pawl::daemon
