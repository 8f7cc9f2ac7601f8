#include "rehearsal/chronicle.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "codecs/event_json.h"
#include "codecs/json.h"

namespace pawl::rehearsal {
namespace {

constexpr std::size_t kValueBytesShown = 100;

// At most kValueBytesShown, whole characters, "…" behind them.
std::string shortened(std::string text) {
  if (text.size() <= kValueBytesShown) return text;
  std::size_t end = kValueBytesShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

// What a reader of a test need not know: it is the same in every line, or the definition says it.
constexpr std::string_view kHidden =
    " seq at type actor definition group index id version generation workflow firing heartbeat key "
    "lease_ms queue_ms attempt_ms timers ";

std::string fields_text(const dsl::Value& event) {
  std::string out;
  if (event.kind() != dsl::Kind::map) return out;
  for (const auto& [key, value] : event.as_map()) {
    const std::string& name = key.as_string();
    const bool zero = value.kind() == dsl::Kind::int64 && value.as_int() == 0;
    if (kHidden.find(" " + name + " ") != std::string_view::npos || zero) continue;
    const std::string text =
        value.kind() == dsl::Kind::string ? value.as_string() : codecs::to_json(value);
    if (!text.empty()) absl::StrAppend(&out, " ", name, "=", shortened(text));
  }
  return out;
}

}  // namespace

Chronicle::Chronicle(const std::vector<HistoryEvent>& history) : history_(history) {
  for (const HistoryEvent& item : history) {
    const auto* task = std::get_if<engine::TaskScheduled>(&item.event);
    if (task == nullptr) continue;
    if (task->step.v >= scheduled_.size()) scheduled_.resize(task->step.v + 1);
    scheduled_[task->step.v] = task;
  }
}

std::vector<std::string> Chronicle::path() const {
  std::vector<std::string> states;
  for (const HistoryEvent& item : history_) {
    const auto* entered = std::get_if<engine::StateEntered>(&item.event);
    if (entered != nullptr && entered->frame == 0) states.push_back(entered->state);
  }
  return states;
}

const engine::TaskScheduled* Chronicle::scheduled(engine::StepId step) const {
  return step.v < scheduled_.size() ? scheduled_[step.v] : nullptr;
}

std::vector<std::string> Chronicle::tasks_handed_out() const {
  std::vector<std::string> types;
  for (const HistoryEvent& item : history_) {
    const auto* started = std::get_if<engine::TaskStarted>(&item.event);
    if (started == nullptr) continue;
    if (const engine::TaskScheduled* task = scheduled(started->step)) types.push_back(task->type);
  }
  return types;
}

std::vector<std::string> Chronicle::undone() const {
  std::vector<std::string> types;
  for (const HistoryEvent& item : history_) {
    const auto* completed = std::get_if<engine::TaskCompleted>(&item.event);
    if (completed == nullptr) continue;
    const engine::TaskScheduled* task = scheduled(completed->step);
    const bool undo = task != nullptr && std::strcmp(enum_name(task->role), "undo") == 0;
    if (undo) types.push_back(task->type);
  }
  return types;
}

namespace {

void add_field(dsl::Map* map, const char* name, dsl::Value value) {
  map->emplace_back(dsl::Value::string(name), std::move(value));
}

}  // namespace

dsl::List Chronicle::sent() const {
  dsl::List all;
  for (const HistoryEvent& item : history_) {
    const auto* sent = std::get_if<engine::SignalSent>(&item.event);
    if (sent == nullptr) continue;
    dsl::Map fields;
    add_field(&fields, "to", dsl::Value::string(sent->run));
    add_field(&fields, "signal", dsl::Value::string(sent->name));
    add_field(&fields, "with", sent->payload.value);
    all.push_back(dsl::Value::map(std::move(fields)));
  }
  return all;
}

dsl::List Chronicle::called() const {
  dsl::List all;
  for (const HistoryEvent& item : history_) {
    const auto* call = std::get_if<engine::CallStarted>(&item.event);
    if (call == nullptr) continue;
    dsl::Map fields;
    add_field(&fields, "workflow", dsl::Value::string(call->workflow));
    add_field(&fields, "id", dsl::Value::string(call->run));
    add_field(&fields, "with", call->input.value);
    all.push_back(dsl::Value::map(std::move(fields)));
  }
  return all;
}

std::int64_t Chronicle::visits(std::string_view path) const {
  std::unordered_map<std::uint32_t, std::string> paths;  // of machines, before their states' names
  std::int64_t count = 0;
  for (const HistoryEvent& item : history_) {
    if (const auto* flow = std::get_if<engine::FlowEntered>(&item.event)) {
      paths[flow->frame] = flow->path.empty() ? "" : flow->path + "/";
    } else if (const auto* entered = std::get_if<engine::StateEntered>(&item.event)) {
      count += paths[entered->frame] + entered->state == path ? 1 : 0;
    }
  }
  return count;
}

dsl::Value Chronicle::json(std::size_t at) const {
  std::string text;
  codecs::append_event(history_[at].event, Seq(at + 1), history_[at].at, {}, &text);
  dsl::Value value;
  codecs::JsonError error;
  return codecs::parse_json(text, &value, &error) ? value : dsl::Value();
}

std::string passed_text(TimeMs began, TimeMs at) {
  std::int64_t ms = at.v - began.v;
  std::string out = ms < 0 ? "-" : "+";
  ms = ms < 0 ? -ms : ms;
  constexpr std::pair<std::int64_t, const char*> kUnits[] = {
      {86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1000, "s"}, {1, "ms"}};
  for (const auto& [unit, name] : kUnits) {
    if (ms >= unit) absl::StrAppend(&out, ms / unit, name);
    ms %= unit;
  }
  return out.size() == 1 ? out + "0" : out;
}

std::string history_text(const std::vector<HistoryEvent>& history, TimeMs began) {
  const Chronicle chronicle(history);
  std::string out;
  for (std::size_t i = 0; i < history.size(); ++i) {
    std::string time = passed_text(began, history[i].at);
    time.resize(std::max<std::size_t>(time.size(), 12), ' ');
    std::string name = engine::event_name(history[i].event);
    name.resize(std::max<std::size_t>(name.size(), 15), ' ');
    absl::StrAppend(&out, "    ", time, " ", name, fields_text(chronicle.json(i)), "\n");
  }
  return out;
}

}  // namespace pawl::rehearsal
