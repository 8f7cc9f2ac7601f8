// Lists over groups: runs, incidents, tasks, queues, limits. Each group's part is as of its
// barrier; a page is no snapshot across groups (architecture: Order).
#include <algorithm>

#include "base/limits.h"
#include "codecs/json.h"
#include "codecs/limit_json.h"
#include "codecs/namespace_json.h"
#include "codecs/run_json.h"
#include "daemon/api.h"
#include "daemon/run_filter.h"
#include "engine/waiting.h"

namespace pawl::daemon {
namespace {

struct Page {
  std::size_t limit = 100;
  std::optional<RunPosition> after;
};

bool read_page(QueryReader& query, Page* page) {
  page->limit =
      static_cast<std::size_t>(query.integer("limit", 1, limits::kPageItemsMax).value_or(100));
  if (const auto cursor = query.text("cursor")) {
    RunPosition position;
    if (!RunPosition::parse(*cursor, &position)) {
      query.fail("`cursor` must be a next_cursor of the page before");
    } else {
      page->after = position;
    }
  }
  return query.ok();
}

// Writes {"items": [...], "next_cursor": ...}; `write` is called with each run to be shown, and
// says how many items it wrote.
void write_page(const node::Node& node, const Page& page, std::string* body,
                const std::function<bool(const engine::RunSummary&)>& fits,
                const std::function<bool(const engine::Run&)>& wanted,
                const std::function<std::size_t(const engine::Run&, std::string*)>& write) {
  RunWalk walk(node, page.after);
  std::string items;
  std::size_t count = 0;
  std::optional<RunPosition> last;
  bool more = false;
  while (walk.next()) {
    if (!fits(walk.summary())) continue;
    const std::shared_ptr<const engine::Run> run = walk.run();
    if (!wanted(*run)) continue;
    if (count >= page.limit || items.size() >= limits::kPageBytesMax) {
      more = true;
      break;
    }
    count += write(*run, &items);
    last = walk.position();
  }
  codecs::JsonWriter w(body);
  w.begin_object().plain_key("items").begin_array();
  if (!items.empty()) w.raw(std::string_view(items).substr(1));
  w.end_array().plain_key("next_cursor");
  more&& last ? w.string(last->text()) : w.null();
  w.end_object();
}

bool is_of(const Call& call, const engine::RunSummary& run) {
  return engine::namespace_of(run.workflow) == call.name_space;
}

std::string oldest_text(TimeMs oldest) {
  std::string text;
  codecs::JsonWriter(&text).time_ms(oldest.v);
  return text;
}

}  // namespace

void Api::get_runs(Call& call) {
  QueryReader query(call);
  Page page;
  RunFilter filter;
  if (!read_page(query, &page) || !filter.read(call, query)) {
    refuse(call.id, query.problem());
    return;
  }
  codecs::EnvelopeFields fields{false, false, false, false};
  if (const std::string* wanted = call.parameter("fields")) fields = envelope_fields(*wanted);
  std::string body;
  write_page(
      *parts_.node, page, &body, [&](const engine::RunSummary& run) { return filter.fits(run); },
      [&](const engine::Run& run) { return filter.matches(run); },
      [&](const engine::Run& run, std::string* out) {
        out->push_back(',');
        codecs::append_envelope(run, fields.waiting_for ? definition_of(run) : nullptr, out,
                                fields);
        return std::size_t{1};
      });
  respond_json(call.id, 200, body);
}

void Api::get_incidents(Call& call) {
  QueryReader query(call);
  Page page;
  if (!read_page(query, &page)) {
    refuse(call.id, query.problem());
    return;
  }
  const auto workflow = query.text("workflow");
  std::string body;
  write_page(
      *parts_.node, page, &body,
      [&](const engine::RunSummary& run) {
        return run.may_have_work && is_of(call, run) &&
               (!workflow || *workflow == engine::plain_name(run.workflow));
      },
      [](const engine::Run& run) { return !run.incidents.empty(); },
      [](const engine::Run& run, std::string* out) {
        for (const auto& incident : run.incidents) {
          out->push_back(',');
          codecs::append_incident(run, *incident, out);
        }
        return run.incidents.size();
      });
  respond_json(call.id, 200, body);
}

void Api::get_tasks(Call& call) {
  QueryReader query(call);
  Page page;
  if (!read_page(query, &page)) {
    refuse(call.id, query.problem());
    return;
  }
  const auto queue = query.text("queue");
  const auto type = query.text("type");
  const auto worker = query.text("worker");
  const auto fits = [&](const engine::Step& step) {
    return (!queue || call.kept(*queue) == step.queue) && (!type || *type == step.type) &&
           (!worker || *worker == step.worker);
  };
  std::string body;
  write_page(
      *parts_.node, page, &body,
      [&](const engine::RunSummary& run) { return run.may_have_work && is_of(call, run); },
      [&](const engine::Run& run) {
        return std::any_of(run.steps.begin(), run.steps.end(),
                           [&](const auto& step) { return fits(*step); });
      },
      [&](const engine::Run& run, std::string* out) {
        std::size_t written = 0;
        for (const auto& step : run.steps) {
          if (!fits(*step)) continue;
          const node::TaskRef task{run.uid().group, run.uid().index, step->id, step->attempt};
          out->push_back(',');
          codecs::append_open_task(run, *step, step->attempt > 0 ? node::token_of(task) : "",
                                   parts_.node->lease_until(task), out);
          ++written;
        }
        return written;
      });
  respond_json(call.id, 200, body);
}

void Api::get_queues(Call& call) {
  struct Sum {
    std::uint64_t depth = 0, in_flight = 0;
    std::optional<TimeMs> oldest;
  };
  std::map<std::string, Sum> queues;
  for (std::size_t g = 1; g < parts_.node->group_count(); ++g) {
    const auto& tables = parts_.node->group(GroupId(static_cast<std::uint16_t>(g))).tables();
    for (const auto& [name, queue] : tables.queues()) {
      if (engine::namespace_of(name) != call.name_space) continue;
      Sum& sum = queues[name];
      sum.depth += queue.waiting.size();
      sum.in_flight += queue.started;
      for (const auto& task : queue.waiting) {
        if (!sum.oldest || task.queued_at < *sum.oldest) sum.oldest = task.queued_at;
        if (task.negated_priority == queue.waiting.rbegin()->negated_priority) break;
      }
    }
  }
  const auto list = [&](const std::string& name) {
    if (engine::namespace_of(name) == call.name_space) queues[name];
  };
  for (const std::string& name : parts_.node->polls().queues()) list(name);
  const engine::Catalog& catalog = parts_.node->definitions().catalog();
  for (const auto& [name, pause] : catalog.paused_queues()) list(name);
  std::string body;
  codecs::JsonWriter w(&body);
  w.begin_object().plain_key("items").begin_array();
  for (const auto& [name, sum] : queues) {
    w.begin_object();
    codecs::write_name(w, "queue", name);
    w.field("depth", sum.depth);
    w.plain_key("oldest");
    sum.oldest ? w.raw(oldest_text(*sum.oldest)) : w.null();
    w.field("in_flight", sum.in_flight);
    w.field("parked_polls", std::uint64_t{parts_.node->polls().parked(name)});
    w.plain_key("workers").begin_array();
    for (const std::string& worker : parts_.node->polls().workers(name)) w.string(worker);
    w.end_array().field("paused", catalog.is_paused(name)).end_object();
  }
  w.end_array().plain_key("next_cursor").null().end_object();
  respond_json(call.id, 200, body);
}

// By name and key; the cursor is both of the last one, "NAME/KEY".
void Api::get_limits(Call& call) {
  QueryReader query(call);
  const auto limit =
      static_cast<std::size_t>(query.integer("limit", 1, limits::kPageItemsMax).value_or(100));
  const auto name = query.text("name");
  const auto cursor = query.text("cursor");
  const std::size_t slash = cursor ? cursor->find('/') : 0;
  if (slash == std::string::npos) query.fail("`cursor` must be a next_cursor of the page before");
  if (!query.ok()) return refuse(call.id, query.problem());
  const TimeMs now(parts_.now().wall_ms);
  std::map<engine::LimitName, const engine::LimitRow*> found;
  for (std::size_t g = 1; g < parts_.node->group_count(); ++g) {
    const auto& tables = parts_.node->group(GroupId(static_cast<std::uint16_t>(g))).tables();
    const auto& all = tables.limits().all();
    auto at = name ? all.lower_bound({call.kept(*name), ""}) : all.begin();
    if (cursor) {
      const engine::LimitName last{call.kept(cursor->substr(0, slash)), cursor->substr(slash + 1)};
      if (at != all.end() && at->first <= last) at = all.upper_bound(last);
    }
    for (std::size_t n = 0; at != all.end() && n <= limit; ++at) {
      if (name && at->first.first != call.kept(*name)) break;
      if (engine::namespace_of(at->first.first) != call.name_space) continue;
      if (at->second.is_over(now)) continue;
      found.emplace(at->first, &at->second);
      ++n;
    }
  }
  std::string body, last;
  codecs::JsonWriter w(&body);
  w.begin_object().plain_key("items").begin_array();
  std::size_t count = 0;
  for (const auto& [limit_name, row] : found) {
    if (count >= limit || body.size() >= limits::kPageBytesMax) break;
    std::string text;
    codecs::append_limit(limit_name, *row, &text);
    w.raw(text);
    last = std::string(engine::plain_name(limit_name.first)) + "/" + limit_name.second;
    ++count;
  }
  w.end_array().plain_key("next_cursor");
  count < found.size() ? w.string(last) : w.null();
  w.end_object();
  respond_json(call.id, 200, body);
}

}  // namespace pawl::daemon
