// The boxes and who leads what. Answered from what this box knows, without a read index: that is
// what it is for when there is no majority.
#include <algorithm>

#include "base/limits.h"
#include "codecs/json.h"
#include "daemon/api.h"

namespace pawl::daemon {
namespace {

const char* role_of(const raft::Raft& raft) { return raft::to_string(raft.role()); }

void write_box(const node::Node& node, NodeId box, NodeId self, codecs::JsonWriter& w) {
  int leads = 0;
  for (std::size_t g = 0; g < node.group_count(); ++g) {
    const auto& raft = node.group(GroupId(static_cast<std::uint16_t>(g))).raft();
    leads += raft.leader() == box ? 1 : 0;
  }
  w.begin_object().field("node", box.v).field("self", box == self);
  w.field("linked", box == self || (node.cluster() != nullptr && node.cluster()->is_linked(box)));
  w.field("leads", leads).end_object();
}

void write_group(const node::Group& group, codecs::JsonWriter& w) {
  const raft::Raft& raft = group.raft();
  w.begin_object().field("group", int{group.id().v}).field("role", role_of(raft));
  w.plain_key("leader");
  if (raft.leader().v == 0) {
    w.null();
  } else {
    w.uint64(raft.leader().v);
  }
  w.field("term", raft.term().v).field("last", raft.last().index.v);
  w.field("durable", raft.durable().v).field("commit", raft.commit().v);
  w.field("applied", group.applied().v).plain_key("voters").begin_array();
  for (const NodeId voter : raft.membership().voters) w.uint64(voter.v);
  w.end_array().field("feature_level", int{group.tables().feature_level()}).end_object();
}

}  // namespace

void Api::get_cluster(Call& call) {
  const node::Node& node = *parts_.node;
  std::string body;
  codecs::JsonWriter w(&body);
  w.begin_object().field("node", parts_.box.v).field("ready", node.ready());
  w.plain_key("boxes").begin_array();
  for (const NodeId box : node.boxes()) write_box(node, box, parts_.box, w);
  w.end_array().plain_key("groups").begin_array();
  for (std::size_t g = 0; g < node.group_count(); ++g) {
    write_group(node.group(GroupId(static_cast<std::uint16_t>(g))), w);
  }
  w.end_array().end_object();
  respond_json(call.id, 200, body);
}

// Hands over what this box leads: one group, or all of them.
void Api::post_transfer(Call& call) {
  BodyReader body(call.http->body, {"to", "group"});
  const auto to = body.integer("to", 1, INT64_MAX);
  const auto wanted = body.integer("group", 0, limits::kGroupsMax - 1);
  node::Node& node = *parts_.node;
  const std::vector<NodeId> boxes = node.boxes();
  const NodeId target(static_cast<std::uint64_t>(to.value_or(0)));
  if (body.ok() &&
      (target == parts_.box || std::find(boxes.begin(), boxes.end(), target) == boxes.end())) {
    body.fail("`to` must be another box of the cluster: GET /v1/cluster lists them");
  }
  if (!body.ok()) {
    refuse(call.id, body.problem());
    return;
  }
  std::string answer;
  codecs::JsonWriter w(&answer);
  w.begin_object().field("to", target.v).plain_key("groups").begin_array();
  for (std::size_t g = 0; g < node.group_count(); ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    if ((wanted && *wanted != group.v) || !node.leads(group)) continue;
    handle(node::TransferGroup{group, target});
    w.int64(group.v);
  }
  w.end_array().end_object();
  respond_json(call.id, 200, answer);
}

}  // namespace pawl::daemon
