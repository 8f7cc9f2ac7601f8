// Workers: poll, complete, fail, heartbeat, and several outcomes at once; queues held and let go.
#include <set>
#include <utility>

#include "base/limits_namespaces.h"
#include "daemon/api.h"
#include "daemon/routes.h"
#include "node/refusals.h"

namespace pawl::daemon {
namespace {

engine::FailTask read_failure(BodyReader& body) {
  engine::FailTask failure;
  failure.error.type = body.required_text("type", limits::kNameBytesMax);
  failure.error.message = body.text("message", limits::kErrorMessageBytesMax);
  failure.error.data = body.value("data");
  failure.retryable = body.boolean("retryable");
  return failure;
}

constexpr std::size_t kTokenBytesMax = 100;

void check_queue(std::string_view queue, BodyReader& body) {
  if (queue.size() <= limits::kNameBytesMax) return;
  body.fail("a queue's name has at most " + std::to_string(limits::kNameBytesMax) + " bytes");
}

}  // namespace

// False, and the call refused, if one of them is no namespace, comes twice, or is not there.
bool Api::poll_namespaces(Call& call, const std::vector<std::string>& names,
                          const std::string& queue, node::PollTasks* poll) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    Problem problem{400, "bad-field", "The request is not understood", ""};
    if (!engine::is_namespace_name(name)) {
      problem.detail = "`namespaces`: " + node::namespace_name_problem();
    } else if (!seen.insert(name).second) {
      problem.detail = "`namespaces` has `" + name + "` twice";
    } else if (!parts_.node->catalog().namespaces().is_open(name)) {
      if (!call.waited) {
        request_later(*call.http);
        return false;
      }
      problem = {404, "namespace-unknown", "There is no such namespace",
                 node::namespace_unknown(name)};
    }
    if (!problem.detail.empty()) {
      refuse(call.id, problem);
      return false;
    }
    std::string kept = engine::qualified(name, queue);
    if (seen.size() == 1) {
      poll->queue = std::move(kept);
    } else {
      poll->others.push_back(std::move(kept));
    }
  }
  return true;
}

void Api::post_poll(Call& call) {
  BodyReader body(call.http->body, {"worker", "tasks", "max", "namespaces"});
  QueryReader query(call);
  node::PollTasks poll;
  poll.queue = call.path[0];
  const auto name_spaces =
      body.texts("namespaces", limits::kPollNamespacesMax, limits::kNamespaceBytesMax);
  poll.worker = body.required_text("worker", limits::kNameBytesMax);
  poll.types = body.texts("tasks", limits::kPollTasksMax, limits::kNameBytesMax);
  poll.max = static_cast<std::uint32_t>(body.integer("max", 1, limits::kPollTasksMax).value_or(1));
  poll.wait_ms = query.wait_ms();
  check_queue(poll.queue, body);
  if (!body.ok() || !query.ok()) {
    refuse(call.id, body.ok() ? query.problem() : body.problem());
    return;
  }
  const std::string queue = std::exchange(poll.queue, call.kept(poll.queue));
  if (!name_spaces.empty()) {
    if (!poll_namespaces(call, name_spaces, queue, &poll)) return;
  }
  submit(call, std::move(poll));
}

void Api::post_queue_verb(Call& call) {
  BodyReader body(call.http->body, {"reason"});
  const std::string& queue = call.path[0];
  const std::string reason = body.text("reason", limits::kReasonBytesMax);
  check_queue(queue, body);
  if (!body.ok()) {
    refuse(call.id, body.problem());
    return;
  }
  if (call.route->pattern.ends_with("/pause")) {
    submit(call, node::PauseQueue{call.kept(queue), reason});
  } else {
    submit(call, node::ResumeQueue{call.kept(queue), reason});
  }
}

void Api::post_complete(Call& call) {
  BodyReader body(call.http->body, {"result"});
  if (!body.ok()) {
    refuse(call.id, body.problem());
    return;
  }
  engine::CompleteTask done;
  done.result = body.value("result");
  submit(call, node::ReportTask{call.path[0], std::move(done)});
}

void Api::post_fail(Call& call) {
  BodyReader body(call.http->body, {"type", "message", "data", "retryable"});
  engine::FailTask failure = read_failure(body);
  if (!body.ok()) {
    refuse(call.id, body.problem());
    return;
  }
  submit(call, node::ReportTask{call.path[0], std::move(failure)});
}

void Api::post_heartbeat(Call& call) {
  BodyReader body(call.http->body, {"details"});
  if (!body.ok()) {
    refuse(call.id, body.problem());
    return;
  }
  node::HeartbeatTask heartbeat;
  heartbeat.token = call.path[0];
  if (body.has("details")) heartbeat.details = body.value("details");
  submit(call, std::move(heartbeat));
}

void Api::post_task_batch(Call& call) {
  dsl::Value items;
  Problem problem;
  if (!parse_list_body(call.http->body, limits::kBatchOperationsMax, &items, &problem)) {
    refuse(call.id, problem);
    return;
  }
  node::ReportTasks reports;
  for (std::size_t i = 0; i < items.as_list().size(); ++i) {
    const std::string where = "item " + std::to_string(i);
    BodyReader item(items.as_list()[i], where, {"token", "complete", "fail"});
    node::ReportTask report;
    report.token = item.required_text("token", kTokenBytesMax);
    if (item.ok() && item.has("complete") == item.has("fail")) {
      item.fail("give either `complete` or `fail`");
    }
    if (item.ok() && item.has("complete")) {
      BodyReader complete(item.value("complete"), where + ".complete", {"result"});
      report.command = engine::CompleteTask{{}, 0, complete.value("result")};
      if (!complete.ok()) item.adopt(complete);
    } else if (item.ok()) {
      BodyReader fail(item.value("fail"), where + ".fail",
                      {"type", "message", "data", "retryable"});
      report.command = read_failure(fail);
      if (!fail.ok()) item.adopt(fail);
    }
    if (!item.ok()) {
      refuse(call.id, item.problem());
      return;
    }
    reports.items.push_back(std::move(report));
  }
  submit(call, std::move(reports));
}

}  // namespace pawl::daemon
