// `pawl graph FILE|NAME`: a definition as a picture, of a file or of what the daemon runs.
#include <sys/stat.h>

#include "base/limits.h"
#include "cli/command.h"
#include "codecs/graph_json.h"
#include "dsl/graph.h"

namespace pawl::cli {
namespace {

class Graph : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("FILE|NAME", &what_, "A definition (TOML; - is stdin), or a deployed workflow");
    arguments.option("--format", "mermaid|dot|json", &format_, "What to draw it with (mermaid)");
    arguments.option("--version", "N", &version_, "Of a deployed workflow: not the default one");
    arguments.footer(
        "mermaid: stateDiagram-v2, which many Markdown pages show; dot: Graphviz, as in\n"
        "`pawl graph FILE --format dot | dot -Tsvg`. What is no file is asked of the daemon.");
  }

  int run(Session& session) override {
    const std::string format = format_.value_or(session.json() ? "json" : "mermaid");
    if (format != "mermaid" && format != "dot" && format != "json") {
      return session.refuse(
          kUsage, "there is no format `" + format + "`\nhint: --format is mermaid, dot or json");
    }
    return is_file() ? draw_file(session, format) : ask_daemon(session, format);
  }

 private:
  // A name of a workflow has no '/'.
  bool is_file() const {
    struct stat found {};
    return what_ == "-" || what_.find('/') != std::string::npos || what_.ends_with(".toml") ||
           ::stat(what_.c_str(), &found) == 0;
  }

  int draw_file(Session& session, const std::string& format) {
    const absl::StatusOr<std::string> text = read_file(what_, limits::kHttpBodyBytesMax);
    if (!text.ok()) return session.refuse(text.status());
    const std::string name = what_ == "-" ? "stdin" : what_;
    const dsl::ParsedDefinition parsed = dsl::parse_definition(*text);
    if (parsed.definition == nullptr) {
      std::string messages;
      for (const dsl::Diagnostic& diagnostic : parsed.diagnostics) {
        messages += dsl::render(diagnostic, name);
      }
      messages.pop_back();  // note() ends the line
      session.note(messages);
      return session.refuse(kFailed, name + " has errors\nhint: correct what is marked above");
    }
    if (format == "json") {
      session.print_json(codecs::graph_json(*parsed.definition, std::nullopt));
      return kDone;
    }
    const dsl::Graph graph = dsl::graph_of(*parsed.definition);
    session.print(format == "dot" ? dsl::graph_dot(graph) : dsl::graph_mermaid(graph));
    return kDone;
  }

  int ask_daemon(Session& session, const std::string& format) {
    const std::string version = version_ ? "/versions/" + percent_encode(*version_) : "";
    const Answer answer = session.call(
        {.target = "/v1/workflows/" + percent_encode(what_) + version + "/graph?format=" + format});
    if (answer.exit != kDone) return answer.exit;
    if (format == "json") {
      session.print_json(answer.body);
    } else {
      session.print(answer.body);
    }
    return kDone;
  }

  std::string what_;
  std::optional<std::string> format_, version_;
};

}  // namespace

std::unique_ptr<Command> make_graph() { return std::make_unique<Graph>(); }

}  // namespace pawl::cli
