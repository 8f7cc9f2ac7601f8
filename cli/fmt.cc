// `pawl fmt FILE...`: the one canonical layout of definitions, in place.
#include "base/limits.h"
#include "cli/command.h"
#include "cli/line_diff.h"
#include "cli/replaced_file.h"
#include "codecs/json.h"
#include "dsl/format.h"

namespace pawl::cli {
namespace {

class Fmt : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.values("FILE", &files_, "Definitions (TOML); - reads stdin and writes stdout");
    arguments.flag("--check", &check_, "Change nothing; exit 1 and show what would change");
    arguments.footer(
        "Keys and tables come in the order of the language, comments stay with what they stand\n"
        "beside, and the definition's hash stays as it is. In *.test.toml the order is kept.");
  }

  int run(Session& session) override {
    int exit = kDone;
    for (const std::string& file : files_) {
      const int one = format(session, file);
      if (exit == kDone) exit = one;
    }
    return exit;
  }

 private:
  int format(Session& session, const std::string& file) {
    const absl::StatusOr<std::string> text = read_file(file, limits::kHttpBodyBytesMax);
    if (!text.ok()) return session.refuse(text.status());
    const dsl::FormatKind kind =
        file.ends_with(".test.toml") ? dsl::FormatKind::layout_only : dsl::FormatKind::definition;
    const dsl::Formatted formatted = dsl::format_toml(*text, kind);
    const std::string name = file == "-" ? "stdin" : file;
    if (!formatted.text) return refuse(session, name, formatted);
    const bool changed = *formatted.text != *text;
    if (check_) return report(session, name, *text, *formatted.text);
    if (file == "-") {
      session.print(*formatted.text);
      return kDone;
    }
    if (changed) {
      const absl::Status written = replace_file(file, *formatted.text);
      if (!written.ok()) return session.refuse(kFailed, std::string(written.message()));
    }
    if (session.json()) {
      print_json(session, name, changed);
    } else if (changed) {
      session.print(name + "\n");
    }
    return kDone;
  }

  int report(Session& session, const std::string& name, const std::string& before,
             const std::string& after) {
    const bool changed = before != after;
    if (session.json()) {
      print_json(session, name, changed);
    } else if (changed) {
      session.print(line_diff(before, after, name, name + " (formatted)"));
      session.note(name + " is not formatted");
    }
    return changed ? kFailed : kDone;
  }

  static void print_json(Session& session, const std::string& name, bool changed) {
    std::string out;
    codecs::JsonWriter writer(&out);
    writer.begin_object().field("file", name).field("changed", changed).end_object();
    session.print_json(out);
  }

  static int refuse(Session& session, const std::string& name, const dsl::Formatted& formatted) {
    std::string messages;
    for (const dsl::Diagnostic& diagnostic : formatted.diagnostics) {
      messages += dsl::render(diagnostic, name);
    }
    messages.pop_back();  // note() ends the line
    session.note(messages);
    return session.refuse(kFailed, name + " is left as it is\nhint: correct what is marked above");
  }

  std::vector<std::string> files_;
  bool check_ = false;
};

}  // namespace

std::unique_ptr<Command> make_fmt() { return std::make_unique<Fmt>(); }

}  // namespace pawl::cli
