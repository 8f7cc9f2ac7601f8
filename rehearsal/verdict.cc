#include "rehearsal/verdict.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/waiting.h"
#include "rehearsal/chronicle.h"
#include "rehearsal/json_form.h"

namespace pawl::rehearsal {
namespace {

dsl::Value list_of(const std::vector<std::string>& names) {
  dsl::List items;
  for (const std::string& name : names) items.push_back(dsl::Value::string(name));
  return dsl::Value::list(std::move(items));
}

dsl::Value duration_of(std::int64_t ms) {
  return dsl::Value::duration({ms / 1000, static_cast<std::int32_t>(ms % 1000) * 1'000'000});
}

class Comparison {
 public:
  Comparison(const VirtualRun& run, TimeMs began)
      : run_(*run.run()), chronicle_(run.history()), history_(run.history()), began_(began) {}

  void check(const Expectation& e) {
    if (e.status) text("status", *e.status, engine::to_string(run_.status));
    if (e.state) text("state", *e.state, run_.state());
    for (const ExpectedNames& list : e.lists) check_names(list);
    if (e.output) value("output", *e.output, run_.output->value);
    if (e.error) check_run_error(*e.error);
    for (const auto& [name, expected] : e.vars) {
      if (is_path(name)) {
        check_vars_at(name, expected);
      } else {
        value("vars." + name, expected, variable(0, name));
      }
    }
    check_asked("sent", e.sent, chronicle_.sent());
    check_asked("called", e.called, chronicle_.called());
    check_events(e.events);
    for (const auto& [state, count] : e.visits) {
      const std::int64_t visits =
          is_path(state) ? chronicle_.visits(state) : run_.visits_of(0, state);
      value("visits." + state, dsl::Value::int64(count), dsl::Value::int64(visits));
    }
    check_incidents(e);
    const std::int64_t passed = history_.back().at.v - began_.v;
    if (e.at_ms && *e.at_ms != passed) add("at", duration_of(*e.at_ms), duration_of(passed));
  }

  std::vector<Difference> take() { return std::move(differences_); }

 private:
  void add(std::string what, dsl::Value expected, dsl::Value actual) {
    differences_.push_back({"", std::move(what), "", json_form(expected), json_form(actual)});
  }
  void value(std::string what, const dsl::Value& expected, const dsl::Value& actual) {
    if (!same(expected, actual)) add(std::move(what), expected, actual);
  }
  void text(std::string what, const std::string& expected, const std::string& actual) {
    value(std::move(what), dsl::Value::string(expected), dsl::Value::string(actual));
  }

  dsl::Value variable(std::uint32_t frame, std::string_view name) const {
    const engine::Variable* found = run_.variable(frame, name);
    return found == nullptr ? dsl::Value() : found->value.value;
  }

  // The machine at a path: that of its states, or that of one of them.
  void check_vars_at(const std::string& path, const dsl::Value& expected) {
    for (const auto& inner : run_.tree->frames) {
      if (inner->frame.path != path && run_.path_of(inner->id) != path) continue;
      for (const auto& [name, wanted] : expected.as_map()) {
        value("vars of " + path + "." + name.as_string(), wanted,
              variable(inner->id, name.as_string()));
      }
      return;
    }
    differences_.push_back({"", "there is nothing at the path " + path, "", {}, {}});
  }

  // As many, each with what is named.
  void check_asked(const char* what, const std::optional<dsl::List>& expected, dsl::List actual) {
    if (!expected) return;
    bool alike = expected->size() == actual.size();
    for (std::size_t i = 0; alike && i < actual.size(); ++i) {
      alike = includes((*expected)[i], actual[i]);
    }
    if (!alike) add(what, dsl::Value::list(*expected), dsl::Value::list(std::move(actual)));
  }

  void check_names(const ExpectedNames& list) {
    const std::vector<std::string> actual = list.what == "states"  ? run_.states()
                                            : list.what == "path"  ? chronicle_.path()
                                            : list.what == "tasks" ? chronicle_.tasks_handed_out()
                                                                   : chronicle_.undone();
    if (list.names != actual) add(list.what, list_of(list.names), list_of(actual));
  }

  void check_error(const std::string& what, const ExpectedError& expected,
                   const engine::ErrorRecord& actual) {
    if (expected.type) text(what + ".type", *expected.type, actual.type);
    if (expected.message) text(what + ".message", *expected.message, actual.message());
    if (expected.data) value(what + ".data", *expected.data, actual.data());
  }

  void check_run_error(const ExpectedError& expected) {
    const std::optional<engine::ErrorRecord>& error = *run_.error;
    if (expected.none) {
      if (error) add("error", dsl::Value(), dsl::Value::string(error->type));
    } else if (!error) {
      add("error", dsl::Value::string(expected.type.value_or("any")), dsl::Value());
    } else {
      check_error("error", expected, *error);
    }
  }

  void check_incidents(const Expectation& e) {
    const auto count = static_cast<std::int64_t>(run_.incidents.size());
    const std::int64_t expected = e.incidents ? static_cast<std::int64_t>(e.incidents->size())
                                              : e.incident_count.value_or(count);
    if (count != expected) {
      std::vector<std::string> types;
      for (const auto& incident : run_.incidents) types.push_back(incident->error.type);
      add("incidents", dsl::Value::int64(expected), list_of(types));
    } else if (e.incidents) {
      for (std::size_t i = 0; i < run_.incidents.size(); ++i) {
        const std::string what = absl::StrCat("incidents[", i, "]");
        check_error(what, (*e.incidents)[i], run_.incidents[i]->error);
        const auto& state = (*e.incidents)[i].state;
        if (state) text(what + ".state", *state, run_.incidents[i]->state);
      }
    }
  }

  // In this order, others may stand between.
  void check_events(const std::vector<ExpectedEvent>& events) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < events.size(); ++i) {
      const std::size_t from = at;
      while (at < history_.size() && !fits(events[i], at)) ++at;
      if (at++ < history_.size()) continue;
      dsl::Value closest;
      for (std::size_t k = from; k < history_.size() && closest.is_null(); ++k) {
        if (engine::event_name(history_[k].event) == events[i].type) closest = chronicle_.json(k);
      }
      dsl::Map wanted = events[i].fields.as_map();
      wanted.emplace_back(dsl::Value::string("type"), dsl::Value::string(events[i].type));
      return add(
          absl::StrCat("events[", i, "]", closest.is_null() ? "" : " (the next of its type)"),
          dsl::Value::map(std::move(wanted)), closest);
    }
  }

  bool fits(const ExpectedEvent& expected, std::size_t at) const {
    return engine::event_name(history_[at].event) == expected.type &&
           (expected.fields.as_map().empty() || includes(expected.fields, chronicle_.json(at)));
  }

  const engine::Run& run_;
  Chronicle chronicle_;
  const std::vector<HistoryEvent>& history_;
  TimeMs began_;
  std::vector<Difference> differences_;
};

}  // namespace

std::vector<Difference> compare(const Expectation& expected, const VirtualRun& run, TimeMs began) {
  if (run.run() == nullptr) {
    const bool any = expected.status || expected.state || !expected.lists.empty() ||
                     expected.output || expected.error || !expected.vars.empty() ||
                     !expected.events.empty() || expected.sent || expected.called ||
                     !expected.visits.empty() || expected.incidents || expected.incident_count ||
                     expected.at_ms;
    if (!any) return {};
    return {{"", "there is no run to look at: its start was refused", "", {}, {}}};
  }
  Comparison comparison(run, began);
  comparison.check(expected);
  return comparison.take();
}

}  // namespace pawl::rehearsal
