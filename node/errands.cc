#include "node/errands.h"

#include "base/feature_level.h"
#include "base/limits_permits.h"
#include "codecs/json.h"
#include "codecs/problem.h"
#include "engine/event_call.h"
#include "engine/namespace.h"
#include "engine/run_id.h"

namespace pawl::node {
namespace {

// Ids of requests that no client has: above all that a daemon or a cluster gives.
constexpr std::uint64_t kErrandIds = std::uint64_t{3} << 62;

// 429 and what the other box could not do now.
bool comes_again(std::uint16_t status) { return status == 429 || status >= 500; }

std::string text_of(const dsl::Value& body, std::string_view field) {
  const dsl::Value* value = body.field(field);
  return value != nullptr && value->kind() == dsl::Kind::string ? value->as_string() : "";
}

// What a problem document says, as an error of this type.
engine::Error error_of(std::string_view type, const Answer& answer) {
  dsl::Value body;
  codecs::JsonError ignored;
  engine::Error error{std::string(type), codecs::problem_text(answer.status, answer.body), {}};
  if (!codecs::parse_json(answer.body, &body, &ignored) || body.kind() != dsl::Kind::map) {
    return error;
  }
  dsl::Map data;
  data.emplace_back(dsl::Value::string("problem"), dsl::Value::string(text_of(body, "type")));
  data.emplace_back(dsl::Value::string("status"), dsl::Value::int64(answer.status));
  error.data = dsl::Value::map(std::move(data));
  return error;
}

engine::Error error_of(const engine::ErrorRecord& record) {
  return {record.type, record.message(), record.data()};
}

std::string signal_id(const RunUid& uid, std::uint32_t call) {
  return "pawl." + to_string(uid) + "." + std::to_string(call);
}

}  // namespace

void Node::Errands::opened(const Group& group) {
  for (const Index run : group.tables().runs_with_errands()) due_.emplace_back(group.id(), run);
}

bool Node::Errands::begin(const Key& key) {
  if (until_.contains(key)) return false;
  wait(key, limits::kErrandMs + limits::kErrandAgainMs);
  return true;
}

void Node::Errands::wait(const Key& key, std::int64_t ms) {
  const auto known = until_.find(key);
  if (known != until_.end()) by_time_.erase({known->second, key});
  const std::int64_t at = node_->now_.mono_ms + ms;
  until_.insert_or_assign(key, at);
  by_time_.insert({at, key});
}

std::int64_t Node::Errands::next_wake_mono_ms() const {
  return by_time_.empty() ? INT64_MAX : by_time_.begin()->first;
}

void Node::Errands::look() {
  while (!by_time_.empty() && by_time_.begin()->first <= node_->now_.mono_ms) {
    const Key key = by_time_.begin()->second;
    by_time_.erase(by_time_.begin());
    until_.erase(key);
    due_.emplace_back(key.group, key.run);
  }
  for (; !answered_.empty(); answered_.pop_front()) {
    take(answered_.front().first, answered_.front().second);
  }
  for (std::size_t n = due_.size(); n > 0; --n) {
    const auto [id, index] = due_.front();
    due_.pop_front();
    Group& group = node_->mutable_group(id);
    if (!node_->decides(group)) continue;
    const engine::Run* run = group.tables().find(index);
    if (run != nullptr && run->has_errands()) look_at(group, *run);
  }
}

void Node::Errands::look_at(Group& group, const engine::Run& run) {
  const RunUid uid = run.uid();
  if (run.closed() && !tell_caller(group, run)) return;
  const std::uint32_t depth = run.tree->caller ? run.tree->caller->depth + 1 : 1;
  for (const auto& call : run.tree->calls) {
    const Key key{uid.group, uid.index, call->id};
    if (!engine::has_errand(*call) || !begin(key)) continue;
    if (call->is_signal) {
      engine::Signal signal{call->name, call->input.value, signal_id(uid, call->id), {}, {}};
      send(key, run, What::signal, CommandRun{{call->run, {}}, std::move(signal)});
    } else if (call->child.v != 0) {
      const std::string why = "the run `" + std::string(engine::plain_name(run.id())) +
                              "` that called it does not want it any more";
      send(key, run, What::cancel,
           CommandRun{{"", RunUid{call->to, call->child}}, engine::Cancel{why}});
    } else {
      engine::CalledBy by{uid.group, uid.index, run.id(), call->id, depth, call->wait};
      StartRun start{call->name, {}, call->run, call->input.value, {}, {}, std::move(by)};
      send(key, run, What::start, CallRun{std::move(start)});
    }
  }
  look_at_permits(run);
}

void Node::Errands::look_at_permits(const engine::Run& run) {
  const RunUid uid = run.uid();
  const auto change = [&](std::uint32_t number, const std::string& limit, const std::string& name) {
    ChangePermit op;
    op.group = engine::group_of_limit(limit, name, node_->options_.run_groups);
    op.limit = {limit, name};
    op.ask.permit = {uid, number};
    return op;
  };
  for (const auto& task : run.tree->permits->tasks) {
    const std::uint32_t number = task->first + task->granted;
    const Key key{uid.group, uid.index, 0, number, false};
    if (!task->waits() || !begin(key)) continue;
    const engine::TaskLimit& limit = task->limits[task->granted];
    ChangePermit op = change(number, limit.limit, limit.key);
    op.ask.concurrency = limit.concurrency;
    op.ask.rate = limit.rate;
    op.ask.window_ms = limit.window_ms;
    op.ask.priority = run.step(task->step)->priority;
    op.ask.run = run.id();
    send(key, run, What::permit, std::move(op));
  }
  for (const auto& spare : run.tree->permits->spares) {
    const Key key{uid.group, uid.index, 0, spare->permit, true};
    if (!begin(key)) continue;
    ChangePermit op = change(spare->permit, spare->limit, spare->key);
    op.gives_back = true;
    send(key, run, What::permit, std::move(op));
  }
}

// False: its values have to be read first.
bool Node::Errands::tell_caller(Group& group, const engine::Run& run) {
  const auto& caller = run.tree->caller;
  if (!caller || !caller->wait || caller->told) return true;
  const Key key{run.uid().group, run.uid().index, 0};
  if (until_.contains(key)) return true;
  if (node_->load_if_cold(group, run)) {
    wait(key, limits::kErrandAgainMs);
    return false;
  }
  engine::EndCall end{caller->call, static_cast<std::uint8_t>(run.status), {}, {}};
  if (run.status == engine::RunStatus::data_deleted) {
    end.status = static_cast<std::uint8_t>(engine::RunStatus::terminated);
  } else {
    end.output = run.output->value;
    if (run.error->has_value()) end.error = error_of(**run.error);
  }
  begin(key);
  send(key, run, What::end, CommandRun{{"", caller->uid}, std::move(end)});
  return true;
}

// A run acts for whoever started it.
void Node::Errands::send(const Key& key, const engine::Run& run, What what, Operation operation) {
  Request request;
  request.id = node_->cluster_ ? node_->own_id() : RequestId(kErrandIds + ++next_id_);
  request.actor = run.identity->started_by;
  request.deadline_ms = node_->now_.mono_ms + limits::kErrandMs;
  request.operation = std::move(operation);
  asked_[request.id] = {key, what};
  node_->under_way_.outstanding.insert(request.id);
  if (node_->cluster_) {
    node_->enter(request);
  } else {
    std::visit([&](auto& op) { node_->on_operation(request, op); }, request.operation);
  }
}

bool Node::Errands::settle(Answer& answer) {
  const auto asked = asked_.find(answer.id);
  if (asked == asked_.end()) return false;
  answered_.emplace_back(asked->second, std::move(answer));
  asked_.erase(asked);
  return true;
}

void Node::Errands::take(const Asked& asked, const Answer& answer) {
  wait(asked.key, limits::kErrandAgainMs);
  if (comes_again(answer.status)) return;
  const bool good = answer.status < 300;
  const std::uint32_t call = asked.key.call;
  switch (asked.what) {
    case What::start:
      return take_child(asked.key, answer);
    case What::signal: {
      engine::AnswerSignal said{call, {}};
      if (!good) said.error = error_of("sys.signal", answer);
      return submit(asked.key, std::move(said));
    }
    case What::cancel:
      return submit(
          asked.key,
          engine::EndCall{call, static_cast<std::uint8_t>(engine::RunStatus::cancelled), {}, {}});
    case What::end:
      return submit(asked.key, engine::TellCaller{});
    case What::permit:
      return take_permit(asked.key, answer);
  }
}

// One that waits is told when its turn has come (permits.h).
void Node::Errands::take_permit(const Key& key, const Answer& answer) {
  if (answer.status >= 300) return;
  if (key.gives_back) return submit(key, engine::DropPermit{key.permit});
  if (answer.status != 200) return wait(key, limits::kPermitAskAgainMs);
  const engine::Run* run = node_->groups_[key.group.v]->tables().find(key.run);
  if (run == nullptr) return;
  const engine::LimitedTask* task = engine::task_of_permit(*run->tree->permits, key.permit);
  if (task == nullptr) return;  // it is to be given back by now
  const engine::TaskLimit& limit = task->limits[key.permit - task->first];
  submit(key, engine::TakePermit{key.permit, limit.limit, limit.key});
}

// The child's uid is in the answer's tag, as for every client.
void Node::Errands::take_child(const Key& key, const Answer& answer) {
  engine::AnswerCall said;
  said.call = key.call;
  RunUid child;
  if (answer.status >= 300) {
    said.error = error_of("sys.child", answer);
  } else if (parse_run_uid(answer.etag.substr(0, answer.etag.rfind('.')), &child)) {
    said.group = child.group;
    said.index = child.index;
  } else {
    return;
  }
  submit(key, std::move(said));
  // It was called before (else the status is 201), and its caller knew how it ended: a caller that
  // was restored does not.
  dsl::Value body;
  codecs::JsonError ignored;
  if (answer.status != 200 || !codecs::parse_json(answer.body, &body, &ignored)) return;
  const std::string status = text_of(body, "status");
  for (const engine::RunStatus closed :
       {engine::RunStatus::completed, engine::RunStatus::failed, engine::RunStatus::cancelled,
        engine::RunStatus::terminated}) {
    if (status != engine::enum_name(closed)) continue;
    engine::EndCall end{key.call, static_cast<std::uint8_t>(closed), {}, {}};
    if (const dsl::Value* output = body.field("output")) end.output = *output;
    submit(key, std::move(end));
  }
}

void Node::Errands::submit(const Key& key, engine::Command command) {
  Group& group = node_->mutable_group(key.group);
  const engine::Run* run = group.tables().find(key.run);
  if (run == nullptr || !node_->decides(group)) return;
  Job job;
  job.run_id = run->id();
  job.run = key.run;
  job.command = std::move(command);
  node_->submit(group, std::move(job));
}

}  // namespace pawl::node
