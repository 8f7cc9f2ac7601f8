#include "daemon/lost_majority.h"

#include "base/check.h"

namespace pawl::daemon {

absl::StatusOr<std::unique_ptr<LostMajority>> LostMajority::open(const OpenNodeOptions& options,
                                                                 const Logger* logger) {
  std::unique_ptr<LostMajority> lost(new LostMajority(options, logger));
  const std::string& directory = options.directory;
  absl::StatusOr<StoreIdentity> store = read_store(lost->files_, directory);
  if (absl::IsNotFound(store.status())) {
    return absl::NotFoundError("there is no store in " + directory +
                               "; --data names the directory of the box that is left");
  }
  if (!store.ok()) return store.status();
  if (store->founders == std::vector<NodeId>{store->box}) {
    return absl::FailedPreconditionError(
        "the store in " + directory +
        " was made by this box alone: nobody else ever had to agree, start its daemon");
  }
  if (absl::Status s = lost->lock_.acquire(directory); !s.ok()) return s;
  lost->options_.store = *store;
  if (absl::Status s = lost->read(); !s.ok()) return s;
  std::string why;
  if (!node::can_go_on_alone(*lost->opened_.node, &why)) {
    return absl::FailedPreconditionError(why);
  }
  return lost;
}

absl::Status LostMajority::read() {
  opened_ = OpenedNode{};
  absl::StatusOr<OpenedNode> opened = open_node(files_, options_, logger_);
  if (!opened.ok()) return opened.status();
  opened_ = std::move(*opened);
  left_ = node::what_is_left(*opened_.node);
  lost_ = node::boxes_given_up(*opened_.node);
  perhaps_removed_ = node::is_perhaps_removed(*opened_.node);
  return absl::OkStatus();
}

std::string LostMajority::sentence() const {
  std::string text = "box " + std::to_string(box().v) + " goes on without " +
                     (lost_.size() > 1 ? "boxes " : "box ");
  for (std::size_t n = 0; n < lost_.size(); ++n) {
    text += (n == 0 ? "" : n + 1 < lost_.size() ? ", " : " and ") + std::to_string(lost_[n].v);
  }
  return text;
}

absl::Status LostMajority::go_on_alone() {
  PAWL_CHECK(!lost_.empty());
  node::go_on_alone(*opened_.node, opened_.journal.get());
  const log::Batch* batch = opened_.journal->begin_batch();
  PAWL_CHECK(batch != nullptr);
  if (absl::Status s = log::execute(files_, *batch); !s.ok()) return s;
  if (absl::Status s = read(); !s.ok()) return s;
  if (node::goes_on_alone(*opened_.node)) return absl::OkStatus();
  return absl::InternalError("the store was written, and does not say so when it is read again");
}

}  // namespace pawl::daemon
