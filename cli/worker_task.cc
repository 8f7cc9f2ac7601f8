#include "cli/worker_task.h"

#include <algorithm>

#include "cli/output.h"
#include "codecs/json.h"
#include "dsl/expression.h"

namespace pawl::cli {

bool parse_tasks(const std::string& body, std::vector<WorkerTask>* out) {
  out->clear();
  dsl::Value answer;
  codecs::JsonError error;
  if (!codecs::parse_json(body, &answer, &error)) return false;
  const dsl::Value* tasks = answer.field("tasks");
  if (tasks == nullptr || tasks->kind() != dsl::Kind::list) return false;
  for (const dsl::Value& item : tasks->as_list()) {
    WorkerTask task;
    task.token = text_of(item, "token");
    task.run = text_of(item, "run");
    task.name_space = text_of(item, "namespace");
    task.type = text_of(item, "type");
    const dsl::Value* attempt = item.field("attempt");
    if (attempt != nullptr && attempt->kind() == dsl::Kind::int64) task.attempt = attempt->as_int();
    task.fence = text_of(item, "fence");
    task.idempotency_key = text_of(item, "idempotency_key");
    task.lease_until = text_of(item, "lease_until");
    task.deadline = text_of(item, "deadline");
    if (const dsl::Value* input = item.field("input")) task.input = *input;
    if (const dsl::Value* progress = item.field("progress")) task.progress = *progress;
    if (task.token.empty() || task.type.empty()) {
      out->clear();
      return false;
    }
    out->push_back(std::move(task));
  }
  return true;
}

std::int64_t heartbeat_interval_ms(const std::string& lease_until, std::int64_t wall_ms) {
  constexpr std::int64_t shortest = 250;
  constexpr std::int64_t longest = 10'000;
  dsl::Timestamp until;
  if (!dsl::parse_timestamp(lease_until, &until)) return longest;
  const std::int64_t left_ms = until.seconds * 1000 + until.nanos / 1'000'000 - wall_ms;
  return std::clamp(left_ms / 3, shortest, longest);
}

}  // namespace pawl::cli
