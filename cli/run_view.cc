#include "cli/run_view.h"

#include "codecs/json.h"

namespace pawl::cli {
namespace {

constexpr std::size_t kValueCharacters = 120;  // of one value in a line of an event

void add_line(std::string_view name, std::string_view text, bool colour, std::string* out) {
  constexpr std::size_t width = 11;
  if (text.empty()) return;
  std::string padded(name);
  padded.resize(std::max(width, name.size() + 1), ' ');
  *out += paint(padded, Colour::dim, colour) + std::string(text) + "\n";
}

void add_value(std::string_view name, const dsl::Value& envelope, bool colour, std::string* out) {
  const dsl::Value* value = envelope.field(name);
  if (value == nullptr || value->is_null()) return;
  if (value->kind() == dsl::Kind::map && value->as_map().empty()) return;
  if (value->kind() == dsl::Kind::list && value->as_list().empty()) return;
  add_line(name, printable(text_of(*value)), colour, out);
}

// waiting_for {signals, timers, tasks, children}: one line each that is not empty.
void add_waiting(const dsl::Value& envelope, bool colour, std::string* out) {
  const dsl::Value* waiting = envelope.field("waiting_for");
  if (waiting == nullptr || waiting->kind() != dsl::Kind::map) return;
  for (const auto& [kind, what] : waiting->as_map()) {
    if (what.kind() != dsl::Kind::list || what.as_list().empty()) continue;
    std::string text = text_of(kind) + ": ";
    for (std::size_t i = 0; i < what.as_list().size(); ++i) {
      const dsl::Value& item = what.as_list()[i];
      text += (i == 0 ? "" : ", ");
      text += item.kind() == dsl::Kind::map ? fields_line(item, "") : text_of(item);
    }
    add_line("waits for", printable(text), colour, out);
  }
}

void add_incidents(const dsl::Value& envelope, bool colour, std::string* out) {
  const dsl::Value* incidents = envelope.field("incidents");
  if (incidents == nullptr || incidents->kind() != dsl::Kind::list) return;
  for (const dsl::Value& item : incidents->as_list()) {
    const dsl::Value* error = item.field("error");
    std::string text = "#" + text_of(item, "id") + " at " + text_of(item, "path");
    if (error != nullptr)
      text += ": " + text_of(*error, "type") + ": " + text_of(*error, "message");
    text += " (since " + text_of(item, "since") + ")";
    add_line("incident", paint(printable(text), Colour::red, colour), colour, out);
  }
}

}  // namespace

bool is_closed_status(std::string_view status) {
  return status == "completed" || status == "failed" || status == "cancelled" ||
         status == "terminated" || status == "data_deleted";
}

std::string run_line(const dsl::Value& envelope) {
  const std::string state = text_of(envelope, "state");
  std::string out = text_of(envelope, "id") + ": " + text_of(envelope, "status");
  if (!state.empty()) out += " in " + state;
  return printable(out + " (seq " + text_of(envelope, "seq") + ")") + "\n";
}

std::string run_details(const dsl::Value& envelope, bool colour) {
  std::string out;
  const std::string status = text_of(envelope, "status");
  const std::string generation = text_of(envelope, "generation");
  add_line("run", printable(text_of(envelope, "id")), colour, &out);
  add_line("uid", printable(text_of(envelope, "uid")), colour, &out);
  add_line("workflow",
           printable(text_of(envelope, "workflow") + ", version " + text_of(envelope, "version") +
                     (generation.empty() ? "" : ", generation " + generation)),
           colour, &out);
  add_line("status", paint(printable(status), status_colour(status), colour), colour, &out);
  add_line("state", printable(text_of(envelope, "state")), colour, &out);
  const dsl::Value* states = envelope.field("states");
  if (states != nullptr && states->kind() == dsl::Kind::list && states->as_list().size() > 1) {
    add_value("states", envelope, colour, &out);
  }
  add_incidents(envelope, colour, &out);
  add_waiting(envelope, colour, &out);
  for (const char* name : {"error", "output", "input", "vars", "tags", "parent"}) {
    add_value(name, envelope, colour, &out);
  }
  add_line("started", printable(text_of(envelope, "started_at")), colour, &out);
  add_line("updated", printable(text_of(envelope, "updated_at")), colour, &out);
  add_line("closed", printable(text_of(envelope, "closed_at")), colour, &out);
  add_line("seq", printable(text_of(envelope, "seq")), colour, &out);
  add_line("hash", printable(text_of(envelope, "hash")), colour, &out);
  return out;
}

int print_change(Session& session, const Answer& answer) {
  if (answer.exit != kDone) return answer.exit;
  if (session.json()) {
    session.print_json(answer.body);
  } else {
    session.print(run_line(answer.json));
  }
  return kDone;
}

std::string fields_line(const dsl::Value& map, std::string_view hidden) {
  std::string out;
  if (map.kind() != dsl::Kind::map) return text_of(map);
  for (const auto& [key, value] : map.as_map()) {
    const std::string name = text_of(key);
    if (text_of(value).empty() || hidden.find(" " + name + " ") != std::string_view::npos) continue;
    if (!out.empty()) out.push_back(' ');
    out += name + "=" + shorten(text_of(value), kValueCharacters);
  }
  return out;
}

}  // namespace pawl::cli
