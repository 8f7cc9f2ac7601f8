// `pawl check FILE...`: the same checks as a deploy, offline.
#include "base/limits.h"
#include "cli/command.h"
#include "codecs/json.h"
#include "codecs/run_json.h"
#include "dsl/definition.h"

namespace pawl::cli {
namespace {

std::string as_json(const dsl::ParsedDefinition& parsed, const std::string& file) {
  std::string out;
  codecs::JsonWriter writer(&out);
  writer.begin_object().field("file", file).field("ok", parsed.definition != nullptr);
  if (parsed.definition != nullptr) {
    writer.field("name", parsed.definition->name).field("hash", to_hex(parsed.definition->hash));
  }
  writer.plain_key("errors").begin_array();
  for (const dsl::Diagnostic& diagnostic : parsed.diagnostics) {
    std::string item;
    codecs::append_diagnostic(diagnostic, file, &item);
    writer.raw(item);
  }
  writer.end_array().field("suppressed", parsed.suppressed).end_object();
  return out;
}

class Check : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.values("FILE", &files_, "Definitions (TOML); - is stdin");
    arguments.option("--name", "FILE", &name_, "What stdin is called in messages (stdin)");
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
  int check(Session& session, const std::string& path) {
    const absl::StatusOr<std::string> text = read_file(path, limits::kHttpBodyBytesMax);
    if (!text.ok()) return session.refuse(text.status());
    const std::string file = path == "-" ? name_.value_or("stdin") : path;
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
  std::optional<std::string> name_;
};

}  // namespace

std::unique_ptr<Command> make_check() { return std::make_unique<Check>(); }

}  // namespace pawl::cli
