// Retry policies and timeouts of tasks.

#include "dsl/parse_pattern.h"
#include "dsl/parse_task.h"

namespace pawl::dsl {
namespace {

constexpr std::int64_t kAttemptsMax = 1'000'000;

}  // namespace

Retry parse_retry_policy(const TomlNode& node, const Retry& defaults, DiagnosticList* diagnostics) {
  Retry retry = defaults;
  TableReader table(node, "a retry policy", diagnostics);
  if (const TomlNode* x = table.take("attempts")) {
    retry.attempts =
        static_cast<int>(read_integer(*x, 1, kAttemptsMax, diagnostics).value_or(retry.attempts));
  }
  if (const TomlNode* x = table.take("initial")) {
    retry.initial_ms = read_duration_ms(*x, diagnostics).value_or(retry.initial_ms);
  }
  if (const TomlNode* x = table.take("factor")) {
    retry.factor = read_number(*x, 1, 1000, diagnostics).value_or(retry.factor);
  }
  const TomlNode* max = table.take("max_interval");
  if (max != nullptr) {
    retry.interval_ms_max = read_duration_ms(*max, diagnostics).value_or(retry.interval_ms_max);
    if (retry.interval_ms_max < retry.initial_ms) {
      diagnostics->error(max->place, "`max_interval` is shorter than `initial`");
    }
  } else if (retry.interval_ms_max < retry.initial_ms) {
    retry.interval_ms_max = retry.initial_ms;
  }
  if (const TomlNode* x = table.take("jitter")) {
    retry.jitter = read_number(*x, 0, 1, diagnostics).value_or(retry.jitter);
  }
  if (const TomlNode* x = table.take("never")) retry.never = read_error_patterns(*x, diagnostics);
  if (const TomlNode* x = table.take("exhausted")) {
    retry.exhausted = read_choice<Exhausted>(*x,
                                             {{"auto", Exhausted::automatic},
                                              {"incident", Exhausted::incident},
                                              {"fail", Exhausted::fail}},
                                             diagnostics)
                          .value_or(retry.exhausted);
  }
  if (const TomlNode* x = table.take("again")) retry.again_ms = read_duration_ms(*x, diagnostics);
  table.finish();
  return retry;
}

std::optional<Retry> parse_retry(const TomlNode& node, ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  if (node.is(TomlNode::Kind::table)) {
    return parse_retry_policy(node, context->default_retry, diagnostics);
  }
  if (!node.is(TomlNode::Kind::string)) {
    wrong_kind(node, "`retry`", "a policy's name or a table", diagnostics,
               "retry = { attempts = 3, initial = \"1s\" }");
    return std::nullopt;
  }
  const auto it = context->retries.find(node.text);
  if (it != context->retries.end()) {
    it->second.used = true;
    return it->second.retry;
  }
  if (node.text == "default") return context->default_retry;
  std::vector<std::string> names = {"default"};
  for (const auto& [name, entry] : context->retries) names.push_back(name);
  std::string hint = diagnostics->did_you_mean(node.text, names);
  if (hint.empty()) hint = "declare it as a table [retry.NAME]";
  diagnostics->error(node.place, "unknown retry policy " + quoted(node.text), std::move(hint));
  return std::nullopt;
}

void parse_timeouts(const TomlNode& node, TaskTimeouts* timeouts, DiagnosticList* diagnostics) {
  if (node.is(TomlNode::Kind::string)) {
    return wrong_kind(node, "`timeout`", "a table", diagnostics,
                      "timeout = { total = \"10m\" }; others: queue, attempt, heartbeat");
  }
  TableReader table(node, "a task's `timeout`", diagnostics);
  const auto read = [&](std::string_view key, std::optional<std::int64_t>* to) {
    if (const TomlNode* x = table.take(key)) *to = read_duration_ms(*x, diagnostics);
  };
  read("queue", &timeouts->queue_ms);
  read("attempt", &timeouts->attempt_ms);
  read("total", &timeouts->total_ms);
  read("heartbeat", &timeouts->heartbeat_ms);
  table.finish();
}

}  // namespace pawl::dsl
