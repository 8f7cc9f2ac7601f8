#include "tests/node/remnants.h"

#include <cstring>
#include <optional>
#include <string_view>

#include "codecs/entry.h"
#include "engine/event_bytes.h"
#include "log/format.h"
#include "log/frame.h"
#include "log/frame_contents.h"
#include "log/segment_reader.h"
#include "log/snapshot_file.h"

namespace pawl::node {
namespace {

// The frame that stands at `at`, wherever it was meant to stand.
bool frame_at(const std::string& bytes, std::size_t at, const log::StoreId& store_id,
              log::FrameHeader* header, std::string_view* payload) {
  constexpr std::size_t kSegmentAt = 24, kOffsetAt = 32;
  std::uint32_t magic = 0, offset = 0;
  std::uint64_t segment = 0;
  std::memcpy(&magic, bytes.data() + at, sizeof magic);
  if (magic != log::format::kFrameMagic) return false;
  std::memcpy(&segment, bytes.data() + at + kSegmentAt, sizeof segment);
  std::memcpy(&offset, bytes.data() + at + kOffsetAt, sizeof offset);
  const std::uint32_t seed = log::frame_seed(store_id, segment);
  return log::frame_in(std::string_view(bytes).substr(at), seed, segment, offset, header,
                       payload) == log::FrameState::kWhole;
}

// The run's data was deleted, and the mark says that nothing of it is left.
bool is_gone(const Node& node, GroupId group, Index run) {
  for (const engine::Deletion& deletion : node.group(group).tables().deletions()) {
    if (deletion.run == run) return deletion.entry <= node.group(group).scrubbed_to();
  }
  return false;
}

// An event says the same when it is scrubbed, unless it has a value.
bool has_values(std::string_view payload) {
  codecs::Entry entry;
  std::string error;
  std::vector<engine::Event> events;
  if (!codecs::decode_entry(payload, &entry, &error)) return false;
  if (!engine::decode_events(entry.events, nullptr, entry.first_seq, &events).ok()) return false;
  for (engine::Event& event : events) engine::scrub(&event, {{}, entry.first_seq, entry.time});
  std::string scrubbed;
  engine::encode_events(events, &scrubbed);
  return scrubbed != entry.events;
}

}  // namespace

std::string Remnants::find(const log::MemoryFileSystem& files, const log::StoreId& store_id,
                           const Node& node) {
  log::FrameHeader header;
  std::string_view payload;
  for (const std::string& path : files.paths()) {
    const std::string& bytes = files.contents(path);
    const std::size_t at = log::format::kSegmentHeaderBytes;
    if (bytes.size() <= at + log::format::kFrameFixedBytes) continue;
    if (!frame_at(bytes, at, store_id, &header, &payload)) continue;
    if ((header.flags & log::format::kFrameFlagDictionary) == 0) continue;
    dictionaries_[header.dictionary] = log::Dictionary::make(std::string(payload));
  }
  for (const std::string& path : files.paths()) {
    std::string found = look(path, files.contents(path), store_id, node);
    if (!found.empty()) return found;
  }
  log::MemoryFileSystem copy = files.copy();
  for (std::uint16_t g = 0; g < node.group_count(); ++g) {
    const engine::Tables& tables = node.group(GroupId(g)).tables();
    const std::string directory = files.paths().front().substr(0, files.paths().front().rfind('/'));
    const auto indexes = log::list_snapshots(copy, directory, GroupId(g));
    for (const engine::Deletion& deletion : tables.deletions()) {
      if (deletion.entry > node.group(GroupId(g)).scrubbed_to() || !indexes.ok()) break;
      for (const Index index : *indexes) {
        if (index < deletion.entry) return "a snapshot from before a deletion";
      }
    }
  }
  return "";
}

std::string Remnants::look(const std::string& path, const std::string& bytes,
                           const log::StoreId& store_id, const Node& node) {
  log::FrameHeader header;
  log::FrameContents contents;
  std::string_view stored, raw;
  for (std::size_t at = 0; at + log::format::kFrameFixedBytes <= bytes.size();
       at += log::format::kFrameAlignment) {
    if (!frame_at(bytes, at, store_id, &header, &stored) || header.ranges.empty()) continue;
    const auto dictionary = dictionaries_.find(header.dictionary);
    const bool known = header.dictionary == 0 || dictionary != dictionaries_.end();
    if (!known) return path + " has a frame whose dictionary nobody knows";
    const log::Dictionary* with = header.dictionary == 0 ? nullptr : dictionary->second.get();
    if (!contents.read(header, stored, with, &raw).ok()) continue;
    std::string found;
    (void)log::walk_entries(
        header, raw, [&](const log::Range& range, Index index, std::string_view payload) {
          const Index run = payload.empty() ? Index(0) : codecs::run_of_entry(payload);
          if (run.v == 0 || !is_gone(node, range.group, run) || !has_values(payload)) {
            return absl::OkStatus();
          }
          found = path + " at " + std::to_string(at) + " still has entry " +
                  std::to_string(index.v) + " of group " + std::to_string(range.group.v) +
                  ", of run " + std::to_string(run.v) + " whose data was deleted";
          return absl::OkStatus();
        });
    if (!found.empty()) return found;
  }
  return "";
}

}  // namespace pawl::node
