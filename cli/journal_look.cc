#include "cli/journal_look.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/feature_level.h"
#include "base/limits.h"
#include "codecs/json.h"
#include "log/names.h"
#include "log/snapshot_file.h"

namespace pawl::cli {
namespace {

// What the reader of a snapshot says of a damaged one: "read PATH: WHAT at offset N; REMEDY".
log::Finding finding_of(const std::string& path, const absl::Status& status) {
  std::string text(status.message());
  const std::string before = "read " + path + ": ";
  if (text.starts_with(before)) text.erase(0, before.size());
  log::Finding finding;
  finding.path = path;
  finding.remedy = "check the disk";
  if (const std::size_t at = text.find("; "); at != std::string::npos) {
    finding.remedy = text.substr(at + 2);
    text.erase(at);
  }
  const std::string_view kOffset = " at offset ";
  if (const std::size_t at = text.rfind(kOffset); at != std::string::npos) {
    finding.offset = std::strtoull(text.c_str() + at + kOffset.size(), nullptr, 10);
    text.erase(at);
  }
  finding.what = std::move(text);
  return finding;
}

}  // namespace

Progress::Progress(const Session& session, std::string what)
    : on_(session.error_terminal()), what_(std::move(what)) {}

Progress::~Progress() {
  if (percent_ >= 0) std::fputs("\r\033[K", stderr);
}

void Progress::show(std::uint64_t done, std::uint64_t total) {
  constexpr std::uint64_t kWorthIt = 64 * limits::MiB;
  if (!on_ || total < kWorthIt) return;
  const int percent = static_cast<int>(100 * done / total);
  if (percent == percent_) return;
  percent_ = percent;
  std::fprintf(stderr, "\r%s: %d %% of %s", what_.c_str(), percent, bytes_text(total).c_str());
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 10'000) return std::to_string(bytes) + " bytes";
  char text[32];
  const bool large = bytes >= limits::MiB;
  std::snprintf(text, sizeof text, "%.1f %s",
                static_cast<double>(bytes) / static_cast<double>(large ? limits::MiB : limits::KiB),
                large ? "MiB" : "KiB");
  return text;
}

std::string store_text(const log::StoreId& store) { return daemon::to_hex(store); }

JournalLook::JournalLook(Session& session, std::string directory)
    : session_(session), directory_(std::move(directory)) {}

absl::Status JournalLook::read_store_file() {
  const absl::StatusOr<daemon::StoreIdentity> store = daemon::read_store(files_, directory_);
  if (store.ok()) {
    store_ = *store;
    return absl::OkStatus();
  }
  if (absl::IsFailedPrecondition(store.status()) || absl::IsPermissionDenied(store.status())) {
    return store.status();
  }
  log::Finding finding;
  finding.path = log::join(directory_, "store");
  finding.what = absl::IsNotFound(store.status()) ? "the file is missing" : "the file is damaged";
  finding.remedy = "restore the store from a backup";
  add(std::move(finding));
  return absl::OkStatus();
}

absl::Status JournalLook::read() {
  const absl::StatusOr<std::vector<log::FileInfo>> listed = files_.list(directory_);
  if (!listed.ok()) return listed.status();
  const bool is_store = std::any_of(listed->begin(), listed->end(), [](const log::FileInfo& file) {
    return file.name == "store" || log::parse_segment_name(file.name);
  });
  if (!is_store) {
    return absl::NotFoundError("there is no store in " + directory_ +
                               "\nhint: name the data directory of a box");
  }
  if (absl::Status s = read_store_file(); !s.ok()) return s;
  progress_ = std::make_unique<Progress>(session_, "reading");
  scan_ = std::make_unique<log::JournalScan>(
      files_, directory_, store_ ? store_->id : log::StoreId{}, kFeatureLevel,
      [this](log::Finding finding) { add(std::move(finding)); },
      [this](std::uint64_t done, std::uint64_t total) { progress_->show(done, total); });
  // Before the journal: a daemon that writes has entries up to these in what is read afterwards, or
  // had them in segments that are given up.
  const std::vector<SnapshotName> names = list_snapshots();
  if (absl::Status s = scan_->read(); !s.ok()) return s;
  if (scan_->segments().empty()) {
    log::Finding finding = log::damage_finding(directory_, 0, "there are no segments");
    if (store_) add(std::move(finding));
  }
  for (const auto& [group, index] : names) read_snapshot(group, index);
  check_gaps();
  return absl::OkStatus();
}

std::vector<JournalLook::SnapshotName> JournalLook::list_snapshots() {
  std::vector<SnapshotName> names;
  for (int g = 0; g < limits::kGroupsMax; ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    const auto indexes = log::list_snapshots(files_, directory_, group);
    if (!indexes.ok()) continue;
    for (const Index index : *indexes) names.emplace_back(group, index);
  }
  return names;
}

void JournalLook::read_snapshot(GroupId group, Index index) {
  SeenSnapshot seen;
  seen.group = group;
  seen.index = index;
  seen.name = log::snapshot_name(group, index);
  const std::string path = log::join(directory_, seen.name);
  auto reader = log::SnapshotReader::open(files_, path, scan_->store_id());
  if (absl::IsNotFound(reader.status())) return;  // an older one, removed by the daemon meanwhile
  if (!reader.ok()) {
    add(finding_of(path, reader.status()));
  } else {
    const log::SnapshotHeader& header = (*reader)->header();
    seen.whole = header.group == group && header.index == index;
    seen.term = header.term;
    seen.feature_level = header.feature_level;
    seen.bytes = (*reader)->content_bytes();
    if (!seen.whole) {
      log::Finding finding;
      finding.path = path;
      finding.offset = 32;
      finding.what = "the snapshot is of another group or index: renamed or copied";
      finding.remedy = "remove this file";
      add(std::move(finding));
    }
  }
  snapshots_.push_back(std::move(seen));
}

// A snapshot that came from another box while the journal was read stands for what is missing in
// it.
bool JournalLook::is_covered_since(const log::IndexGap& gap) {
  const auto indexes = log::list_snapshots(files_, directory_, gap.group);
  return indexes.ok() && !indexes->empty() && indexes->front().next() >= gap.before;
}

void JournalLook::check_gaps() {
  for (const log::IndexGap& gap : scan_->gaps()) {
    const bool covered =
        std::any_of(snapshots_.begin(), snapshots_.end(), [&gap](const SeenSnapshot& snapshot) {
          return snapshot.whole && snapshot.group == gap.group &&
                 snapshot.index.next() >= gap.before;
        });
    if (covered) continue;
    if (is_covered_since(gap)) {
      add(log::Finding{gap.path, gap.offset,
                       "the log of group " + std::to_string(gap.group.v) +
                           " was begun anew by another box while it was read",
                       "", false, true});
      continue;
    }
    add(log::damage_finding(gap.path, gap.offset,
                            "entries " + std::to_string(gap.after.v + 1) + " to " +
                                std::to_string(gap.before.v - 1) + " of group " +
                                std::to_string(gap.group.v) +
                                " are missing, and no snapshot holds them"));
  }
}

void JournalLook::add(log::Finding finding) {
  damages_ += finding.damage ? 1 : 0;
  passing_ |= finding.passing;
  if (findings_.size() < limits::kFindingsShownMax) {
    findings_.push_back(std::move(finding));
  } else {
    ++hidden_;
  }
}

std::string JournalLook::findings_json() const {
  std::string out;
  codecs::JsonWriter w(&out);
  w.begin_array();
  for (const log::Finding& finding : findings_) {
    w.begin_object().field("damage", finding.damage).field("file", finding.path);
    w.field("offset", finding.offset).field("what", finding.what);
    w.field("remedy", finding.remedy).end_object();
  }
  w.end_array();
  return out;
}

void JournalLook::print_findings() {
  std::string text;
  for (const log::Finding& finding : findings_) {
    text += paint(finding.damage ? "damage" : "note", finding.damage ? Colour::red : Colour::dim,
                  session_.colour());
    text += ": " + printable(finding.path) + ", offset " + std::to_string(finding.offset) + ": " +
            finding.what + "\n";
    if (!finding.remedy.empty()) text += "        " + finding.remedy + "\n";
  }
  if (hidden_ > 0) text += "and " + std::to_string(hidden_) + " more that are not shown\n";
  session_.print(text);
}

int JournalLook::exit_status() {
  if (damages_ == 0) return kDone;
  return session_.refuse(kFailed,
                         printable(directory_) + " is damaged in " + std::to_string(damages_) +
                             (damages_ == 1 ? " place" : " places") +
                             "\nhint: each stands above with what to do; a daemon starts on it "
                             "only if no byte that was promised is among them");
}

}  // namespace pawl::cli
