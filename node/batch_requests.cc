// What group 0's leader decides of batches: they begin, are stopped, and a group's part is done.
#include "absl/strings/str_cat.h"
#include "base/feature_level.h"
#include "base/limits_batches.h"
#include "codecs/batch_json.h"
#include "node/batches.h"

namespace pawl::node {

void Node::Batches::decide(const Request& request, const ChangeBatch& op) {
  if (const auto* begin = std::get_if<BeginBatch>(&op.change)) return decide_begin(request, *begin);
  if (const auto* stop = std::get_if<StopBatch>(&op.change)) return decide_stop(request, *stop);
  decide_end(request, std::get<EndBatchPart>(op.change));
}

void Node::Batches::decide_begin(const Request& request, const BeginBatch& op) {
  const engine::BatchBook& book = node_->definitions_.catalog().batches();
  const bool scrubs = op.spec.verb == engine::BatchVerb::scrub;
  if (node_->groups_[0]->tables().feature_level() < (scrubs ? kScrubBatchLevel : kBatchLevel) ||
      op.through.size() != node_->options_.run_groups) {
    return node_->refuse(request.id, 409, "level-too-low", "A box runs an older version of pawl",
                         "batches can be made once every box runs this version");
  }
  // Groups may know of later ones than the catalog, if the store is made of a backup.
  engine::BatchId last = book.last();
  for (const auto& group : node_->groups_) last = std::max(last, group->tables().batches().last());
  const engine::BatchId oldest = book.oldest_open();
  const bool far = oldest.v > 0 && last.v - oldest.v >= limits::kBatchesSpanMax - 1;
  if (book.open_count() >= limits::kBatchesOpenMax || far) {
    return node_->refuse(
        request.id, 429, "too-many-batches", "Too many batches are open",
        far ? absl::StrCat("batch ", oldest.v, " has been open while ", limits::kBatchesSpanMax,
                           " others came: stop it, or wait until it is over")
            : absl::StrCat(limits::kBatchesOpenMax,
                           " batches are open: wait until one is over, or stop one; GET "
                           "/v1/batches lists them"));
  }
  engine::BatchBegun begun{last.next(), op.spec,       op.through,
                           op.matching, node_->stamp_, request.actor};
  conclude(request, begun.batch, begun, 201);
}

void Node::Batches::decide_stop(const Request& request, const StopBatch& op) {
  const engine::Batch* batch = node_->definitions_.catalog().batches().find(op.batch);
  if (batch == nullptr) return refuse_unknown(request, op.batch);
  std::optional<engine::BatchEvent> event;
  if (!batch->over_at && !batch->stopped) {
    event = engine::BatchStopped{op.batch, op.reason, node_->stamp_, request.actor};
  }
  conclude(request, op.batch, std::move(event));
}

// Told again, or by a box that has not heard that it was told.
void Node::Batches::decide_end(const Request& request, const EndBatchPart& op) {
  const engine::Batch* batch = node_->definitions_.catalog().batches().find(op.batch);
  if (batch == nullptr) return refuse_unknown(request, op.batch);
  std::optional<engine::BatchEvent> event;
  if (batch->turn() == op.group && op.group.v > 0) {
    event = engine::BatchPartDone{op.batch, op.group, op.counts, node_->stamp_};
  }
  conclude(request, op.batch, std::move(event));
}

void Node::Batches::refuse_unknown(const Request& request, engine::BatchId batch) {
  node_->refuse_confirmed(
      *node_->groups_[0], request.id, 404, "batch-unknown", "There is no such batch",
      absl::StrCat("there is no batch ", batch.v,
                   ", or it is long over: GET /v1/batches lists those there are"));
}

// The answer is the batch as it is after the event.
void Node::Batches::conclude(const Request& request, engine::BatchId id,
                             std::optional<engine::BatchEvent> event, std::uint16_t status) {
  const engine::Batch* known = node_->definitions_.catalog().batches().find(id);
  engine::Batch after = known == nullptr ? engine::Batch{} : *known;
  std::optional<Proposal> proposal;
  if (event) {
    if (const auto* begun = std::get_if<engine::BatchBegun>(&*event)) after.begun = *begun;
    if (const auto* stopped = std::get_if<engine::BatchStopped>(&*event)) after.stopped = *stopped;
    engine::encode_catalog_events({std::move(*event)}, &proposal.emplace().entry.catalog);
  }
  Answer answer;
  answer.id = request.id;
  answer.status = status;
  if (status == 201) answer.location = absl::StrCat("/v1/batches/", id.v);
  const GroupId turn = after.turn();
  const bool known_turn = turn.v > 0 && turn.v < node_->groups_.size();
  const engine::BatchRow* row =
      known_turn ? node_->groups_[turn.v]->tables().batches().find(id) : nullptr;
  codecs::append_batch(after, row, &answer.body);
  node_->conclude_catalog(request, std::move(proposal), std::move(answer));
}

}  // namespace pawl::node
