#include "cli/problem.h"

#include <array>
#include <string_view>

#include "cli/output.h"
#include "dsl/diagnostic.h"

namespace pawl::cli {
namespace {

// "urn:pawl:problem:wrong-state" and "/problems/wrong-state" -> "wrong-state".
std::string_view kind_of(std::string_view type) { return type.substr(type.find_last_of(":/") + 1); }

struct Advice {
  std::string_view kind;  // the end of the problem's type
  std::string_view text;
};

constexpr std::array kAdvice = {
    Advice{"workflow-unknown",
           "`pawl api GET /v1/workflows` lists the deployed ones; `pawl deploy FILE` adds one"},
    Advice{"run-unknown", "`pawl list` shows the runs; an id is written in full"},
    Advice{"run-closed",
           "the run has ended: `pawl show RUN` says how; `pawl start` begins another"},
    Advice{"wrong-state", "`pawl show RUN` says where it is; repeat with the state it is in"},
    Advice{"move-not-allowed", "only the `moves` of the state are allowed; see `pawl show RUN`"},
    Advice{"run-id-taken", "choose another --id, or see the one there is with `pawl show RUN`"},
    Advice{"reset-impossible", "`pawl history RUN --diff` shows what each event changed"},
    Advice{"migration-impossible",
           "deploy a version whose [migrate] fits, or wait until the run is somewhere else"},
    Advice{"change-under-way",
           "repeat in a few seconds; `pawl cluster status` shows how far it is"},
    Advice{"level-too-low", "repeat once `pawl cluster status` shows every box as up"},
    Advice{"box-unknown", "`pawl cluster status` lists the boxes"},
    Advice{"box-removed", "`pawl cluster status` lists the numbers that were used"},
    Advice{"not-caught-up", "`pawl cluster status` shows how far it is; repeat in a while"},
    Advice{"no-majority-left", "`pawl cluster status` shows who is up"},
    Advice{"rotation-stopped",
           "`pawl cluster keys` shows who holds which key; run the rotation again when every box "
           "is up"},
    Advice{"rotation-under-way", "`pawl cluster keys` shows how far it is"},
    Advice{"no-keyring", "[cluster] keyring of pawld.toml names the file"},
    Advice{"not-a-cluster", "configs/cluster.toml shows how a cluster is made"},
    Advice{"too-many-boxes", "remove one first: `pawl cluster remove`"},
    Advice{"idempotency-key-reused", "use a new --key for a new request"},
};

std::string_view advice_by_status(int status) {
  switch (status) {
    case 400:
    case 405:
      return "if this is a command of `pawl`, it and the daemon may be of different versions: see "
             "`pawl version`";
    case 403:
      return "your user lacks the role for this; the [roles] of pawld.toml say who has which";
    case 404:
      return "check the name; `pawl list` shows the runs";
    case 409:
    case 412:
      return "`pawl show RUN` says where the run is now";
    case 410:
      return "start from the oldest that is left, or without --after";
    case 413:
      return "send less: the limit is in the message";
    case 422:
      return "correct what is named above and send it again";
    case 429:
      return "the daemon is at a limit: wait a little and repeat";
    case 503:
      return "no leader answers at the moment: repeat in a few seconds; /readyz says what is "
             "missing";
    case 504:
      return "the outcome is unknown: look with `pawl show`, or repeat with the same --key";
    default:
      return "the daemon's log says more, under the request's id";
  }
}

std::string hint_of(const Response& response, const dsl::Value& problem) {
  if (std::string own = text_of(problem, "hint"); !own.empty()) return own;
  const std::string type = text_of(problem, "type");
  for (const Advice& advice : kAdvice) {
    if (advice.kind == kind_of(type)) return std::string(advice.text);
  }
  return std::string(advice_by_status(response.status));
}

bool is_diagnostic(const dsl::Value& item) {
  const dsl::Value* line = item.field("line");
  return line != nullptr && line->kind() == dsl::Kind::int64;
}

int int_of(const dsl::Value& map, std::string_view field, int otherwise) {
  const dsl::Value* value = map.field(field);
  if (value == nullptr || value->kind() != dsl::Kind::int64) return otherwise;
  const std::int64_t x = value->as_int();
  return x < 0 || x > 1'000'000 ? otherwise : static_cast<int>(x);
}

// "errors": diagnostics of a definition, or {path, message} of a value that breaks a schema.
std::string describe_errors(const dsl::Value& errors) {
  if (errors.kind() != dsl::Kind::list) return "";
  std::string out;
  for (const dsl::Value& item : errors.as_list()) {
    if (is_diagnostic(item)) {
      out += describe_diagnostics(dsl::Value::list({item}), "");
      continue;
    }
    const std::string path = text_of(item, "path");
    const std::string message = text_of(item, "message");
    out += "  " + (path.empty() ? "" : printable(path) + ": ") +
           printable(message.empty() ? text_of(item) : message) + "\n";
  }
  return out;
}

}  // namespace

Exit exit_of(int http_status) {
  switch (http_status) {
    case 404:
      return kNotFound;
    case 409:
    case 412:
      return kConflict;
    case 503:
      return kUnreachable;
    case 504:
      return kTimedOut;
    default:
      return kFailed;
  }
}

std::string describe_diagnostics(const dsl::Value& items, const std::string& file) {
  if (items.kind() != dsl::Kind::list) return "";
  std::string out;
  for (const dsl::Value& item : items.as_list()) {
    dsl::Diagnostic diagnostic;
    if (text_of(item, "severity") == "warning") diagnostic.severity = dsl::Severity::warning;
    diagnostic.line = int_of(item, "line", 0);
    diagnostic.column = int_of(item, "column", 0);
    diagnostic.length = int_of(item, "length", 1);
    diagnostic.message = printable(text_of(item, "message"));
    diagnostic.hint = printable(text_of(item, "hint"));
    diagnostic.line_text = text_of(item, "line_text");
    const std::string named = text_of(item, "file");
    out += dsl::render(diagnostic, !file.empty() ? file : named.empty() ? "definition" : named);
  }
  return out;
}

std::string describe_problem(const Response& response, const dsl::Value& problem) {
  std::string title = text_of(problem, "title");
  const std::string detail = text_of(problem, "detail");
  if (title.empty())
    title = "the daemon answered with HTTP status " + std::to_string(response.status);
  std::string out = printable(title) + (detail.empty() ? "" : ": " + printable(detail)) + "\n";
  if (problem.kind() == dsl::Kind::map) {
    for (const auto& [key, value] : problem.as_map()) {
      const std::string name = text_of(key);
      if (name == "errors" || name == "reasons") {
        out += describe_errors(value);
      } else if (name != "type" && name != "title" && name != "status" && name != "detail" &&
                 name != "instance" && name != "hint") {
        out += "  " + printable(name) + ": " + printable(shorten(text_of(value), 2000)) + "\n";
      }
    }
  }
  if (const std::string* after = response.header("retry-after")) {
    out += "  retry after: " + printable(*after) + " s\n";
  }
  return out + "hint: " + printable(hint_of(response, problem));
}

}  // namespace pawl::cli
