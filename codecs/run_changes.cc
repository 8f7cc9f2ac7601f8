#include "codecs/run_changes.h"

#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "codecs/json.h"
#include "codecs/run_json.h"
#include "engine/namespace.h"
#include "engine/waiting.h"

namespace pawl::codecs {
namespace {

// In the order in which they are written.
enum class What {
  workflow,
  status,
  generation,
  state,
  variable,
  task,
  timer,
  incident,
  undo,
  call,
  signal,
  items,
  output,
  error
};

const char* what_name(What what) {
  static constexpr const char* kNames[] = {"workflow", "status", "generation", "state", "var",
                                           "task",     "timer",  "incident",   "undo",  "call",
                                           "signal",   "items",  "output",     "error"};
  return kNames[static_cast<int>(what)];
}

// One thing that is so: a payload of the run, or a text.
struct Fact {
  const engine::Payload* payload = nullptr;
  std::string text;
};

// Digests are keyed with the event that brought the value: other ones may be of the same value.
bool same(const engine::Payload& a, const engine::Payload& b) {
  if (a.digest && a.digest == b.digest) return true;
  const bool told = !a.scrubbed && !b.scrubbed && a.length == b.length;
  return told && to_json(a.value) == to_json(b.value);
}

bool same(const Fact& a, const Fact& b) {
  if (a.payload == nullptr || b.payload == nullptr) {
    return a.payload == b.payload && a.text == b.text;
  }
  return same(*a.payload, *b.payload);
}

using Key = std::tuple<What, std::uint64_t, std::string>;
using Facts = std::map<Key, Fact>;

void add(Facts* facts, What what, std::uint64_t id, std::string name, std::string text) {
  facts->emplace(Key{what, id, std::move(name)}, Fact{nullptr, std::move(text)});
}

void add_frame(const engine::Frame& frame, std::uint64_t id, Facts* facts) {
  if (!frame.state.empty()) add(facts, What::state, id, frame.path, frame.state);
  for (const engine::Variable& x : *frame.vars) {
    facts->emplace(Key{What::variable, id, x.name}, Fact{&x.value, ""});
  }
}

std::string task_text(const engine::Step& step) {
  std::string text = engine::to_string(step.status);
  if (step.attempt > 0) absl::StrAppend(&text, ", attempt ", step.attempts_used());
  return text;
}

std::string time_text(TimeMs time) {
  std::string text;
  JsonWriter(&text).time_ms(time.v);
  return text.substr(1, text.size() - 2);
}

void add_work(const engine::Run& run, Facts* facts) {
  for (const auto& step : run.steps) {
    add(facts, What::task, step->id.v, step->type, task_text(*step));
  }
  for (const engine::Timer& timer : run.timers) {
    add(facts, What::timer, timer.id.v, engine::enum_name(timer.kind), time_text(timer.fire_at));
  }
  for (const auto& incident : run.incidents) {
    add(facts, What::incident, incident->id.v, incident->state, incident->error.type);
  }
  for (const engine::WaitingSignal& signal : *run.signals) {
    add(facts, What::signal, signal.number, signal.name, signal.held ? "held" : "waits");
  }
}

void add_tree(const engine::RunTree& tree, Facts* facts) {
  for (const auto& inner : tree.frames) add_frame(inner->frame, inner->id, facts);
  for (const auto& gather : tree.gathers) {
    add(facts, What::items, gather->frame, gather->map ? "map" : "parallel",
        absl::StrCat(gather->completed + gather->failed, " of ", gather->count, " over",
                     gather->failed > 0 ? absl::StrCat(", ", gather->failed, " failed") : ""));
  }
  for (const auto& undo : tree.undos) {
    const std::string name = undo->name.empty() ? undo->place : undo->place + " " + undo->name;
    const char* text = undo->runs.v > 0 ? "runs" : undo->since.v > 0 ? "counts" : "waits";
    add(facts, What::undo, undo->id, name, text);
  }
  for (const auto& call : tree.calls) {
    add(facts, What::call, call->id, std::string(engine::plain_name(call->run)),
        engine::enum_name(call->status));
  }
}

Facts facts_of(const engine::Run& run) {
  Facts facts;
  if (run.seq.v == 0) return facts;
  add(&facts, What::workflow, 0, "",
      absl::StrCat(std::string(engine::plain_name(run.workflow())), ", version ", run.version()));
  add(&facts, What::status, 0, "", engine::to_string(run.status));
  add(&facts, What::generation, 0, "", absl::StrCat(run.generation));
  if (!run.frames.empty()) add_frame(run.frames[0], 0, &facts);
  add_work(run, &facts);
  add_tree(*run.tree, &facts);
  if (run.closed() && run.output->length > 0) {
    facts.emplace(Key{What::output, 0, ""}, Fact{&run.output.get(), ""});
  }
  if (run.error->has_value()) add(&facts, What::error, 0, "", (*run.error)->type);
  return facts;
}

void write_fact(JsonWriter& w, const char* name, const Fact& fact) {
  w.plain_key(name);
  if (fact.payload != nullptr) {
    write_payload(w, *fact.payload);
  } else {
    w.string(fact.text);
  }
}

void write_change(JsonWriter& w, const Key& key, const Fact* from, const Fact* to) {
  const auto& [what, id, name] = key;
  w.begin_object().field("what", what_name(what));
  if (id > 0) w.field("id", id);
  if (!name.empty()) w.field("name", name);
  if (from != nullptr) write_fact(w, "from", *from);
  if (to != nullptr) write_fact(w, "to", *to);
  w.end_object();
}

}  // namespace

void write_changes(JsonWriter& w, const engine::Run& before, const engine::Run& after) {
  const Facts old_facts = facts_of(before), new_facts = facts_of(after);
  auto b = old_facts.begin(), a = new_facts.begin();
  w.begin_array();
  while (b != old_facts.end() || a != new_facts.end()) {
    const bool only_before = a == new_facts.end() || (b != old_facts.end() && b->first < a->first);
    const bool only_after = b == old_facts.end() || (a != new_facts.end() && a->first < b->first);
    if (only_before) {
      write_change(w, b->first, &b->second, nullptr);
    } else if (only_after) {
      write_change(w, a->first, nullptr, &a->second);
    } else if (!same(a->second, b->second)) {
      write_change(w, a->first, &b->second, &a->second);
    }
    if (!only_after) ++b;
    if (!only_before) ++a;
  }
  w.end_array();
}

}  // namespace pawl::codecs
