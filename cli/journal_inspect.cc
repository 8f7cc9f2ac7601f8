// `pawl journal inspect`: what files there are and what they hold.
#include <map>

#include "cli/journal_look.h"
#include "codecs/json.h"
#include "log/names.h"

namespace pawl::cli {
namespace {

// A group's part of the whole journal.
struct GroupSum {
  Index first;
  Index last;
  std::uint64_t entries = 0;
  std::optional<log::HardState> state;
};

std::map<GroupId, GroupSum> groups_of(const log::JournalScan& scan) {
  std::map<GroupId, GroupSum> groups;
  for (const log::ScannedSegment& segment : scan.segments()) {
    for (const log::GroupSpan& span : segment.groups) {
      GroupSum& sum = groups[span.group];
      sum.first = sum.entries == 0 ? span.first : std::min(sum.first, span.first);
      sum.last = std::max(sum.last, span.last);
      sum.entries += span.entries;
    }
  }
  for (std::size_t g = 0; g < scan.states().size(); ++g) {
    if (scan.states()[g]) groups[GroupId(static_cast<std::uint16_t>(g))].state = scan.states()[g];
  }
  return groups;
}

void write_segment(codecs::JsonWriter* w, const log::ScannedSegment& segment) {
  w->begin_object()
      .field("segment", segment.number)
      .field("file", log::segment_name(segment.number));
  w->field("file_bytes", segment.file_bytes).field("used_bytes", std::uint64_t{segment.used_bytes});
  w->field("frames", segment.frames).field("entries", segment.entries);
  w->field("stored_bytes", segment.stored_bytes).field("raw_bytes", segment.raw_bytes);
  w->field("dictionary", std::uint64_t{segment.dictionary});
  w->field("feature_level", std::uint64_t{segment.feature_level});
  w->field("recycled", segment.recycled).field("sealed", segment.sealed);
  w->field("readable", !segment.foreign && !segment.gone);
  w->plain_key("groups").begin_array();
  for (const log::GroupSpan& span : segment.groups) {
    w->begin_object().field("group", std::uint64_t{span.group.v}).field("first", span.first.v);
    w->field("last", span.last.v).field("entries", span.entries).end_object();
  }
  w->end_array().end_object();
}

void write_files(codecs::JsonWriter* w, std::string_view key,
                 const std::vector<log::ScannedFile>& files) {
  w->plain_key(key).begin_array();
  for (const log::ScannedFile& file : files) {
    w->begin_object().field("number", file.number).field("file_bytes", file.bytes).end_object();
  }
  w->end_array();
}

void write_kept(codecs::JsonWriter* w, const log::KeptFiles& kept) {
  w->key("kept").begin_array();
  for (const log::KeptFile& file : kept.files()) {
    w->begin_object().field("name", log::segment_name(file.number)).field("bytes", file.bytes);
    w->field("entries", file.entries).field("runs", file.runs);
    w->key("groups").begin_array();
    for (const log::KeptSpan& span : file.spans) {
      w->begin_object().field("group", std::uint64_t{span.group.v}).field("after", span.from.v);
      w->field("through", span.through.v).end_object();
    }
    w->end_array().end_object();
  }
  w->end_array();
}

void write_groups(codecs::JsonWriter* w, const log::JournalScan& scan) {
  w->plain_key("groups").begin_array();
  for (const auto& [group, sum] : groups_of(scan)) {
    w->begin_object().field("group", std::uint64_t{group.v});
    w->field("first", sum.first.v).field("last", sum.last.v).field("entries", sum.entries);
    if (sum.state) w->field("term", sum.state->term.v).field("vote", sum.state->vote.v);
    w->end_object();
  }
  w->end_array();
}

std::string as_json(JournalLook& look) {
  const log::JournalScan& scan = look.scan();
  std::string out;
  codecs::JsonWriter w(&out);
  w.begin_object().field("data", look.directory()).field("store", store_text(scan.store_id()));
  if (look.store()) {
    w.field("box", look.store()->box.v);
    w.field("run_groups", std::uint64_t{look.store()->run_groups});
  }
  w.field("oldest_segment", scan.oldest_segment()).field("torn_bytes", scan.torn_bytes());
  w.plain_key("segments").begin_array();
  for (const log::ScannedSegment& segment : scan.segments()) write_segment(&w, segment);
  w.end_array();
  write_kept(&w, scan.kept());
  write_files(&w, "given_up", scan.leftovers());
  write_files(&w, "spares", scan.spares());
  write_groups(&w, scan);
  w.plain_key("snapshots").begin_array();
  for (const SeenSnapshot& snapshot : look.snapshots()) {
    w.begin_object().field("group", std::uint64_t{snapshot.group.v});
    w.field("index", snapshot.index.v).field("term", snapshot.term.v);
    w.field("feature_level", std::uint64_t{snapshot.feature_level});
    w.field("bytes", snapshot.bytes).field("file", snapshot.name);
    w.field("whole", snapshot.whole).end_object();
  }
  w.end_array().plain_key("findings").raw(look.findings_json()).end_object();
  return out;
}

std::string segment_table(const log::JournalScan& scan, bool colour) {
  Table table({"SEGMENT", "FILE", "USED", "FRAMES", "ENTRIES", "UNPACKED", "LEVEL", "STATE"});
  for (const log::ScannedSegment& segment : scan.segments()) {
    std::string state = segment.gone                                      ? "given up meanwhile"
                        : segment.foreign                                 ? "unreadable"
                        : segment.sealed                                  ? "sealed"
                        : segment.number == scan.segments().back().number ? "current"
                                                                          : "ended";
    if (segment.recycled) state += ", recycled";
    if (!segment.damaged.empty()) state += ", damaged";
    table.add({log::segment_name(segment.number), bytes_text(segment.file_bytes),
               bytes_text(segment.used_bytes), std::to_string(segment.frames),
               std::to_string(segment.entries), bytes_text(segment.raw_bytes),
               std::to_string(segment.feature_level), state});
  }
  return table.render(colour);
}

std::string group_table(const JournalLook& look, const log::JournalScan& scan, bool colour) {
  Table table({"GROUP", "FIRST", "LAST", "ENTRIES", "TERM", "VOTE", "SNAPSHOTS"});
  for (const auto& [group, sum] : groups_of(scan)) {
    std::string snapshots;
    for (const SeenSnapshot& snapshot : look.snapshots()) {
      if (snapshot.group != group) continue;
      snapshots += (snapshots.empty() ? "" : ", ") + std::to_string(snapshot.index.v) +
                   (snapshot.whole ? " (" + bytes_text(snapshot.bytes) + ")" : " (damaged)");
    }
    table.add({std::to_string(group.v), std::to_string(sum.first.v), std::to_string(sum.last.v),
               std::to_string(sum.entries), sum.state ? std::to_string(sum.state->term.v) : "",
               sum.state ? std::to_string(sum.state->vote.v) : "", snapshots});
  }
  return table.render(colour);
}

std::string files_text(const log::JournalScan& scan) {
  std::string text;
  std::uint64_t spare_bytes = 0;
  for (const log::ScannedFile& spare : scan.spares()) spare_bytes += spare.bytes;
  text += "Spares: " + std::to_string(scan.spares().size()) + ", " + bytes_text(spare_bytes) + "\n";
  if (!scan.kept().files().empty()) {
    text += "Kept of segments that were given up: " + std::to_string(scan.kept().files().size()) +
            (scan.kept().files().size() == 1 ? " file, " : " files, ") +
            bytes_text(scan.kept().bytes()) + "\n";
  }
  if (!scan.leftovers().empty()) {
    text += "Given up and not yet renamed: " + std::to_string(scan.leftovers().size()) + "\n";
  }
  if (scan.torn_bytes() > 0) {
    text += "Behind the last frame: " + bytes_text(scan.torn_bytes()) +
            " never promised, or being written now\n";
  }
  return text;
}

}  // namespace

int inspect_journal(Session& session, JournalLook& look) {
  if (session.json()) {
    session.print_json(as_json(look));
    return look.exit_status();
  }
  const log::JournalScan& scan = look.scan();
  std::string text = "Store " + store_text(scan.store_id());
  if (look.store()) {
    text += ", box " + std::to_string(look.store()->box.v) + ", " +
            std::to_string(look.store()->run_groups) + " run groups";
  }
  text += ": " + printable(look.directory()) + "\n\n";
  text += segment_table(scan, session.colour()) + files_text(scan) + "\n";
  text += group_table(look, scan, session.colour());
  session.print(text);
  look.print_findings();
  return look.exit_status();
}

}  // namespace pawl::cli
