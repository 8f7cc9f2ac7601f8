#include "engine/migration.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "engine/migrated_timers.h"
#include "engine/place_map.h"
#include "engine/task_identity.h"

namespace pawl::engine {
namespace {

const char* verb_words(dsl::Verb verb) {
  switch (verb) {
    case dsl::Verb::none:
      return "waits for its handlers";
    case dsl::Verb::task:
      return "runs a task";
    case dsl::Verb::sleep:
      return "sleeps";
    case dsl::Verb::choose:
      return "chooses";
    case dsl::Verb::set:
      return "sets variables";
    case dsl::Verb::raise:
      return "raises an error";
    case dsl::Verb::end:
      return "ends the run";
    case dsl::Verb::flow:
      return "runs a flow";
    case dsl::Verb::parallel:
      return "runs branches";
    case dsl::Verb::map:
      return "runs a map";
    case dsl::Verb::call:
      return "calls a run";
    case dsl::Verb::send:
      return "sends a signal";
    case dsl::Verb::compensate:
      return "compensates";
    case dsl::Verb::continue_as_new:
      return "continues";
  }
  return "";
}

// One machine of the run, in both versions.
struct Standing {
  const dsl::Flow* flow = nullptr;     // in the new one; null: it is not there
  const dsl::State* before = nullptr;  // null: it is in no state yet
  const dsl::State* after = nullptr;
  std::string machine;      // its place in the new one
  std::string path, state;  // as the run will show it
};

class Mover {
 public:
  Mover(const Run& run, const dsl::Definition& from, const dsl::Definition& to,
        std::uint32_t version, TimeMs now)
      : run_(run), from_(from), to_(to), version_(version), now_(now), places_(from, to) {}

  Migration take() {
    out_.parts = parts_of(run_);
    out_.parts.identity.version = version_;
    out_.parts.identity.definition = to_.hash;
    stand_root();
    for (std::size_t i = 0; i < run_.tree->frames.size(); ++i) {
      stand_inner(*run_.tree->frames[i], &out_.parts.inner[i]);
    }
    for (const auto& [id, standing] : standings_) {
      if (standing.before != nullptr && standing.after != nullptr) check_verb(id, standing);
    }
    move_input();
    move_steps();
    move_undos();
    move_calls();
    move_incidents();
    check_signals();
    move_visits();
    move_timers();
    return std::move(out_);
  }

 private:
  template <class... Parts>
  void no(const Parts&... parts) {
    out_.reasons.push_back(absl::StrCat(parts...));
  }
  std::string version() const { return absl::StrCat("version ", version_); }
  static std::string in_quotes(const std::string& name) { return "`" + name + "`"; }
  std::string where(std::uint32_t frame) const { return in_quotes(run_.path_of(frame)); }

  // --- machines ---

  void stand_root() {
    Standing& root = standings_[0];
    root.flow = &to_.root;
    CheckpointFrame& frame = out_.parts.frames.front();
    const std::string& state = run_.state();
    if (!state.empty()) {
      root.before = from_.root.find(state);
      root.state = places_.root_state(state);
      root.after = to_.root.find(root.state);
      if (root.after == nullptr) {
        no("state ", in_quotes(state), ": ", version(),
           " has no such state, and its [migrate.state] names no other one for it");
      }
      frame.state = root.state;
    }
    move_vars(0, *root.flow, &frame);
  }

  // Where `encloser` runs what the inner machine is; null: it does not, which is said of it.
  const dsl::Machine* machine_of(const InnerFrame& inner, const dsl::State& encloser,
                                 std::string* branch) {
    named_ = {encloser.flow, nullptr};
    switch (inner.role) {
      case FrameRole::flow:
        return encloser.verb == dsl::Verb::flow ? &named_ : nullptr;
      case FrameRole::item:
        *branch = "do";
        return encloser.map != nullptr ? &encloser.map->body : nullptr;
      case FrameRole::branch:
        *branch = inner.name;
        if (!encloser.parallel) return nullptr;
        for (const dsl::ParallelBranch& b : encloser.parallel->branches) {
          if (b.name == inner.name) return &b.machine;
        }
        return nullptr;
    }
    return nullptr;
  }

  void stand_inner(const InnerFrame& inner, CheckpointInner* out) {
    const auto parent = standings_.find(inner.parent);
    if (parent == standings_.end() || parent->second.after == nullptr) return;
    const Standing& encloser = parent->second;
    std::string branch;
    const dsl::Machine* machine = machine_of(inner, *encloser.after, &branch);
    if (machine == nullptr) return;
    Standing standing;
    standing.machine = dsl::place_of_machine(encloser.machine, *encloser.after, *machine, branch);
    standing.flow = to_.machine(standing.machine);
    const dsl::Flow* old = from_.machine(inner.machine);
    PAWL_CHECK(standing.flow != nullptr && old != nullptr);  // checked definitions
    if (standing.flow->inline_state != old->inline_state) {
      return no("in ", where(inner.id), " a ", old->inline_state ? "state" : "flow",
                " is under way, ", version(), " runs a ", old->inline_state ? "flow" : "state",
                " there");
    }
    place_inner(inner, encloser, &standing);
    if (!inner.frame.state.empty()) {
      standing.before = old->find(inner.frame.state);
      standing.after = standing.flow->find(inner.frame.state);
    }
    if (standing.before != nullptr && standing.after == nullptr) {
      no("state ", where(inner.id), ": flow ", in_quotes(standing.flow->name), " of ", version(),
         " has no state ", in_quotes(inner.frame.state));
    }
    const bool keeps = !standing.flow->output.has_value();
    if (keeps && !inner.keeps_result) {
      no("in ", where(inner.id), ": flow ", in_quotes(standing.flow->name), " of ", version(),
         " has no `output`, and its last result was not kept by one that has");
    }
    out->machine = standing.machine;
    out->keeps_result = keeps;
    if (inner.role == FrameRole::flow) out->name = machine->flow;
    if (inner.role == FrameRole::item) out->name = encloser.after->map->as;
    out->frame.path = standing.path;
    if (!out->frame.state.empty()) out->frame.state = standing.state;
    move_vars(inner.id, *standing.flow, &out->frame);
    standings_[inner.id] = std::move(standing);
  }

  // As they are named when they are opened (decide_flow.cc).
  static void place_inner(const InnerFrame& inner, const Standing& encloser, Standing* standing) {
    const bool is_inline = standing->flow->inline_state;
    const std::string own =
        encloser.path.empty() ? encloser.state : encloser.path + "/" + encloser.state;
    const std::string item = absl::StrCat("[", inner.index, "]");
    standing->state = inner.frame.state;
    if (inner.role == FrameRole::item) {
      standing->path = is_inline ? encloser.path : own + item;
      if (is_inline) standing->state = encloser.state + item;
    } else if (inner.role == FrameRole::branch) {
      standing->path = is_inline ? own : own + "/" + inner.name;
    } else {
      standing->path = own;
    }
  }

  // --- what is under way ---

  // The verb is still to be done: a retry of its incident does whatever it is then.
  bool is_to_be_done(std::uint32_t frame) const {
    for (const auto& inner : run_.tree->frames) {
      if (inner->parent == frame) return false;
    }
    return std::any_of(run_.incidents.begin(), run_.incidents.end(), [frame](const auto& i) {
      return i->frame == frame &&
             (i->stage == IncidentStage::entry || i->stage == IncidentStage::verb);
    });
  }

  static std::vector<std::string> names_of(const dsl::ParallelSpec& parallel) {
    std::vector<std::string> names;
    for (const dsl::ParallelBranch& branch : parallel.branches) names.push_back(branch.name);
    return names;
  }

  void check_verb(std::uint32_t frame, const Standing& standing) {
    const dsl::State& before = *standing.before;
    const dsl::State& after = *standing.after;
    if (is_to_be_done(frame)) return;
    if (before.verb != after.verb) {
      return no("state ", where(frame), " ", verb_words(before.verb), ", ", in_quotes(after.name),
                " of ", version(), " ", verb_words(after.verb));
    }
    if (before.parallel && names_of(*before.parallel) != names_of(*after.parallel)) {
      no("state ", where(frame), " runs other branches than ", in_quotes(after.name), " of ",
         version());
    }
    if (before.call != nullptr && before.call->workflow != after.call->workflow) {
      no("state ", where(frame), " calls ", in_quotes(before.call->workflow), ", ",
         in_quotes(after.name), " of ", version(), " calls ", in_quotes(after.call->workflow));
    }
  }

  // What says what becomes of an outcome; a sentence otherwise.
  void check_task(const Step& step, const std::string& type, const std::string& what) {
    const dsl::TaskSpec* spec = find_task_spec(to_, step);
    if (spec == nullptr) {
      no(what, ": ", version(), " has none in that place");
    } else if (spec->type != type) {
      no(what, ": ", version(), " has one of type ", in_quotes(spec->type), " in that place");
    }
  }

  void move_steps() {
    for (Step& step : out_.parts.steps) {
      const std::string state = step.state, name = step.handler;
      const auto handler = places_.handler(state, name);
      step.state = places_.place(state);
      if (handler) step.handler = *handler;
      if (step.status == StepStatus::withdrawn) continue;
      const auto standing = standings_.find(step.frame);
      const bool is_lost = standing == standings_.end() ||
                           (standing->second.before != nullptr && !standing->second.after);
      if (is_lost) continue;  // said of its state
      std::string what = absl::StrCat("the open task ", in_quotes(step.type), " of ");
      if (step.role == StepRole::handler) {
        absl::StrAppend(&what, "handler ", in_quotes(name), " of ");
      }
      if (step.role == StepRole::undo) continue;  // said of what it undoes
      what += state.empty() ? "the root" : "state " + in_quotes(state);
      if (step.role == StepRole::state && verbs_differ(standing->second)) continue;
      if (!handler) {
        no(what, ": ", version(), " has no such timer");
        continue;
      }
      check_task(step, step.type, what);
    }
  }

  static bool verbs_differ(const Standing& standing) {
    return standing.before != nullptr && standing.after != nullptr &&
           standing.before->verb != standing.after->verb;
  }

  void move_undos() {
    for (RecordedUndo& undo : out_.parts.undos) {
      const std::string what = absl::StrCat("the recorded undo ", in_quotes(undo.type),
                                            " of state ", in_quotes(undo.place));
      Step step;
      step.role = StepRole::undo;
      step.state = undo.place = places_.place(undo.place);
      check_task(step, undo.type, what);
    }
  }

  void move_calls() {
    for (OpenCall& call : out_.parts.calls) call.state = places_.place(call.state);
  }

  void move_incidents() {
    for (Incident& incident : out_.parts.incidents) {
      const auto standing = standings_.find(incident.frame);
      const Frame* frame = run_.frame(incident.frame);
      if (incident.stage == IncidentStage::step) {
        incident.state = places_.place(incident.state);
      } else if (standing != standings_.end() && incident.state == frame->state) {
        incident.state = standing->second.state;
      }
      const std::string what = absl::StrCat("incident ", incident.id.v);
      if (incident.stage == IncidentStage::signal && to_.signal(incident.name) == nullptr) {
        no(what, " keeps signal ", in_quotes(incident.name), ", which ", version(),
           " does not declare");
      }
      if (incident.stage != IncidentStage::timer || standing == standings_.end()) continue;
      const bool of_root = incident.timer_kind == TimerKind::root_after ||
                           incident.timer_kind == TimerKind::root_every;
      const Standing& at = standing->second;
      if (!of_root && (at.before == nullptr || at.after == nullptr)) continue;
      const auto owner = places_.timer(incident.timer_kind, of_root ? nullptr : at.before,
                                       of_root ? nullptr : at.after, incident.timer_owner);
      if (owner) {
        incident.timer_owner = *owner;
      } else {
        no(what, " is of a timer that ", version(), " has not");
      }
    }
  }

  // --- data ---

  void move_input() {
    if (!to_.input) return;
    std::vector<dsl::SchemaError> errors;
    Payload& input = out_.parts.identity.input;
    dsl::Value fitting = dsl::apply_fields(*to_.input, input.value, &errors);
    for (const dsl::SchemaError& e : errors) {
      no(e.path.empty() ? "the input" : "input " + in_quotes(e.path), " ", e.message, " for ",
         version());
    }
    if (errors.empty() && !(fitting == input.value)) input = Payload::of(std::move(fitting));
  }

  void move_vars(std::uint32_t frame, const dsl::Flow& flow, CheckpointFrame* out) {
    for (const auto& [name, schema] : flow.vars.items) {
      const auto at = std::lower_bound(
          out->vars.begin(), out->vars.end(), name,
          [](const NamedPayload& x, const std::string& wanted) { return x.name < wanted; });
      const bool known = at != out->vars.end() && at->name == name;
      if (!known && schema.default_value) {
        out->vars.insert(at, {name, Payload::of(*schema.default_value)});
      }
      if (!known) continue;
      std::vector<dsl::SchemaError> errors;
      dsl::Value value = dsl::apply_schema(schema, at->value.value, name, &errors);
      for (const dsl::SchemaError& e : errors) {
        no("variable ", in_quotes(e.path), frame == 0 ? "" : " in " + where(frame), " ", e.message,
           " for ", version());
      }
      if (errors.empty() && !(value == at->value.value)) at->value = Payload::of(std::move(value));
    }
  }

  void check_signals() {
    for (const WaitingSignal& signal : out_.parts.signals) {
      const dsl::SignalSpec* spec = to_.signal(signal.name);
      const std::string what = "a signal " + in_quotes(signal.name) + " waits";
      if (spec == nullptr) {
        no(what, ", which ", version(), " does not declare");
        continue;
      }
      if (!spec->payload) continue;
      std::vector<dsl::SchemaError> errors;
      dsl::apply_schema(*spec->payload, signal.payload.value, "", &errors);
      for (const dsl::SchemaError& e : errors) {
        no(what, ": ", e.path.empty() ? "its payload" : in_quotes(e.path), " ", e.message, " for ",
           version());
      }
    }
  }

  // Names that meet keep the larger count: no visit to come may have a number that was used.
  void move_visits() {
    out_.parts.visits = moved_visits(out_.parts.visits, 0);
    for (CheckpointInner& inner : out_.parts.inner) {
      inner.visits = moved_visits(inner.visits, inner.id);
    }
  }

  std::vector<Visit> moved_visits(const std::vector<Visit>& visits, std::uint32_t frame) const {
    std::map<std::pair<std::string, std::string>, std::uint32_t> counts;
    for (const Visit& visit : visits) {
      const std::size_t mark = visit.name.find('!');
      std::string name = visit.name;
      if (mark != std::string::npos) {
        const std::string place = visit.name.substr(0, mark);
        const std::string handler = visit.name.substr(mark + 1);
        name = places_.place(place) + "!" + places_.handler(place, handler).value_or(handler);
      } else if (frame == 0) {
        name = places_.root_state(visit.name);
      } else if (visit.name == run_.frame(frame)->state && standings_.contains(frame)) {
        name = standings_.at(frame).state;
      }
      std::uint32_t& count = counts[{visit.path, std::move(name)}];
      count = std::max(count, visit.count);
    }
    std::vector<Visit> moved;
    for (const auto& [place, count] : counts) moved.push_back({place.first, place.second, count});
    return moved;
  }

  void move_timers() {
    MigratedTimers timers(run_, from_, to_, places_, version(), now_);
    for (const auto& [frame, standing] : standings_) {
      if (standing.before == nullptr || standing.after == nullptr) continue;
      timers.of_state(frame, *standing.before, *standing.after);
    }
    timers.of_root();
    timers.take(&out_.parts, &out_.reasons);
  }

  const Run& run_;
  const dsl::Definition& from_;
  const dsl::Definition& to_;
  const std::uint32_t version_;
  const TimeMs now_;
  const PlaceMap places_;
  std::map<std::uint32_t, Standing> standings_;  // by machine; without those that are not there
  dsl::Machine named_;
  Migration out_;
};

}  // namespace

Migration migrate(const Run& run, const dsl::Definition& from, const dsl::Definition& to,
                  std::uint32_t version, TimeMs now) {
  return Mover(run, from, to, version, now).take();
}

bool takes_runs_of(const dsl::Definition& to, const dsl::Definition& from, const Digest& stored) {
  if (!to.migrate) return false;
  const std::string own = to_hex(from.hash), known = to_hex(stored);
  return std::any_of(
      to.migrate->from.begin(), to.migrate->from.end(), [&](const std::string& name) {
        return name == own || name == known || (!from.revision.empty() && name == from.revision);
      });
}

}  // namespace pawl::engine
