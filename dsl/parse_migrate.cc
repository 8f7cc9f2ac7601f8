#include "dsl/parse_migrate.h"

#include <algorithm>

#include "base/feature_level.h"
#include "base/limits.h"
#include "dsl/parse_table.h"

namespace pawl::dsl {
namespace {

void parse_from(const TomlNode& node, const std::string& revision, MigrateTable* out,
                DiagnosticList* diagnostics) {
  const int errors = diagnostics->errors();
  out->from = read_strings(node, diagnostics).value_or(std::vector<std::string>());
  if (diagnostics->errors() > errors) return;
  if (out->from.empty()) {
    diagnostics->error(node.place, "an empty `from` lets no version's runs come here",
                       "revisions, or hashes as GET /v1/workflows/NAME shows them");
  }
  if (out->from.size() > limits::kMigrateFromMax) {
    diagnostics->error(node.place, std::to_string(out->from.size()) + " versions; at most " +
                                       std::to_string(limits::kMigrateFromMax) + " are allowed");
  }
  for (const std::string& name : out->from) {
    const bool is_line = !name.empty() && name.size() <= limits::kNameBytesMax &&
                         name.find('\n') == std::string::npos;
    if (!is_line) {
      diagnostics->error(node.place, quoted(name) + " is no revision and no hash");
    } else if (name == revision) {
      diagnostics->error(node.place, quoted(name) + " is this version's own revision",
                         "give it another one: runs come from versions before it");
    }
  }
}

void parse_states(const TomlNode& node, MigrateTable* out, ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  if (!node.is(TomlNode::Kind::table)) {
    return wrong_kind(node, "`state`", "a table of states", diagnostics,
                      "[migrate.state] OLD = \"NEW\"");
  }
  for (const TomlNode& child : node.children) {
    check_name(child.key, child.mark(), "a state", diagnostics);
    const std::optional<std::string> to = read_string(child, diagnostics);
    if (!to) continue;
    const std::vector<std::string>& names = context->state_names;
    if (std::find(names.begin(), names.end(), *to) == names.end()) {
      std::string hint = diagnostics->did_you_mean(*to, names);
      diagnostics->error(child.place, "unknown state " + quoted(*to),
                         hint.empty() ? "states of the root alone have a place in [migrate.state]"
                                      : std::move(hint));
    }
    out->states.emplace_back(child.key, *to);
  }
  std::sort(out->states.begin(), out->states.end());
}

}  // namespace

MigrateTable parse_migrate(const TomlNode& node, const std::string& revision,
                           ParseContext* context) {
  context->feature_level = std::max(context->feature_level, kMigrateLevel);
  MigrateTable out;
  TableReader table(node, "[migrate]", context->diagnostics);
  if (const TomlNode* x = table.need("from", "from = [\"REVISION\", ...]")) {
    parse_from(*x, revision, &out, context->diagnostics);
  }
  if (const TomlNode* x = table.take("state")) parse_states(*x, &out, context);
  table.finish();
  return out;
}

}  // namespace pawl::dsl
