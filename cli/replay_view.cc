#include "cli/replay_view.h"

#include "base/limits.h"
#include "cli/output.h"
#include "cli/run_view.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

std::string event_text(const dsl::Value& event) {
  if (event.is_null()) return "nothing";
  return text_of(event, "type") + " " + fields_line(event, " seq at type cursor ");
}

}  // namespace

int read_definition(Session& session, const std::string& file,
                    std::shared_ptr<const dsl::Definition>* definition) {
  const absl::StatusOr<std::string> text = read_file(file, limits::kHttpBodyBytesMax);
  if (!text.ok()) return session.refuse(text.status());
  dsl::ParsedDefinition parsed = dsl::parse_definition(*text);
  std::string messages;
  for (const dsl::Diagnostic& diagnostic : parsed.diagnostics) {
    if (parsed.definition == nullptr) messages += dsl::render(diagnostic, file);
  }
  *definition = std::move(parsed.definition);
  if (*definition != nullptr) return kDone;
  if (!messages.empty()) messages.pop_back();  // note() ends the line
  session.note(messages);
  return session.refuse(kFailed, file + " has errors\nhint: correct what is marked above");
}

std::string replay_text(const std::string& run, const rehearsal::ReplayResult& result,
                        const std::string& file) {
  using Kind = rehearsal::ReplayResult::Kind;
  const std::string events = std::to_string(result.events) + " events";
  if (result.kind == Kind::same) return printable(run) + ": the same, " + events + "\n";
  if (result.kind == Kind::impossible) {
    return printable(run + ": can't be replayed: " + result.what) + "\n";
  }
  std::string where = ": differs at seq " + std::to_string(result.seq.v);
  if (!result.state.empty()) where += ", in state `" + result.state + "`";
  if (result.line > 0) where += " (" + file + ":" + std::to_string(result.line) + ")";
  return printable(run + where + ": " + result.what) +
         "\n  recorded: " + printable(event_text(result.recorded)) +
         "\n  decided:  " + printable(event_text(result.decided)) + "\n";
}

void append_replay(const std::string& run, const rehearsal::ReplayResult& result,
                   std::string* out) {
  using Kind = rehearsal::ReplayResult::Kind;
  codecs::JsonWriter w(out);
  w.begin_object().field("run", run);
  w.field("result", result.kind == Kind::same      ? "same"
                    : result.kind == Kind::differs ? "differs"
                                                   : "impossible");
  w.field("events", result.events);
  if (!result.what.empty()) w.field("what", result.what);
  if (result.kind == Kind::differs) {
    w.field("seq", result.seq.v).field("state", result.state).field("line", result.line);
    w.field("recorded", result.recorded).field("decided", result.decided);
  }
  w.end_object();
}

}  // namespace pawl::cli
