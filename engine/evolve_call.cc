// Folds of what runs have to do with one another:
//
//   (none) --call.started--> asked --call.accepted--> accepted --call.ended--> gone
//   asked, accepted --its state is left, or the run closes--> cancelling --call.ended--> gone
//                     (if it `cancels`; else gone at once)
//   a child: (none) --run.called--> has a caller, to be told of its end --caller.told--> told
//   (none) --signal.sent--> asked --signal.answered, or its state is left--> gone
#include <algorithm>

#include "engine/fold.h"

namespace pawl::engine {
namespace {

OpenCall* edit_call(Fold& f, std::uint32_t id) {
  if (f.run.call(id) == nullptr) return nullptr;
  auto& all = f.run.tree.edit().calls;
  const auto at =
      std::lower_bound(all.begin(), all.end(), id,
                       [](const auto& x, std::uint32_t wanted) { return x->id < wanted; });
  return &at->edit();
}

void remove_call(Fold& f, std::uint32_t id) {
  f.shrink(f.run.call(id)->payload_bytes());
  std::erase_if(f.run.tree.edit().calls, [id](const auto& x) { return x->id == id; });
}

bool add_call(Fold& f, OpenCall call) {
  if (f.run.frame(call.frame) == nullptr || call.id != f.run.tree->last_call + 1) return false;
  f.grow(call.input.length);
  RunTree& tree = f.run.tree.edit();
  tree.last_call = call.id;
  tree.calls.emplace_back(std::move(call));
  return true;
}

}  // namespace

void Fold::drop_call(std::uint32_t id) {
  const OpenCall* call = run.call(id);
  if (call == nullptr) return;
  if (call->is_signal || !call->wait || !call->cancels) return remove_call(*this, id);
  if (call->held) return remove_call(*this, id);  // it has ended already
  OpenCall* cancelled = edit_call(*this, id);
  cancelled->status = CallStatus::cancelling;
  cancelled->frame = 0;
}

bool fold(Fold& f, const CallStarted& e) {
  OpenCall call;
  call.id = e.call;
  call.frame = e.frame;
  call.state = e.state;
  call.to = e.to;
  call.run = e.run;
  call.name = e.workflow;
  call.input = f.keep(e.input, 0);
  call.wait = e.wait;
  call.cancels = e.cancels;
  return add_call(f, std::move(call));
}

bool fold(Fold& f, const CallAccepted& e) {
  OpenCall* call = edit_call(f, e.call);
  if (call == nullptr || call->is_signal || e.group != call->to) return false;
  call->child = e.index;
  if (call->status == CallStatus::asked) call->status = CallStatus::accepted;
  f.shrink(call->input.length);
  call->input = Payload();
  return true;
}

bool fold(Fold& f, const CallEnded& e) {
  const OpenCall* call = f.run.call(e.call);
  if (call == nullptr || call->is_signal) return false;
  remove_call(f, e.call);
  return true;
}

bool fold(Fold& f, const CallHeld& e) {
  OpenCall* call = edit_call(f, e.call);
  if (call == nullptr || call->held || f.run.status != RunStatus::paused) return false;
  call->held = true;
  call->held_status = e.status;
  call->held_output = f.keep(e.output, 0);
  call->held_error = e.error;
  if (e.error) call->held_error->detail = f.keep(e.error->detail, 1);
  f.grow(call->held_output.length + (e.error ? call->held_error->detail.length : 0));
  return true;
}

bool fold(Fold& f, const SignalSent& e) {
  OpenCall call;
  call.id = e.call;
  call.frame = e.frame;
  call.state = e.state;
  call.is_signal = true;
  call.to = e.to;
  call.run = e.run;
  call.name = e.name;
  call.input = f.keep(e.payload, 0);
  return add_call(f, std::move(call));
}

bool fold(Fold& f, const SignalAnswered& e) {
  const OpenCall* call = f.run.call(e.call);
  if (call == nullptr || !call->is_signal) return false;
  remove_call(f, e.call);
  return true;
}

bool fold(Fold& f, const RunCalled& e) {
  if (f.run.tree->caller) return false;
  f.run.tree.edit().caller = Caller{{e.group, e.index}, e.run, e.call, e.depth, e.wait, false};
  return true;
}

bool fold(Fold& f, const CallerTold& e) {
  const auto& caller = f.run.tree->caller;
  if (!f.run.closed() || !caller || caller->call != e.call || caller->told) return false;
  f.run.tree.edit().caller->told = true;
  return true;
}

}  // namespace pawl::engine
