#include "node/scrubbing.h"

#include <algorithm>

#include "base/feature_level.h"
#include "node/needed.h"

namespace pawl::node {
namespace {

const Group& group_at(const Node& node, std::size_t g) {
  return node.group(GroupId(static_cast<std::uint16_t>(g)));
}

Index said_by(const Node& node, NodeId box, GroupId group) {
  if (node.cluster() == nullptr) return Index(0);
  const auto said = node.cluster()->scrubbed.find(box);
  if (said == node.cluster()->scrubbed.end()) return Index(0);
  for (const auto& [of, through] : said->second.through) {
    if (of == group) return through;
  }
  return Index(0);
}

// A snapshot that came from another box may be on its way to become this box's own, or wait for the
// end of a copy: its kept file is durable then, and the journal does not know of it.
bool takes_transfer(const Node& node) {
  if (node.alone()) return false;
  for (std::size_t g = 0; g < node.group_count(); ++g) {
    const Group& group = group_at(node, g);
    if (group.raft().state().incoming.busy || group.tables().is_frozen()) return true;
  }
  return false;
}

}  // namespace

std::vector<codecs::BoxScrubbed> boxes_scrubbed(const Node& node, GroupId group, Index deletion) {
  std::vector<codecs::BoxScrubbed> boxes;
  for (const NodeId box : node.group(group).raft().membership().all_members()) {
    const bool here = box == node.options().self;
    const Index through = here ? node.group(group).scrubbed_to() : said_by(node, box, group);
    boxes.push_back({box, through >= deletion});
  }
  return boxes;
}

bool Scrubbing::pending(const Node& node) {
  for (std::size_t g = 0; g < node.group_count(); ++g) {
    const Group& group = group_at(node, g);
    if (group.tables().last_deletion() > group.scrubbed_to()) return true;
  }
  return false;
}

std::int64_t Scrubbing::deadline_ms(const Node& node) const {
  if (under_way_) return not_before_ms_;
  return pending(node) ? std::max(not_before_ms_, next_pass_ms_) : INT64_MAX;
}

Scrubbing::Step Scrubbing::next(std::int64_t now_ms, const Node& node, log::Journal* journal,
                                const std::vector<Index>& held, bool compacting) {
  if (now_ms < not_before_ms_) return Step::nothing;
  if (!under_way_) {
    if (now_ms < next_pass_ms_ || compacting || !pending(node)) return Step::nothing;
    if (!begin(now_ms, node, journal)) return Step::nothing;
  }
  if (fresh_from_ == 0) fresh_from_ = journal->afresh_from();
  if (fresh_from_ == 0 || !find_cover(node, *journal)) return Step::nothing;
  for (std::size_t g = 0; g < held.size(); ++g) covered_ = covered_ && held[g] >= cover_[g];
  if (!covered_) return Step::cover;
  if (compacting) return Step::nothing;
  if (work(node, *journal, held)) return Step::rewrite;
  // What comes with it may have to be rewritten, too, and must not be swept away.
  if (takes_transfer(node)) return Step::nothing;
  return journal->first_file() >= fresh_from_ ? Step::sweep : Step::nothing;
}

// What was queued before, applied or not, goes into the segments of before.
bool Scrubbing::begin(std::int64_t now_ms, const Node& node, log::Journal* journal) {
  std::vector<Index> through;
  for (std::size_t g = 0; g < node.group_count(); ++g) {
    const Group& group = group_at(node, g);
    if (group.tables().feature_level() < kJournalLevel) return false;
    through.push_back(group.applied());
  }
  through_ = std::move(through);
  kept_through_ = journal->kept().last_number();
  journal->begin_afresh();
  fresh_from_ = 0;
  covered_ = false;
  under_way_ = true;
  next_pass_ms_ = now_ms + pause_ms_;
  return true;
}

bool Scrubbing::find_cover(const Node& node, const log::Journal& journal) {
  cover_.clear();
  for (std::size_t g = 0; g < node.group_count(); ++g) {
    const Group& group = group_at(node, g);
    const Index last = journal.first_index_in(group.id(), fresh_from_).prev();
    cover_.push_back(std::max(last, through_[g]));
    if (group.applied() < cover_.back() || group.raft().durable() < cover_.back()) return false;
  }
  return true;
}

std::optional<Compaction::Work> Scrubbing::work(const Node& node, const log::Journal& journal,
                                                const std::vector<Index>& held) const {
  if (!under_way_ || !covered_ || fresh_from_ == 0) return std::nullopt;
  const std::uint64_t first = first_segment_needed(node, journal, held);
  const std::uint64_t uncovered = first_segment_uncovered(node, journal, held);
  if (first < fresh_from_) {
    if (uncovered < fresh_from_) return std::nullopt;
    return Compaction::segments_from(node, journal, first, fresh_from_);
  }
  for (const log::KeptFile& file : journal.kept().files()) {
    if (file.number > kept_through_) break;
    if (file.has_dictionary() || file.has_void || may_hold(node, file))
      return Compaction::rewrite(journal, file);
  }
  return std::nullopt;
}

// By its spans: an entry of the run that it holds lies within them. Which runs were forgotten that
// had been emptied before nobody knows any more: any file may hold one of them.
bool Scrubbing::may_hold(const Node& node, const log::KeptFile& file) const {
  return std::any_of(file.spans.begin(), file.spans.end(), [&](const log::KeptSpan& span) {
    const engine::Tables& tables = node.group(span.group).tables();
    const Index mark = node.group(span.group).scrubbed_to();
    if (tables.forgotten_deletion() > mark) return true;
    const auto& deletions = tables.deletions();
    return std::any_of(deletions.upper_bound({mark, Index(UINT64_MAX)}), deletions.end(),
                       [&span](const engine::Deletion& deletion) {
                         return span.from < deletion.entry && deletion.run <= span.through;
                       });
  });
}

}  // namespace pawl::node
