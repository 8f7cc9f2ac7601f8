// `pawl test FILE...`: the tests of definitions, offline.
#include "base/limits.h"
#include "cli/command.h"
#include "cli/test_files.h"
#include "codecs/json.h"
#include "codecs/run_json.h"
#include "dsl/definition.h"
#include "rehearsal/chronicle.h"
#include "rehearsal/coverage.h"
#include "rehearsal/parse_tests.h"
#include "rehearsal/rehearsal.h"
#include "rehearsal/report.h"

namespace pawl::cli {
namespace {

using rehearsal::Outcome;
using rehearsal::TestCase;

class Test : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.values("FILE", &paths_,
                     "Tests (NAME.test.toml), definitions (NAME.toml, with their tests beside "
                     "them), or directories");
    arguments.option("--filter", "TEXT", &filter_, "Only tests whose name contains this");
    arguments.flag("--coverage", &coverage_, "Show states and transitions that no test has taken");
    arguments.flag("--verbose", &verbose_, "Show what happened in each test");
    arguments.footer("Needs no daemon; time is virtual. The last line is \"N passed, N failed\".");
  }

  int run(Session& session) override {
    const absl::StatusOr<std::vector<std::string>> files = find_test_files(paths_);
    if (!files.ok()) return session.refuse(files.status());
    for (const std::string& file : *files) {
      const int exit = run_file(session, file);
      if (exit != kDone) return exit;
    }
    if (passed_ + failed_ == 0) {
      return session.refuse(kFailed, "no test's name contains \"" + filter_.value_or("") +
                                         "\"\nhint: without --filter all of them run");
    }
    if (session.json()) {
      std::string out;
      codecs::JsonWriter(&out)
          .begin_object()
          .field("passed", passed_)
          .field("failed", failed_)
          .end_object();
      session.print_json(out);
    } else {
      session.print(std::to_string(passed_) + " passed, " + std::to_string(failed_) + " failed\n");
    }
    return failed_ == 0 ? kDone : kFailed;
  }

 private:
  // kDone unless a file can't be read: what is wrong with one counts as a failed test.
  int run_file(Session& session, const std::string& file) {
    const std::string of = definition_of(file);
    const absl::StatusOr<std::string> text = read_file(file, limits::kHttpBodyBytesMax);
    if (!text.ok()) return session.refuse(text.status());
    const absl::StatusOr<std::string> toml = read_file(of, limits::kHttpBodyBytesMax);
    if (!toml.ok()) return session.refuse(toml.status());
    dsl::ParsedDefinition parsed = dsl::parse_definition(*toml);
    if (parsed.definition == nullptr) {
      refuse_file(session, of, parsed.diagnostics, parsed.suppressed);
      return kDone;
    }
    const rehearsal::ParsedTests tests = rehearsal::parse_tests(*text, *parsed.definition);
    if (!tests.ok) {
      refuse_file(session, file, tests.diagnostics, tests.suppressed);
      return kDone;
    }
    rehearsal::Coverage coverage(parsed.definition);
    if (!session.json()) session.print(file + "\n");
    for (const TestCase& test : tests.tests) {
      if (filter_ && test.name.find(*filter_) == std::string::npos) continue;
      const Outcome outcome = rehearsal::run_test(parsed.definition, test);
      coverage.add(outcome.history);
      report(session, file, test, outcome);
    }
    if (coverage_) report_coverage(session, coverage, parsed.definition->name);
    return kDone;
  }

  void refuse_file(Session& session, const std::string& file,
                   const std::vector<dsl::Diagnostic>& diagnostics, int suppressed) {
    ++failed_;
    if (session.json()) {
      std::string out;
      codecs::JsonWriter w(&out);
      w.begin_object().field("file", file).field("ok", false).plain_key("errors").begin_array();
      for (const dsl::Diagnostic& diagnostic : diagnostics) {
        std::string one;
        codecs::append_diagnostic(diagnostic, file, &one);
        w.raw(one);
      }
      w.end_array().field("suppressed", suppressed).end_object();
      return session.print_json(out);
    }
    session.print(paint("FAIL", Colour::red, session.colour()) + " " + printable(file) + "\n");
    for (const dsl::Diagnostic& diagnostic : diagnostics) {
      session.print(dsl::render(diagnostic, file));
    }
    if (suppressed > 0) {
      session.print("and " + std::to_string(suppressed) + " more that are not shown\n");
    }
  }

  void report(Session& session, const std::string& file, const TestCase& test,
              const Outcome& outcome) {
    ++(outcome.passed() ? passed_ : failed_);
    const bool history = verbose_ || !outcome.passed();
    if (session.json()) {
      std::string out;
      rehearsal::append_test({file, test.name, outcome, history}, &out);
      return session.print_json(out);
    }
    const Colour colour = outcome.passed() ? Colour::green : Colour::red;
    session.print(paint(outcome.passed() ? "ok  " : "FAIL", colour, session.colour()) + " " +
                  printable(test.name) + "\n");
    print_lines(session, rehearsal::failures_text(outcome));
    if (!history) return;
    session.print("  what happened:\n");
    print_lines(session, rehearsal::history_text(outcome.history, outcome.began));
  }

  void report_coverage(Session& session, const rehearsal::Coverage& coverage,
                       const std::string& workflow) {
    if (!session.json()) return session.print(rehearsal::coverage_text(coverage, workflow));
    std::string out;
    rehearsal::append_coverage(coverage, workflow, &out);
    session.print_json(out);
  }

  // Values may hold anything; line breaks are ours.
  void print_lines(Session& session, const std::string& text) {
    std::size_t start = 0;
    while (start < text.size()) {
      const std::size_t end = std::min(text.find('\n', start), text.size());
      session.print(printable(text.substr(start, end - start)) + "\n");
      start = end + 1;
    }
  }

  std::vector<std::string> paths_;
  std::optional<std::string> filter_;
  bool coverage_ = false, verbose_ = false;
  int passed_ = 0, failed_ = 0;
};

}  // namespace

std::unique_ptr<Command> make_test() { return std::make_unique<Test>(); }

}  // namespace pawl::cli
