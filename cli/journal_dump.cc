// `pawl journal dump`: every entry as a line of JSON, in the order of the journal.
#include <charconv>
#include <set>

#include "base/limits.h"
#include "cli/journal_look.h"
#include "codecs/entry.h"
#include "codecs/entry_json.h"
#include "engine/event_bytes.h"
#include "log/names.h"

namespace pawl::cli {
namespace {

// What is printed.
class Filter {
 public:
  // False if a number is none.
  bool take(const JournalWish& wish) {
    std::uint64_t group = 0;
    if (wish.group && (!is_number(*wish.group, &group) || group >= limits::kGroupsMax))
      return false;
    if (wish.group) group_ = GroupId(static_cast<std::uint16_t>(group));
    if (wish.from && !is_number(*wish.from, &from_)) return false;
    if (wish.to && !is_number(*wish.to, &to_)) return false;
    if (!wish.run) return true;
    by_run_ = true;
    RunUid uid;
    if (parse_run_uid(*wish.run, &uid)) runs_.insert(uid);
    id_ = *wish.run;  // an id may read like a uid
    return true;
  }

  bool wants(const log::ScannedEntry& entry, std::string_view payload) {
    if (group_ && entry.group != *group_) return false;
    // A run of the id is known by its start, wherever that is.
    const bool of_run = !by_run_ || is_of_run(entry, payload);
    return of_run && entry.index.v >= from_ && entry.index.v <= to_;
  }

 private:
  static bool is_number(const std::string& text, std::uint64_t* number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
    return !text.empty() && error == std::errc{} && end == text.data() + text.size();
  }

  bool is_of_run(const log::ScannedEntry& scanned, std::string_view payload) {
    codecs::Entry entry;
    std::string error;
    if (payload.empty() || !codecs::decode_entry(payload, &entry, &error)) return false;
    if (entry.run.v == 0) return false;
    const RunUid uid{scanned.group, entry.run};
    if (entry.run == scanned.index && starts(entry)) runs_.insert(uid);
    return runs_.contains(uid);
  }

  bool starts(const codecs::Entry& entry) const {
    std::vector<engine::Event> events;
    if (!engine::decode_events(entry.events, nullptr, entry.first_seq, &events).ok()) return false;
    const auto* started = events.empty() ? nullptr : std::get_if<engine::RunStarted>(&events[0]);
    return started != nullptr && started->id == id_;
  }

  std::optional<GroupId> group_;
  std::uint64_t from_ = 0;
  std::uint64_t to_ = ~std::uint64_t{0};
  bool by_run_ = false;
  std::string id_;
  std::set<RunUid> runs_;
};

}  // namespace

int dump_journal(Session& session, JournalLook& look, const JournalWish& wish) {
  Filter filter;
  if (!filter.take(wish)) {
    return session.refuse(kUsage,
                          "--group, --from and --to take numbers\nhint: `pawl journal inspect` "
                          "shows which indexes each group has");
  }
  constexpr std::size_t kPrintedAtOnce = 256 * limits::KiB;
  std::string lines;
  const absl::Status status = look.scan().entries([&](const log::ScannedEntry& entry,
                                                      std::string_view payload) -> absl::Status {
    if (!filter.wants(entry, payload)) return absl::OkStatus();
    const codecs::EntryPosition position{entry.group,         entry.term,         entry.index,
                                         entry.frame.segment, entry.frame.offset, entry.replaced};
    const absl::Status shown = codecs::append_entry(position, payload, &lines);
    if (!shown.ok()) {
      look.add(log::damage_finding(
          log::join(look.directory(), log::segment_name(entry.frame.segment)), entry.frame.offset,
          "entry " + std::to_string(entry.index.v) + " of group " + std::to_string(entry.group.v) +
              ": " + std::string(shown.message())));
      return absl::OkStatus();
    }
    lines.push_back('\n');
    if (lines.size() < kPrintedAtOnce) return absl::OkStatus();
    session.print(lines);
    lines.clear();
    return absl::OkStatus();
  });
  session.print(lines);
  if (!status.ok()) return session.refuse(kFailed, std::string(status.message()));
  // stdout is for entries alone.
  for (const log::Finding& finding : look.findings()) {
    session.note((finding.damage ? "damage: " : "note: ") + printable(finding.path) + ", offset " +
                 std::to_string(finding.offset) + ": " + finding.what);
  }
  return look.exit_status();
}

}  // namespace pawl::cli
