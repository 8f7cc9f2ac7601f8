// `pawl check FILE...`: the same checks as a deploy, offline.
#include "base/limits.h"
#include "cli/command.h"
#include "codecs/json.h"
#include "dsl/definition.h"

namespace pawl::cli {
namespace {

void write_diagnostic(const dsl::Diagnostic& diagnostic, const std::string& file,
                      codecs::JsonWriter* out) {
  out->begin_object()
      .field("severity", diagnostic.severity == dsl::Severity::error ? "error" : "warning")
      .field("file", file)
      .field("line", diagnostic.line)
      .field("column", diagnostic.column)
      .field("length", diagnostic.length)
      .field("message", diagnostic.message)
      .field("hint", diagnostic.hint)
      .field("line_text", diagnostic.line_text)
      .end_object();
}

std::string as_json(const dsl::ParsedDefinition& parsed, const std::string& file) {
  std::string out;
  codecs::JsonWriter writer(&out);
  writer.begin_object().field("file", file).field("ok", parsed.definition != nullptr);
  if (parsed.definition != nullptr) {
    writer.field("name", parsed.definition->name).field("hash", to_hex(parsed.definition->hash));
  }
  writer.plain_key("errors").begin_array();
  for (const dsl::Diagnostic& diagnostic : parsed.diagnostics) {
    write_diagnostic(diagnostic, file, &writer);
  }
  writer.end_array().field("suppressed", parsed.suppressed).end_object();
  return out;
}

class Check : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.values("FILE", &files_, "Definitions (TOML)");
    arguments.footer("Warnings alone succeed.");
  }

  int run(Session& session) override {
    int exit = kDone;
    for (const std::string& file : files_) {
      const int one = check(session, file);
      if (exit == kDone) exit = one;
    }
    return exit;
  }

 private:
  int check(Session& session, const std::string& file) {
    const absl::StatusOr<std::string> text = read_file(file, limits::kHttpBodyBytesMax);
    if (!text.ok()) return session.refuse(text.status());
    const dsl::ParsedDefinition parsed = dsl::parse_definition(*text);
    const bool ok = parsed.definition != nullptr;
    if (session.json()) {
      session.print_json(as_json(parsed, file));
      return ok ? kDone : kFailed;
    }
    std::string messages;
    for (const dsl::Diagnostic& diagnostic : parsed.diagnostics) {
      messages += dsl::render(diagnostic, file);
    }
    if (!messages.empty()) {
      messages.pop_back();  // note() ends the line
      session.note(messages);
    }
    if (parsed.suppressed > 0) {
      session.note("and " + std::to_string(parsed.suppressed) + " more that are not shown");
    }
    if (!ok) {
      return session.refuse(kFailed, file + " has errors\nhint: correct what is marked above");
    }
    session.print(file + ": ok: " + parsed.definition->name + ", " +
                  std::to_string(parsed.definition->root.states.size()) + " states\n");
    return kDone;
  }

  std::vector<std::string> files_;
};

}  // namespace

std::unique_ptr<Command> make_check() { return std::make_unique<Check>(); }

}  // namespace pawl::cli
