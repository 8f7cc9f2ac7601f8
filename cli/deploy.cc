// `pawl deploy FILE...`: each file becomes an immutable version and the default for new runs.
#include "base/limits.h"
#include "cli/command.h"
#include "cli/deploy_compat.h"
#include "cli/problem.h"
#include "codecs/json.h"
#include "dsl/definition.h"

namespace pawl::cli {
namespace {

// The definition's name, also of a text with mistakes in it: the daemon, which may be of another
// version than we are, says what is wrong with it. "" if there is no root key `name`.
std::string declared_name(const std::string& text) {
  const dsl::ParsedDefinition parsed = dsl::parse_definition(text);
  if (parsed.definition != nullptr) return parsed.definition->name;
  std::size_t start = 0;
  while (start < text.size()) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    std::string_view line = std::string_view(text).substr(start, end - start);
    start = end + 1;
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (!line.empty() && line[0] == '[') break;  // the root's keys are over
    if (line.substr(0, 4) != "name") continue;
    const std::size_t open = line.find_first_of("\"'");
    if (open == std::string_view::npos) continue;
    const std::size_t close = line.find(line[open], open + 1);
    if (close != std::string_view::npos)
      return std::string(line.substr(open + 1, close - open - 1));
  }
  return "";
}

class Deploy : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.values("FILE", &files_, "Definitions (TOML)");
    arguments.flag("--no-activate", &only_store_, "Store the version, leave the default as it is");
    arguments.flag("--compat", &compat_,
                   "Only if all open runs of the workflow would have been decided the same by it");
    arguments.footer("Files that were accepted stay deployed when a later one is refused.");
  }

  int run(Session& session) override {
    int exit = kDone;
    for (const std::string& file : files_) {
      const int one = deploy(session, file);
      if (exit == kDone) exit = one;
      if (one == kUnreachable) break;
    }
    return exit;
  }

 private:
  int deploy(Session& session, const std::string& file) {
    absl::StatusOr<std::string> text = read_file(file, limits::kHttpBodyBytesMax);
    if (!text.ok()) return session.refuse(text.status());
    const std::string name = declared_name(*text);
    if (name.empty()) {
      return session.refuse(
          kFailed, file + ": there is no `name = \"...\"` at its top\nhint: `pawl check " + file +
                       "` says what a definition needs");
    }
    if (compat_) {
      if (const int exit = check_open_runs(session, file); exit != kDone) return exit;
    }
    const absl::StatusOr<Response> response = session.client().call(
        {.method = "PUT",
         .target = "/v1/workflows/" + percent_encode(name) + (only_store_ ? "?activate=false" : ""),
         .body = *std::move(text),
         .content_type = "application/toml"});
    if (!response.ok()) return session.refuse(response.status());
    dsl::Value answer;
    codecs::JsonError error;
    codecs::parse_json(response->body, &answer, &error);
    if (response->status == 422) return refused(session, *response, answer, file);
    if (response->status != 200 && response->status != 201) return session.refuse(*response);
    if (const dsl::Value* warnings = answer.field("warnings")) {
      print_diagnostics(session, *warnings, file);
    }
    if (session.json()) {
      session.print_json(response->body);
    } else {
      session.print(describe(answer, response->status == 201) + "\n");
    }
    return kDone;
  }

  static void print_diagnostics(Session& session, const dsl::Value& items,
                                const std::string& file) {
    std::string text = describe_diagnostics(items, file);
    if (text.empty()) return;
    text.pop_back();  // note() ends the line
    session.note(text);
  }

  static int refused(Session& session, const Response& response, const dsl::Value& problem,
                     const std::string& file) {
    const dsl::Value* errors = problem.field("errors");
    if (errors == nullptr || errors->kind() != dsl::Kind::list || errors->as_list().empty()) {
      return session.refuse(response);
    }
    print_diagnostics(session, *errors, file);
    return session.refuse(kFailed, file +
                                       " was refused; nothing of it was deployed\nhint: correct "
                                       "what is marked above; `pawl check " +
                                       file + "` finds the same without a daemon");
  }

  std::string describe(const dsl::Value& answer, bool fresh) const {
    std::string out = text_of(answer, "name") + " version " + text_of(answer, "version");
    out += fresh ? ": deployed" : ": was deployed before";
    if (text_of(answer, "default_changed") == "true") return out + ", now the default";
    return out + (only_store_ ? ", the default is unchanged" : ", and is the default");
  }

  std::vector<std::string> files_;
  bool only_store_ = false, compat_ = false;
};

}  // namespace

std::unique_ptr<Command> make_deploy() { return std::make_unique<Deploy>(); }

}  // namespace pawl::cli
