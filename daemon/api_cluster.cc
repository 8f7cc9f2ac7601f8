// The boxes and who leads what. Answered from what this box knows, without a read index: that is
// what it is for when there is no majority.
#include <map>

#include "base/limits.h"
#include "codecs/json.h"
#include "daemon/api.h"
#include "daemon/socket_address.h"
#include "daemon/store.h"

namespace pawl::daemon {
namespace {

const char* role_of(const raft::Raft& raft) { return raft::to_string(raft.role()); }

// The boxes as the roster has them; before there is one, those that founded the cluster. A roster
// that a box alone has came with a backup, and is that of the cluster it was made of.
std::map<NodeId, engine::RosterBox> boxes_of(node::Node& node) {
  const auto& known = node.definitions().catalog().roster().boxes();
  if (!known.empty() && !node.alone()) return known;
  std::map<NodeId, engine::RosterBox> founders;
  for (const NodeId box : node.options().founders) founders[box].founder = true;
  return founders;
}

void write_box(const node::Node& node, NodeId box, const engine::RosterBox& row, NodeId self,
               codecs::JsonWriter& w) {
  int leads = 0;
  for (std::size_t g = 0; g < node.group_count(); ++g) {
    const auto& raft = node.group(GroupId(static_cast<std::uint16_t>(g))).raft();
    leads += raft.leader() == box ? 1 : 0;
  }
  w.begin_object().field("node", box.v).field("self", box == self);
  w.field("role", engine::to_string(row.role)).field("founder", row.founder);
  w.field("store_known", row.store.has_value());
  if (!row.address.empty()) w.field("address", row.address);
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
  w.end_array().plain_key("learners").begin_array();
  for (const NodeId learner : raft.membership().learners) w.uint64(learner.v);
  w.end_array()
      .field("changing", raft.membership().joint())
      .field("feature_level", int{group.tables().feature_level()})
      .field("rebuilding", !group.whole());
  if (!group.whole()) w.field("rebuild_through", raft.state().leader_commit.v);
  w.end_object();
}

}  // namespace

void Api::get_cluster(Call& call) {
  node::Node& node = *parts_.node;
  std::string body;
  codecs::JsonWriter w(&body);
  w.begin_object().field("node", parts_.box.v).field("ready", node.ready());
  if (node.cluster() != nullptr) {
    w.field("election_timeout_ms", node.cluster()->pace.election_ms());
  }
  w.plain_key("boxes").begin_array();
  for (const auto& [box, row] : boxes_of(node)) write_box(node, box, row, parts_.box, w);
  w.end_array().plain_key("groups").begin_array();
  for (std::size_t g = 0; g < node.group_count(); ++g) {
    write_group(node.group(GroupId(static_cast<std::uint16_t>(g))), w);
  }
  w.end_array().end_object();
  respond_json(call.id, 200, body);
}

// A read like others: the barrier before it is what it is asked for.
void Api::get_applied(Call& call) {
  node::Node& node = *parts_.node;
  std::string body;
  codecs::JsonWriter w(&body);
  w.begin_object().field("node", parts_.box.v).field("store", to_hex(node.options().store));
  w.plain_key("groups").begin_array();
  for (std::size_t g = 0; g < node.group_count(); ++g) {
    const node::Group& group = node.group(GroupId(static_cast<std::uint16_t>(g)));
    w.begin_object().field("group", int{group.id().v}).field("applied", group.applied().v);
    w.field("durable", group.raft().durable().v).end_object();
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
  const std::map<NodeId, engine::RosterBox> boxes = boxes_of(node);
  const NodeId target(static_cast<std::uint64_t>(to.value_or(0)));
  const auto row = boxes.find(target);
  if (body.ok() &&
      (target == parts_.box || row == boxes.end() || row->second.role != engine::BoxRole::voter)) {
    body.fail("`to` must be another box with a vote: GET /v1/cluster lists them");
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

// A box comes, gets a vote or goes. Answered when the wish is committed; the groups follow.
void Api::post_members(Call& call) {
  BodyReader body(call.http->body, {"change", "box", "address", "promote"});
  const std::string what = body.required_text("change", limits::kNameBytesMax);
  const auto box = body.integer("box", 1, static_cast<std::int64_t>(limits::kNodeIdMax));
  const bool adds = what == "add";
  using What = node::ChangeBoxes::What;
  node::ChangeBoxes change;
  change.what = adds ? What::add : what == "promote" ? What::promote : What::remove;
  change.box = NodeId(static_cast<std::uint64_t>(box.value_or(0)));
  change.address = body.text("address", limits::kBoxAddressBytesMax);
  change.promote = body.boolean("promote").value_or(true);
  if (body.ok() && !adds && what != "promote" && what != "remove") {
    body.fail("`change` is add, promote or remove");
  } else if (body.ok() && !box) {
    body.fail("`box`, the number of a box, is missing");
  } else if (body.ok() && !adds && (body.has("address") || body.has("promote"))) {
    body.fail("`address` and `promote` go with `add` alone");
  } else if (Endpoint endpoint; body.ok() && adds) {
    const std::string wrong = parse_endpoint(change.address, &endpoint);
    if (!wrong.empty()) body.fail("`address` " + wrong);
  }
  if (!body.ok()) {
    refuse(call.id, body.problem());
    return;
  }
  submit(call, std::move(change));
}

// --- keys ---

KeyRotation* Api::rotation_for(RequestId id) {
  KeyRotation* rotation = parts_.rotation();
  if (rotation == nullptr) {
    refuse(id, 409, "no-keyring", "This box has no keyring",
           "it is alone, or cluster.keyring is not set and its links are not protected: "
           "`pawl cluster init` makes a keyring");
  }
  return rotation;
}

void Api::answer_keys(RequestId id, const KeyRotation::Result& result) {
  if (!result.failure.empty()) {
    refuse(id, result.missing.empty() ? 409 : 503, "rotation-stopped", "The rotation has stopped",
           result.failure);
    return;
  }
  std::string body;
  codecs::JsonWriter w(&body);
  w.begin_object().field("resumed", result.resumed).plain_key("boxes").begin_array();
  for (const auto& [box, report] : result.reports) {
    w.begin_object().field("node", box.v).plain_key("keys").begin_array();
    for (const codecs::KeyReport::Row& key : report.keys) {
      w.begin_object().field("key", std::int64_t{key.id.v});
      w.field("state", codecs::to_string(key.state)).field("fingerprint", key.fingerprint);
      w.end_object();
    }
    w.end_array().end_object();
  }
  w.end_array().plain_key("missing").begin_array();
  for (const NodeId box : result.missing) w.uint64(box.v);
  w.end_array().end_object();
  respond_json(id, 200, body);
}

// What every box holds. Waits for those that can't answer: limits::kKeyStepMs.
void Api::get_keys(Call& call) {
  KeyRotation* rotation = rotation_for(call.id);
  if (rotation == nullptr) return;
  rotation->survey(
      [this, id = call.id](const KeyRotation::Result& result) { answer_keys(id, result); });
}

// Answered when every box has confirmed the last step, or somebody has not confirmed one. It goes
// on if the client goes away.
void Api::post_keys_rotate(Call& call) {
  BodyReader body(call.http->body, {});
  if (!body.ok()) {
    refuse(call.id, body.problem());
    return;
  }
  KeyRotation* rotation = rotation_for(call.id);
  if (rotation == nullptr) return;
  const bool begun = rotation->rotate(
      [this, id = call.id](const KeyRotation::Result& result) { answer_keys(id, result); });
  if (!begun) {
    refuse(call.id, 409, "rotation-under-way", "A rotation is under way",
           "this box leads one already: `pawl cluster keys` shows how far it has come");
  }
}

}  // namespace pawl::daemon
