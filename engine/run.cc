#include "engine/run.h"

#include <algorithm>
#include <tuple>

#include "base/bytes.h"
#include "engine/field_bytes.h"

namespace pawl::engine {
namespace {

// The item with this id in a list sorted by id, or null.
template <class List, class Id>
auto* find_id(const List& list, Id id) {
  const auto at = std::lower_bound(list.begin(), list.end(), id,
                                   [](const auto& x, Id wanted) { return x->id < wanted; });
  return at == list.end() || (*at)->id != id ? nullptr : &**at;
}

// Encodes the fields of a run one by one, to find the first that differs.
class FieldTexts {
 public:
  explicit FieldTexts(std::vector<std::pair<std::string, std::string>>* out) : out_(out) {}
  template <class T>
  void operator()(const char* name, const T& x) {
    std::string bytes;
    FieldEncoder<FieldForm::snapshot>(&bytes).put(x);
    out_->emplace_back(name, std::move(bytes));
  }

 private:
  std::vector<std::pair<std::string, std::string>>* out_;
};

}  // namespace

const std::string& Run::state() const {
  static const std::string none;
  return frames.empty() ? none : frames.front().state;
}

std::vector<std::string> Run::states() const {
  std::vector<std::string> paths;
  if (!state().empty()) paths.push_back(state());
  for (const auto& inner : tree->frames) {
    if (!inner->frame.state.empty()) paths.push_back(path_of(inner->id));
  }
  return paths;
}

const InnerFrame* Run::inner(std::uint32_t id) const { return find_id(tree->frames, id); }

const Frame* Run::frame(std::uint32_t id) const {
  if (id == 0) return frames.empty() ? nullptr : &frames.front();
  const InnerFrame* found = inner(id);
  return found == nullptr ? nullptr : &found->frame;
}

const Gather* Run::gather(std::uint32_t frame) const {
  for (const auto& gather : tree->gathers) {
    if (gather->frame == frame) return &*gather;
  }
  return nullptr;
}

const OpenCall* Run::call(std::uint32_t id) const { return find_id(tree->calls, id); }

bool Run::has_errands() const {
  const RunTree& x = *tree;
  if (closed() && x.caller && x.caller->wait && !x.caller->told) return true;
  if (engine::has_errands(*x.permits)) return true;
  return std::any_of(x.calls.begin(), x.calls.end(),
                     [](const auto& call) { return has_errand(*call); });
}

std::uint32_t Run::parent(std::uint32_t id) const {
  const InnerFrame* found = inner(id);
  return found == nullptr ? 0 : found->parent;
}

bool Run::within(std::uint32_t frame, std::uint32_t ancestor) const {
  while (frame > ancestor) frame = parent(frame);
  return frame == ancestor;
}

const Step* Run::step(StepId wanted) const { return find_id(steps, wanted); }

const Incident* Run::incident(IncidentId wanted) const { return find_id(incidents, wanted); }

const Timer* Run::timer(TimerId wanted) const {
  const auto at = std::lower_bound(timers.begin(), timers.end(), wanted,
                                   [](const Timer& t, TimerId x) { return t.id < x; });
  return at == timers.end() || at->id != wanted ? nullptr : &*at;
}

std::optional<TimeMs> Run::earliest_timer() const {
  std::optional<TimeMs> earliest;
  for (const Timer& t : timers) {
    if (!earliest || t.fire_at < *earliest) earliest = t.fire_at;
  }
  return earliest;
}

const Variable* Run::variable(std::uint32_t id, std::string_view name) const {
  const Frame* in = frame(id);
  if (in == nullptr) return nullptr;
  const std::vector<Variable>& vars = *in->vars;
  const auto at =
      std::lower_bound(vars.begin(), vars.end(), name,
                       [](const Variable& x, std::string_view wanted) { return x.name < wanted; });
  return at == vars.end() || at->name != name ? nullptr : &*at;
}

namespace {

std::uint32_t count_of(const std::vector<Visit>& visits, std::string_view path,
                       std::string_view name) {
  const auto at = std::lower_bound(
      visits.begin(), visits.end(), std::tie(path, name), [](const Visit& x, const auto& wanted) {
        return std::tuple<std::string_view, std::string_view>(x.path, x.name) < wanted;
      });
  return at == visits.end() || at->path != path || at->name != name ? 0 : at->count;
}

void append_vars(const Run& run, std::uint32_t id, dsl::Map* map) {
  if (id > 0) append_vars(run, run.parent(id), map);
  const Frame* frame = run.frame(id);
  if (frame == nullptr) return;
  map->reserve(map->size() + frame->vars->size());
  for (const Variable& x : *frame->vars) {
    map->emplace_back(dsl::Value::string(x.name), x.value.value);
  }
}

}  // namespace

std::uint32_t Run::visits_of(std::uint32_t id, std::string_view name) const {
  const InnerFrame* in = inner(id);
  return in == nullptr ? count_of(*visits, "", name) : count_of(*in->visits, "", name);
}

dsl::Value Run::vars_value(std::uint32_t id) const {
  dsl::Map map;
  append_vars(*this, id, &map);
  return dsl::Value::map(std::move(map));  // of equal keys the later wins
}

std::string Run::path_of(std::uint32_t id) const {
  const Frame* f = frame(id);
  if (f == nullptr) return "";
  return f->path.empty() ? f->state : f->path + "/" + f->state;
}

void encode_run(const Run& run, std::string* out) {
  FieldEncoder<FieldForm::snapshot>(out).put(run);
}

bool decode_run(std::string_view bytes, Run* run) {
  ByteReader in(bytes);
  Run decoded;
  FieldDecoder<FieldForm::snapshot>(&in).get(&decoded);
  if (!in.done() || !run_problem(decoded).empty()) return false;
  *run = std::move(decoded);
  return true;
}

bool operator==(const Run& a, const Run& b) {
  std::string a_bytes, b_bytes;
  encode_run(a, &a_bytes);
  encode_run(b, &b_bytes);
  return a_bytes == b_bytes;
}

std::string first_difference(const Run& a, const Run& b) {
  std::vector<std::pair<std::string, std::string>> a_fields, b_fields;
  Run::fields(a, FieldTexts(&a_fields));
  Run::fields(b, FieldTexts(&b_fields));
  for (std::size_t i = 0; i < a_fields.size(); ++i) {
    if (a_fields[i].second != b_fields[i].second) return a_fields[i].first;
  }
  return "";
}

}  // namespace pawl::engine
