#include "node/compaction.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "base/limits.h"
#include "log/format.h"
#include "node/needed.h"

namespace pawl::node {
namespace {

std::uint64_t runs_kept(const Node& node) {
  std::uint64_t sum = 0;
  for (std::size_t g = 0; g < node.group_count(); ++g) {
    sum += node.group(GroupId(static_cast<std::uint16_t>(g))).tables().run_count();
  }
  return sum;
}

const log::KeptSpan* span_of(const std::vector<log::KeptSpan>& spans, GroupId group) {
  const auto found = std::find_if(spans.begin(), spans.end(),
                                  [group](const auto& span) { return span.group == group; });
  return found == spans.end() ? nullptr : &*found;
}

bool speaks_for(const std::vector<log::KeptSpan>& spans, const log::OldEntry& entry) {
  const log::KeptSpan* span = span_of(spans, entry.group);
  return span != nullptr && span->from < entry.index && entry.index <= span->through;
}

// Of a run that is kept and whose data is deleted. It is not woken.
std::optional<std::array<unsigned char, 16>> salt_if_deleted(const engine::Tables& tables,
                                                             Index run) {
  const engine::KeptRun kept = tables.runs().kept(run);
  if (engine::summary_of(kept).status != engine::RunStatus::data_deleted) return std::nullopt;
  return tables.runs().made(kept)->identity->salt.bytes;
}

// Whether the file's spans end where these begin: one file can speak for both.
bool is_right_before(const log::Journal& journal, const log::KeptFile& file,
                     const std::vector<log::KeptSpan>& spans) {
  return std::all_of(file.spans.begin(), file.spans.end(), [&](const log::KeptSpan& span) {
    const log::KeptSpan* after = span_of(spans, span.group);
    return span.through == (after != nullptr ? after->from : journal.kept().through(span.group));
  });
}

// What lay between the kept files and the row is gone, and needed by nobody: the row speaks for it.
void close_gaps(const log::Journal& journal, std::vector<Compaction::Input>* row) {
  std::set<GroupId> seen;
  for (Compaction::Input& input : *row) {
    for (log::KeptSpan& span : input.spans) {
      if (seen.insert(span.group).second) span.from = journal.kept().through(span.group);
    }
  }
}

}  // namespace

Compaction::Input Compaction::segment(const Node& node, const log::Journal& journal,
                                      std::uint64_t number) {
  Input input{number, log::format::kSegmentHeaderBytes, journal.segment_end(number), {}};
  for (std::size_t g = 0; g < node.group_count(); ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    const Index kept = journal.kept().through(group);
    const Index from = Index(journal.first_index_in(group, number).v - 1);
    const Index through = Index(journal.first_index_in(group, number + 1).v - 1);
    const log::KeptSpan span{group, std::max(kept, from), through};
    if (span.from < span.through) input.spans.push_back(span);
  }
  return input;
}

Compaction::Input Compaction::kept(const log::KeptFile& file) {
  return {file.number, log::format::kSegmentHeaderBytes, file.frames_end, file.spans};
}

std::vector<log::KeptSpan> Compaction::joined(const std::vector<Input>& inputs) {
  std::map<GroupId, log::KeptSpan> spans;
  for (const Input& input : inputs) {
    for (const log::KeptSpan& span : input.spans) {
      const auto [at, added] = spans.emplace(span.group, span);
      at->second.from = std::min(at->second.from, span.from);
      at->second.through = std::max(at->second.through, span.through);
      at->second.installed |= span.installed;
    }
  }
  std::vector<log::KeptSpan> result;
  for (const auto& [group, span] : spans) result.push_back(span);
  return result;
}

void Compaction::judge(const Node& node, const log::Journal& journal, const Input& input,
                       log::OldEntries* looked) {
  for (log::OldEntry& entry : looked->entries) {
    const engine::Tables& tables = node.group(entry.group).tables();
    entry.needed = speaks_for(input.spans, entry) && tables.keeps(entry.run, entry.index) &&
                   journal.is_current(entry.frame, entry.group, entry.index);
    if (entry.needed) entry.scrubs = salt_if_deleted(tables, entry.run);
  }
}

std::vector<Compaction::Input> Compaction::inputs_of(const Node& node, const log::Journal& journal,
                                                     GroupId group, Index through) {
  std::vector<Input> inputs;
  for (const log::KeptFile& file : journal.kept().files()) {
    if (file.span(group) != nullptr) inputs.push_back(kept(file));
  }
  const auto by_span = [group](const Input& a, const Input& b) {
    return span_of(a.spans, group)->from < span_of(b.spans, group)->from;
  };
  std::stable_sort(inputs.begin(), inputs.end(), by_span);
  const std::uint64_t last = journal.segment_of(group, through);
  for (std::uint64_t number = journal.oldest_segment(); number <= last; ++number) {
    inputs.push_back(segment(node, journal, number));
  }
  return inputs;
}

// What a kept file speaks for is taken from there, also where a segment still has it.
void Compaction::judge_for_transfer(const Node& node, const log::Journal& journal, GroupId group,
                                    Index through, log::OldEntries* looked) {
  const engine::Tables& tables = node.group(group).tables();
  for (log::OldEntry& entry : looked->entries) {
    const std::uint64_t holder = journal.kept().holder(group, entry.index);
    const bool is_here = holder != 0 ? holder == entry.frame.segment
                                     : journal.is_current(entry.frame, entry.group, entry.index);
    entry.needed = entry.group == group && entry.index <= through && is_here &&
                   tables.keeps(entry.run, entry.index);
    if (entry.needed) entry.scrubs = salt_if_deleted(tables, entry.run);
  }
}

bool Compaction::is_due(const Node& node, std::uint64_t number) const {
  const auto known = surveys_.find(number);
  if (known == surveys_.end()) return true;
  const std::uint64_t gone = node.stats().runs_forgotten - known->second.forgotten;
  return gone > 0 && gone >= known->second.runs / 4;
}

void Compaction::surveyed(const Node& node, std::uint64_t number, std::uint64_t bytes,
                          std::uint64_t needed) {
  surveys_[number] = {bytes, needed, runs_kept(node), node.stats().runs_forgotten};
}

void Compaction::made(const Node& node, const log::KeptFile& file) {
  surveyed(node, file.number, file.bytes, file.bytes);
}

void Compaction::forget_what_is_gone(const log::Journal& journal, std::uint64_t first,
                                     std::uint64_t end) {
  std::erase_if(surveys_, [&](const auto& one) {
    const std::vector<log::KeptFile>& files = journal.kept().files();
    const auto is_it = [&one](const log::KeptFile& file) { return file.number == one.first; };
    return (one.first < first || one.first >= end) &&
           std::none_of(files.begin(), files.end(), is_it);
  });
}

std::optional<Compaction::Work> Compaction::survey(const Node& node, const log::Journal& journal,
                                                   std::uint64_t first, std::uint64_t end) const {
  for (std::uint64_t number = first; number < end; ++number) {
    if (is_due(node, number)) return Work{Work::Kind::survey, {segment(node, journal, number)}};
  }
  for (const log::KeptFile& file : journal.kept().files()) {
    if (is_due(node, file.number)) return Work{Work::Kind::survey, {kept(file)}};
  }
  return std::nullopt;
}

std::optional<Compaction::Work> Compaction::next(const Node& node, const log::Journal& journal,
                                                 const std::vector<Index>& covered) {
  const std::uint64_t first = first_segment_needed(node, journal, covered);
  std::uint64_t end = std::max(first, first_segment_uncovered(node, journal, covered));
  if (end - first < segments_min_) end = first;
  forget_what_is_gone(journal, first, end);
  if (auto work = survey(node, journal, first, end)) return work;
  if (auto work = segments_to_rewrite(node, journal, first, end)) return work;
  return kept_to_give_up(journal);
}

// The longest row of the oldest segments of which at most half is needed, and the newest kept files
// as long as those are no larger than what they are joined with.
std::optional<Compaction::Work> Compaction::segments_to_rewrite(const Node& node,
                                                                const log::Journal& journal,
                                                                std::uint64_t first,
                                                                std::uint64_t end) const {
  std::uint64_t bytes = 0, needed = 0, row_bytes = 0, row_end = first;
  for (std::uint64_t number = first; number < end; ++number) {
    const Survey& survey = surveys_.at(number);
    bytes += survey.file_bytes;
    needed += survey.needed_bytes;
    if (number + 1 - first < segments_min_ || needed > bytes / 2) continue;
    row_end = number + 1;
    row_bytes = bytes;
  }
  if (row_end == first) return std::nullopt;
  Work work = segments_from(node, journal, first, row_end);
  const std::vector<log::KeptFile>& files = journal.kept().files();
  const bool all = files.size() >= limits::kKeptFilesMax;
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    if (!all && file->bytes > row_bytes) break;
    if (!is_right_before(journal, *file, joined(work.inputs))) break;
    row_bytes += file->bytes;
    work.inputs.insert(work.inputs.begin(), kept(*file));
  }
  return work;
}

Compaction::Work Compaction::segments_from(const Node& node, const log::Journal& journal,
                                           std::uint64_t first, std::uint64_t end) {
  Work work{Work::Kind::rewrite, {}};
  for (std::uint64_t number = first; number < end; ++number) {
    work.inputs.push_back(segment(node, journal, number));
  }
  close_gaps(journal, &work.inputs);
  return work;
}

// The new file may not speak for what another one than this already does.
Compaction::Work Compaction::rewrite(const log::Journal& journal, const log::KeptFile& file) {
  Input input = kept(file);
  std::erase_if(input.spans, [&](const log::KeptSpan& span) {
    return journal.kept().holder(span.group, span.through) != file.number;
  });
  return {input.spans.empty() ? Work::Kind::drop : Work::Kind::rewrite, {std::move(input)}};
}

std::optional<Compaction::Work> Compaction::kept_to_give_up(const log::Journal& journal) const {
  for (const log::KeptFile& file : journal.kept().files()) {
    const Survey& survey = surveys_.at(file.number);
    if (survey.needed_bytes > survey.file_bytes / 2) continue;
    // Until then only its spans say that what segments hold of the log is void.
    if (survey.needed_bytes == 0 && journal.has_logs_to_begin()) continue;
    if (survey.needed_bytes == 0) return Work{Work::Kind::drop, {kept(file)}};
    return rewrite(journal, file);
  }
  return std::nullopt;
}

}  // namespace pawl::node
