#include "dsl/parse_limit.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "base/limits_permits.h"
#include "dsl/parse_table.h"
#include "dsl/parse_value.h"

namespace pawl::dsl {
namespace {

// "100/1m": so many in any window of that length.
void parse_rate(const TomlNode& node, LimitSpec* limit, DiagnosticList* diagnostics) {
  constexpr const char* kHint = "rate = \"100/1m\": a number, and the time it is counted in";
  if (!node.is(TomlNode::Kind::string)) {
    return wrong_kind(node, "`rate`", "a string", diagnostics, kHint);
  }
  const std::size_t slash = node.text.find('/');
  std::int64_t count = 0;
  if (slash == std::string::npos || !absl::SimpleAtoi(node.text.substr(0, slash), &count)) {
    return diagnostics->error(node.place, quoted(node.text) + " is no rate", kHint);
  }
  const std::optional<std::int64_t> window =
      duration_ms(node.text.substr(slash + 1), node.place, diagnostics);
  if (!window) return;
  if (count < 1 || count > limits::kLimitRateMax) {
    return diagnostics->error(
        node.place, "the number of a rate is from 1 to " + std::to_string(limits::kLimitRateMax),
        "say a higher rate of a shorter time: \"5000/1s\" is \"500/100ms\"");
  }
  if (*window > limits::kLimitWindowMsMax) {
    return diagnostics->error(node.place, "the time of a rate is at most a day");
  }
  limit->rate = static_cast<std::uint32_t>(count);
  limit->window_ms = *window;
}

LimitSpec parse_limit(const TomlNode& node, ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  TableReader table(node, "[limit." + node.key + "]", diagnostics);
  LimitSpec limit;
  limit.name = node.key;
  limit.line = node.mark().line;
  const TomlNode* concurrency = table.take("concurrency");
  if (concurrency != nullptr) {
    limit.concurrency = static_cast<std::uint32_t>(
        read_integer(*concurrency, 1, limits::kLimitConcurrencyMax, diagnostics).value_or(1));
  }
  const TomlNode* rate = table.take("rate");
  if (rate != nullptr) parse_rate(*rate, &limit, diagnostics);
  if (concurrency == nullptr && rate == nullptr && table.is_table()) {
    diagnostics->error(node.mark(), "a limit has a `concurrency`, a `rate`, or both",
                       "concurrency = 5, rate = \"100/1m\"");
  }
  if (const TomlNode* x = table.take("key")) {
    limit.key = parse_template_of(*x, context->base, SchemaType::string, context);
  }
  if (const TomlNode* x = table.take("doc")) read_string(*x, diagnostics);
  table.finish();
  return limit;
}

}  // namespace

std::vector<LimitSpec> parse_limits(const TomlNode& node, ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  std::vector<LimitSpec> out;
  if (!node.is(TomlNode::Kind::table)) {
    wrong_kind(node, "`limit`", "tables [limit.NAME]", diagnostics,
               "a task names them: limits = [\"NAME\"]");
    return out;
  }
  if (node.children.size() > static_cast<std::size_t>(limits::kLimitsMax)) {
    diagnostics->error(node.mark(), std::to_string(node.children.size()) + " limits; at most " +
                                        std::to_string(limits::kLimitsMax) + " are allowed");
    return out;
  }
  for (const TomlNode& child : node.children) {
    check_name(child.key, child.mark(), "a limit", diagnostics);
    context->limits[child.key].place = child.mark();
    out.push_back(parse_limit(child, context));
  }
  std::sort(out.begin(), out.end(),
            [](const LimitSpec& a, const LimitSpec& b) { return a.name < b.name; });
  return out;
}

std::vector<std::string> parse_task_limits(const TomlNode& node, ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  std::vector<std::string> names =
      read_strings(node, diagnostics).value_or(std::vector<std::string>());
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    diagnostics->error(node.place, "the limit " + quoted(*twice) + " is named twice");
    names.erase(std::unique(names.begin(), names.end()), names.end());
  }
  if (names.size() > static_cast<std::size_t>(limits::kTaskLimitsMax)) {
    diagnostics->error(node.place,
                       "a task has at most " + std::to_string(limits::kTaskLimitsMax) + " limits");
  }
  std::vector<std::string> known;
  for (const auto& [name, entry] : context->limits) known.push_back(name);
  for (const std::string& name : names) {
    const auto declared = context->limits.find(name);
    if (declared != context->limits.end()) {
      declared->second.used = true;
      continue;
    }
    std::string hint = diagnostics->did_you_mean(name, known);
    if (hint.empty()) hint = "declare it as a table [limit.NAME]";
    diagnostics->error(node.place, "unknown limit " + quoted(name), std::move(hint));
  }
  return names;
}

}  // namespace pawl::dsl
