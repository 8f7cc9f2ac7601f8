#include "tests/node/host.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <stdexcept>

#include "base/check.h"
#include "base/feature_level.h"
#include "base/limits.h"
#include "codecs/entry.h"
#include "codecs/json.h"
#include "dsl/definition.h"
#include "engine/event_bytes.h"
#include "engine/evolve.h"
#include "log/format.h"
#include "log/mending.h"
#include "log/names.h"
#include "log/place_reader.h"
#include "log/scrub_mark.h"
#include "log/transfer_file.h"
#include "node/needed.h"
#include "node/rebuilding.h"
#include "tests/log/journal_model.h"

namespace pawl::node {
namespace {

constexpr std::int64_t kRoomLookMs = 50;

// A failure is thrown: Boost.Test reports it, the storm catches it.
void require(bool holds, const std::string& otherwise) {
  if (!holds) throw std::runtime_error(otherwise);
}

// Passes everything on but, after the first few, the syncs.
class LyingDisk final : public log::FileSystem {
 public:
  LyingDisk(log::MemoryFileSystem* files, std::uint64_t honest) : files_(*files), honest_(honest) {}
  absl::StatusOr<std::vector<log::FileInfo>> list(const std::string& directory) override {
    return files_.list(directory);
  }
  absl::StatusOr<std::size_t> read(const std::string& path, std::uint64_t offset, char* out,
                                   std::size_t bytes) override {
    return files_.read(path, offset, out, bytes);
  }
  absl::Status write(const std::string& path, std::uint64_t offset,
                     std::string_view bytes) override {
    return files_.write(path, offset, bytes);
  }
  absl::Status allocate(const std::string& path, std::uint64_t offset, std::uint64_t bytes,
                        log::Preallocate how) override {
    return files_.allocate(path, offset, bytes, how);
  }
  absl::Status sync(const std::string& path) override {
    return honest_-- > 0 ? files_.sync(path) : absl::OkStatus();
  }
  absl::Status rename(const std::string& from, const std::string& to) override {
    return files_.rename(from, to);
  }
  absl::Status remove(const std::string& path) override { return files_.remove(path); }
  absl::Status sync_directory(const std::string& directory) override {
    return files_.sync_directory(directory);
  }

 private:
  log::MemoryFileSystem& files_;
  std::int64_t honest_;
};

// The file is the transfer that was made of this snapshot, and no other took its place.
bool holds_transfer(const log::MemoryFileSystem& files, const std::string& path,
                    const raft::Snapshot& snapshot) {
  if (!files.exists(path)) return false;
  const std::string& bytes = files.contents(path);
  const std::size_t hash_bytes = snapshot.hash.size();
  return bytes.size() == snapshot.bytes && bytes.size() >= hash_bytes &&
         std::memcmp(bytes.data() + bytes.size() - hash_bytes, snapshot.hash.data(), hash_bytes) ==
             0;
}

// Reads every run of the journal with nothing of the node: decoded events and their chain.
class Reader final : public log::RecoverySink {
 public:
  struct Seen {
    std::string id;
    engine::Salt salt;
    Digest hash{};
    Seq seq;
    Index last_entry;
    std::vector<std::string> names;
  };
  std::map<RunUid, Seen> runs;

  absl::Status on_hard_state(GroupId, const log::HardState&) override { return absl::OkStatus(); }
  absl::Status on_entry(GroupId group, Term, Index index, std::string_view payload) override {
    if (payload.empty()) return absl::OkStatus();
    codecs::Entry entry;
    std::string error;
    if (!codecs::decode_entry(payload, &entry, &error)) return absl::DataLossError(error);
    for (const Index run : entry.forgets) {
      if (runs.erase({group, run}) == 0) return absl::DataLossError("a run is forgotten twice");
    }
    if (entry.events.empty()) return absl::OkStatus();
    std::vector<engine::Event> events;
    if (auto s = engine::decode_events(entry.events, nullptr, entry.first_seq, &events); !s.ok()) {
      return s;
    }
    Seen& run = runs[{group, entry.run}];
    const auto continued = engine::generation_begun(events.front());
    if (continued && continued->before_hash != run.hash) {
      return absl::DataLossError("a generation begins on another hash than the last one ended on");
    }
    if (entry.previous != (continued ? Index(0) : run.last_entry) ||
        entry.first_seq != run.seq.next()) {
      return absl::DataLossError("an entry does not name the run's entry before it");
    }
    run.last_entry = index;
    for (const engine::Event& event : events) {
      if (const auto* started = std::get_if<engine::RunStarted>(&event)) {
        run.id = started->id;
        run.salt = started->salt;
      }
      run.seq = run.seq.next();
      engine::HashScratch scratch;
      run.hash = engine::chain_event(run.hash, event, {run.salt, run.seq, entry.time}, &scratch);
      run.names.emplace_back(engine::event_name(event));
    }
    return absl::OkStatus();
  }
};

}  // namespace

dsl::Value json(std::string_view text) {
  dsl::Value value;
  codecs::JsonError error;
  require(codecs::parse_json(text, &value, &error), std::string(text) + ": " + error.message);
  return value;
}

NodeOptions with_rest(NodeOptions options) {
  Random random(options.seed);
  if (random.chance(0.4)) return options;
  options.runs_awake_max = random.below(6);
  options.runs_awake_crowd = random.chance(0.5) ? random.below(8) : limits::kRunsAwakeCrowd;
  options.run_rest_ms = random.chance(0.5) ? 0 : random.between(1, 3'000);
  return options;
}

GroupSnapshot snapshot_of(Node* node, GroupId group) {
  const std::unique_ptr<Freeze> freeze = node->freeze(group);
  GroupSnapshot snapshot{group, freeze->index(), freeze->term(), ""};
  for (bool more = true; more;) {
    engine::FrozenSlice slice;
    more = freeze->next(1'000, limits::MiB, &slice);
    while (engine::encode_slice(&slice, limits::MiB, &snapshot.bytes)) continue;
  }
  return snapshot;
}

Copying::Copying(Node* node, GroupId group)
    : expected_(snapshot_of(node, group)), freeze_(node->freeze(group)) {}

bool Copying::go_on(std::size_t runs_max, std::size_t bytes_max) {
  engine::FrozenSlice slice;
  if (freeze_->next(runs_max, bytes_max, &slice)) {
    while (engine::encode_slice(&slice, bytes_max, &bytes_)) continue;
    return true;
  }
  engine::encode_slice(&slice, bytes_max, &bytes_);
  require(bytes_ == expected_.bytes, "a copy of group " + std::to_string(expected_.group.v) +
                                         " is not as it was when it began");
  freeze_.reset();
  return false;
}

Thawed thawed(GroupId group, std::string_view bytes, std::size_t piece) {
  Thaw thaw(group, /*verified=*/true);  // as from a file
  std::string error;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    require(thaw.feed(bytes.substr(at, piece), &error), error);
  }
  auto result = std::move(thaw).finish(&error);
  require(result.has_value(), error);
  return std::move(*result);
}

Host::Host(std::uint16_t run_groups, std::uint64_t seed)
    : Host(NodeOptions{NodeId(1), {}, run_groups, seed}) {}

Host::Host(const NodeOptions& options) : chance(options.seed), options_(options) {}

log::JournalOptions Host::journal_options() const {
  log::JournalOptions made = log::small_options();
  made.snapshots.emplace();
  for (const auto& [index, term] : snapshot_places) made.snapshots->push_back(index);
  made.rebuilds = rebuilds;
  return made;
}

// As boot() would, and nothing comes of it but what opening does.
absl::Status Host::try_open(std::vector<GroupId>* lacking) {
  auto read = log::read_rebuilds(files, log::kDirectory, log::test_store());
  if (!read.ok()) return read.status();
  NodeOptions options = options_;
  options.rebuilds = rebuilds = *std::move(read);
  Node tried(options);
  restore_snapshots(&tried);
  const auto opened = log::Journal::open(files, journal_options(), tried.recovery(), nullptr);
  absl::Status status = opened.status();
  if (status.ok()) tried.start(opened->get(), now);
  for (std::size_t g = 0; g < tried.group_count(); ++g) {
    const Group& group = tried.group(GroupId(static_cast<std::uint16_t>(g)));
    if (group.lacks_beginning()) lacking->push_back(group.id());
    if (status.ok() && !group.fatal().empty()) status = absl::DataLossError(group.fatal());
  }
  return status;
}

bool Host::mend() {
  const std::size_t groups = options_.run_groups + std::size_t{1};
  for (std::size_t tries = 0; tries < groups + 2; ++tries) {
    std::vector<GroupId> lacking;
    if (try_open(&lacking).ok()) return true;
    const auto found = log::survey(files, log::kDirectory, log::test_store(), kFeatureLevel, groups,
                                   rebuilds, nullptr);
    if (!found.ok() || !votes_lost(*found).empty()) return false;
    std::uint64_t kept_from = log::format::kKeptNumberBase + 1;
    std::vector<std::string> damaged_kept;
    for (const std::string& path : files.paths()) {
      const auto kept = log::parse_kept_name(path.substr(path.find('/') + 1));
      if (!kept) continue;
      kept_from = std::max(kept_from, *kept + 1);
      const absl::Status read =
          log::read_whole_kept_file(files, log::kDirectory, log::test_store(), kFeatureLevel, *kept,
                                    files.contents(path).size())
              .status();
      if (absl::IsDataLoss(read)) damaged_kept.push_back(path);
    }
    for (std::size_t g = 0; g < groups && !damaged_kept.empty(); ++g) {
      lacking.emplace_back(static_cast<std::uint16_t>(g));
    }
    const auto anew = rebuilds_for(*found, lacking, rebuilds, kept_from);
    if (anew.empty() && !found->damages()) return false;
    const absl::Status lowered =
        log::lower_scrub_mark(files, log::kDirectory, log::test_store(), groups, anew);
    require(lowered.ok(), lowered.ToString());
    for (const log::Rebuild& rebuild : anew) {
      const std::size_t g = rebuild.group.v;
      if (g < snapshots.size()) snapshots[g].clear();
      if (g < snapshot_places.size()) snapshot_places[g] = {};
      absl::Status written = log::write_rebuild(files, log::kDirectory, log::test_store(), rebuild);
      require(written.ok(), written.ToString());
    }
    const absl::Status mended = log::mend(files, log::kDirectory, *found);
    require(mended.ok(), mended.ToString());
    for (const std::string& path : damaged_kept) files.forget(path);
  }
  return false;
}

void Host::boot(bool only_open) {
  require(node == nullptr, "node == nullptr");
  if (planted.drops_syncs && lying == nullptr) {
    lying = std::make_unique<LyingDisk>(&files, static_cast<std::uint64_t>(40));
  }
  NodeOptions options = options_;
  options.seed = options_.seed * 1000 + ++boots_;
  if (auto read = log::read_rebuilds(files, log::kDirectory, log::test_store()); read.ok()) {
    options.rebuilds = rebuilds = *std::move(read);
  }
  node = std::make_unique<Node>(options);
  restore_snapshots(node.get());
  auto opened = log::Journal::open(disk(), journal_options(), node->recovery(), nullptr);
  require(opened.ok(), opened.status().ToString());
  journal = std::move(*opened);
  node->start(journal.get(), now);
  std::vector<Index> mark =
      log::read_scrub_mark(files, journal->directory(), journal->store_id(), node->group_count());
  for (std::uint16_t g = 0; g < mark.size(); ++g) {
    mark[g] = std::min(
        mark[g], std::max(journal->last_index(GroupId(g)), node->group(GroupId(g)).applied()));
  }
  const bool says = std::any_of(mark.begin(), mark.end(), [](Index i) { return i.v > 0; });
  node->scrubbed(mark);
  const std::string left = says ? remnants.find(files, journal->store_id(), *node) : "";
  require(left.empty(), left);
  if (only_open) return;
  drain();
  require(node->ready(), "node->ready()");
}

void Host::restore_snapshots(Node* to) const {
  for (std::size_t g = 0; g < snapshots.size(); ++g) {
    if (snapshots[g].empty()) continue;
    const auto [index, term] = snapshot_places[g];
    to->restore_snapshot(thawed(GroupId(static_cast<std::uint16_t>(g)), snapshots[g]), index, term);
  }
}

std::string Host::boot_refused() {
  require(node == nullptr, "node == nullptr");
  Node refusing(options_);
  restore_snapshots(&refusing);
  const auto opened = log::Journal::open(disk(), journal_options(), refusing.recovery(), nullptr);
  if (!opened.ok()) return std::string(opened.status().message());
  refusing.start(opened->get(), now);
  for (std::size_t g = 0; g < refusing.group_count(); ++g) {
    const Group& group = refusing.group(GroupId(static_cast<std::uint16_t>(g)));
    if (!group.fatal().empty()) return group.fatal();
  }
  throw std::runtime_error("the store was not refused");
}

void Host::crash() {
  kill();
  files.crash(&chance);
}

void Host::kill() {
  copies.clear();
  compaction = Compaction(1);
  scrubbing = Scrubbing(0);
  node.reset();
  journal.reset();
  batch_ = nullptr;
  room = DiskRoom(kReserveBytes / 2);
  look_at_ms_ = 0;
  loads.clear();
  frames.clear();
  entry_reads.clear();
  snapshot_work.clear();
}

RequestId Host::ask(Operation operation, const Asking& asking) {
  Request request;
  request.id = RequestId(next_request_++);
  request.actor = engine::Actor{options_.self, 1000, {1000}};
  request.key = asking.key;
  request.minted_key =
      "minted-" + std::to_string(options_.self.v) + "-" + std::to_string(request.id.v);
  request.digest = digest(asking.body);
  request.if_match = asking.if_match;
  request.deadline_ms = now.mono_ms + asking.deadline_ms;
  request.operation = std::move(operation);
  const RequestId id = request.id;
  give(std::move(request));
  return id;
}

void Host::give(Input input) {
  outputs.clear();
  node->handle(now, std::move(input), &outputs);
  take_outputs();
}

void Host::take_outputs() {
  require(outputs.fatal.empty(), outputs.fatal);
  for (const Answer& answer : outputs.answers) {
    require(answer.id.v > 0 && answer.id.v < next_request_, "a request nobody made");
    const bool first = answers.emplace(answer.id, answer).second;
    require(first, "request " + std::to_string(answer.id.v) +
                       " was answered twice: " + answers[answer.id].body + " then " + answer.body);
  }
  for (const Answer& answer : outputs.answers) unheeded.push_back(answer.id);
  for (const ReadReady& read : outputs.reads) reads.insert(read.id);
  loads.insert(loads.end(), outputs.loads.begin(), outputs.loads.end());
  std::move(outputs.frames.begin(), outputs.frames.end(), std::back_inserter(frames));
  entry_reads.insert(entry_reads.end(), outputs.entry_reads.begin(), outputs.entry_reads.end());
  std::move(outputs.snapshot_work.begin(), outputs.snapshot_work.end(),
            std::back_inserter(snapshot_work));
}

EntriesLoaded Host::load(const ReadEntries& wanted) {
  EntriesLoaded loaded{wanted.group, wanted.first, wanted.last, {}};
  for (Index index = wanted.first; index <= wanted.last; index = index.next()) {
    const auto place = journal->place(wanted.group, index);
    if (!place) break;
    const auto stored = log::read_entry(files, journal->source(), *place, wanted.group, index);
    // Given up since it was asked for.
    if (place->segment > log::format::kKeptNumberBase && absl::IsNotFound(stored.status())) break;
    require(stored.ok(), stored.status().ToString());
    loaded.payloads.emplace_back(stored->payload);
  }
  return loaded;
}

RunLoaded Host::load(const LoadRun& wanted) {
  std::vector<codecs::Entry> history;  // newest first
  for (Index next = wanted.newest; next.v > 0;) {
    // Forgotten since it was asked for, and given up: the run, or that generation of it.
    const engine::Tables& tables = node->group(wanted.group).tables();
    const bool is_kept =
        tables.find(wanted.run) != nullptr && next >= tables.generations().oldest_entry(wanted.run);
    const RunLoaded forgotten{wanted.group,       wanted.run, nullptr,
                              "it was forgotten", false,      wanted.through};
    const auto place = journal->place(wanted.group, next);
    if (!place && !is_kept) return forgotten;
    require(place.has_value(), "the journal has no place of an entry");
    const auto stored = log::read_entry(files, journal->source(), *place, wanted.group, next);
    if (absl::IsNotFound(stored.status()) && !is_kept) return forgotten;
    require(stored.ok(), stored.status().ToString());
    std::string error;
    codecs::Entry entry;
    require(codecs::decode_entry(stored->payload, &entry, &error), error);
    require(entry.run == wanted.run, "an entry names another run's entry before it");
    next = entry.previous;
    const bool wanted_too = wanted.through.v == 0 || entry.first_seq <= wanted.through;
    if (wanted_too) history.push_back(std::move(entry));
  }
  auto run = std::make_shared<engine::Run>();
  engine::HashScratch scratch;
  for (auto entry = history.rbegin(); entry != history.rend(); ++entry) {
    const engine::Salt* salt = run->seq.v == 0 ? nullptr : &run->identity->salt;
    std::vector<engine::Event> events;
    const auto decoded = engine::decode_events(entry->events, salt, entry->first_seq, &events);
    require(decoded.ok(), decoded.ToString());
    for (const engine::Event& event : events) {
      require(engine::evolve(run.get(), event, entry->time, &scratch),
              "an event of the history does not fit the run");
    }
  }
  run->last_entry = wanted.newest;
  return RunLoaded{wanted.group, wanted.run, std::move(run), "", false, wanted.through};
}

absl::Status Host::execute(const log::Batch& batch) {
  for (const log::Operation& operation : batch.operations) {
    const auto* renamed = std::get_if<log::RenameFile>(&operation);
    const auto* removed = std::get_if<log::RemoveFile>(&operation);
    const std::string path = renamed != nullptr   ? renamed->from
                             : removed != nullptr ? removed->path
                                                  : "";
    if (path.ends_with(log::format::kSegmentSuffix) &&
        path.find(log::format::kSparePrefix) == path.npos) {
      given_up_[path] = files.contents(path);
    }
    if (planted.keeps_files && removed != nullptr && files.exists(removed->path)) {
      files.set_contents(removed->path + ".old", files.contents(removed->path));
    }
  }
  return log::execute(disk(), batch);
}

void Host::keep_snapshot(const GroupSnapshot& taken) {
  const std::size_t g = taken.group.v;
  const std::size_t groups = options_.run_groups + std::size_t{1};
  snapshots.resize(groups);
  snapshot_places.resize(groups);
  if (taken.index <= snapshot_places[g].first) return;
  snapshots[g] = taken.bytes;
  snapshot_places[g] = {taken.index, taken.term};
}

std::vector<Index> Host::covered() const {
  std::vector<Index> indexes(options_.run_groups + std::size_t{1});
  for (std::size_t g = 0; g < snapshot_places.size(); ++g) indexes[g] = snapshot_places[g].first;
  return indexes;
}

void Host::give_up_segments() {
  journal->recycle_below(first_segment_needed(*node, *journal, covered()));
}

int Host::compact() {
  int made = 0;
  while (const auto work = compaction.next(*node, *journal, covered())) {
    if (!compact(*work, &made).ok()) break;
    give_up_segments();
  }
  return made;
}

bool Host::scrub() {
  int made = 0;
  for (;;) {
    give_up_segments();
    switch (scrubbing.next(now.mono_ms, *node, journal.get(), covered(), false)) {
      case Scrubbing::Step::nothing:
        return false;
      case Scrubbing::Step::cover:
        if (!cover_all()) return false;
        scrubbing.covered();
        break;
      case Scrubbing::Step::rewrite:
        if (!compact(*scrubbing.work(*node, *journal, covered()), &made).ok()) return false;
        break;
      case Scrubbing::Step::sweep:
        if (!sweep().ok()) return false;
        scrubbing.swept();
        const std::string left = remnants.find(files, journal->store_id(), *node);
        require(left.empty(), left);
        return true;
    }
  }
}

// A copy that is under way is given up for one in one go.
bool Host::cover_all() {
  for (std::uint16_t g = 0; g < node->group_count(); ++g) {
    const Group& group = node->group(GroupId(g));
    if (covered()[g] >= scrubbing.cover()[g]) continue;
    if (group.raft().durable() < group.applied()) return false;
    copies.erase(GroupId(g));
    if (group.tables().is_frozen()) return false;
    keep_snapshot(snapshot_of(node.get(), GroupId(g)));
  }
  return true;
}

absl::Status Host::sweep() {
  log::SweepOptions options{journal->directory(),     scrubbing.first_segment(),
                            scrubbing.kept_through(), {},
                            scrubbing.cover(),        {}};
  for (const log::KeptFile& file : journal->kept().files()) options.kept.push_back(file.number);
  absl::Status status = log::sweep(disk(), options);
  std::vector<Index> through = scrubbing.through();
  for (std::uint16_t g = 0; g < through.size(); ++g) {
    through[g] = std::max(through[g], node->group(GroupId(g)).scrubbed_to());
  }
  if (status.ok()) {
    status = log::write_scrub_mark(disk(), journal->directory(), journal->store_id(), through);
  }
  if (status.ok()) node->scrubbed(through);
  return status;
}

absl::Status Host::compact(const Compaction::Work& work, int* made) {
  std::vector<std::uint64_t> useless;
  if (work.kind == Compaction::Work::Kind::survey)
    return read_through(work.inputs.front(), nullptr);
  for (const Compaction::Input& input : work.inputs) {
    if (input.number > log::format::kKeptNumberBase) useless.push_back(input.number);
  }
  if (work.kind == Compaction::Work::Kind::drop) {
    journal->drop_kept(useless.front());
  } else {
    const log::Source& source = journal->source();
    log::KeptWriter writer(disk(), source.directory, source.store_id, journal->take_kept_number(),
                           nullptr);
    for (const Compaction::Input& input : work.inputs) {
      if (absl::Status s = read_through(input, &writer); !s.ok()) return s;
    }
    auto file = writer.commit(Compaction::joined(work.inputs), useless, 0);
    if (!file.ok()) return file.status();
    compaction.made(*node, *file);
    journal->add_kept(*std::move(file));
    ++*made;
  }
  for (const std::uint64_t number : useless) {
    absl::Status s = disk().remove(log::join(journal->directory(), log::segment_name(number)));
    if (!s.ok()) return s;
  }
  return disk().sync_directory(journal->directory());
}

absl::Status Host::read_through(const Compaction::Input& input, log::KeptWriter* writer) {
  std::uint64_t bytes = 0, needed = 0;
  log::WalkStep step{input.number, input.from, input.until, 1 + chance.below(50),
                     1 + chance.below(20'000)};
  while (step.from < step.until) {
    auto looked = log::look(disk(), journal->source(), step, codecs::run_of_entry);
    require(looked.ok() || files.stopped(), looked.status().ToString());
    if (!looked.ok()) return looked.status();
    Compaction::judge(*node, *journal, input, &*looked);
    bytes += looked->bytes;
    needed += looked->needed_bytes();
    step.from = looked->next;
    if (writer == nullptr) continue;
    if (absl::Status s = log::keep(*looked, codecs::scrub_entry, writer); !s.ok()) return s;
  }
  if (writer == nullptr) compaction.surveyed(*node, input.number, bytes, needed);
  return absl::OkStatus();
}

SnapshotReport Host::carry_out(const SnapshotWork& work) {
  const auto path = [this](const std::string& name) {
    return log::join(journal->directory(), name);
  };
  if (const auto* wanted = std::get_if<MakeTransfer>(&work)) return make(*wanted);
  if (const auto* wanted = std::get_if<TakeTransfer>(&work)) return take(*wanted);
  if (const auto* wanted = std::get_if<ReadChunk>(&work)) {
    const auto& chunk = std::get<raft::SnapshotChunk>(wanted->message.body);
    ChunkRead read{wanted->group, wanted->message, {}};
    const std::string file = path(log::transfer_name(wanted->group));
    if (!holds_transfer(files, file, chunk.snapshot)) return read;
    read.bytes.resize(chunk.bytes);
    const auto got = disk().read(file, chunk.offset, read.bytes.data(), read.bytes.size());
    read.bytes.resize(got.ok() ? *got : 0);
    return read;
  }
  const auto& chunk = std::get<WriteChunk>(work);
  const std::string file = path(log::incoming_name(chunk.group));
  if (chunk.offset == 0) (void)disk().remove(file);
  const bool written = disk().write(file, chunk.offset, chunk.bytes).ok();
  return ChunkWritten{chunk.group, chunk.last, written ? chunk.offset + chunk.bytes.size() : 0};
}

// The group as it is now, if all of that is on the disk and no copy of it is being taken; else its
// newest snapshot.
TransferReady Host::make(const MakeTransfer& wanted) {
  const Group& group = node->group(wanted.group);
  TransferReady ready{wanted.group, {}};
  const bool can = group.raft().durable() >= group.applied() && group.applied() >= wanted.floor &&
                   !group.tables().is_frozen();
  const std::size_t g = wanted.group.v;
  GroupSnapshot snapshot;
  if (can) {
    snapshot = snapshot_of(node.get(), wanted.group);
  } else if (g < snapshots.size() && snapshot_places[g].first >= wanted.floor) {
    snapshot = {wanted.group, snapshot_places[g].first, snapshot_places[g].second, snapshots[g]};
  } else {
    return ready;
  }
  log::TransferWriter writer(
      disk(), log::join(journal->directory(), log::transfer_name(wanted.group)),
      log::BackupHeader{journal->store_id(), TimeMs(0), kFeatureLevel, options_.run_groups});
  absl::Status status = writer.stream().begin_snapshot(
      {wanted.group, snapshot.index, snapshot.term, group.tables().feature_level()});
  for (std::size_t at = 0; status.ok() && at < snapshot.bytes.size(); at += 10'000) {
    status = writer.stream().add_piece(std::string_view(snapshot.bytes).substr(at, 10'000));
  }
  for (const Compaction::Input& input :
       Compaction::inputs_of(*node, *journal, wanted.group, snapshot.index)) {
    log::WalkStep step{input.number, input.from, input.until, 100, 100'000};
    while (status.ok() && step.from < step.until) {
      auto looked = log::look(disk(), journal->source(), step, codecs::run_of_entry);
      require(looked.ok(), looked.status().ToString());
      Compaction::judge_for_transfer(*node, *journal, wanted.group, snapshot.index, &*looked);
      status = log::for_each_needed(
          *looked, codecs::scrub_entry, [&](const log::OldEntry& entry, std::string_view payload) {
            return writer.stream().add_entry(entry.group, entry.term, entry.index, payload);
          });
      step.from = looked->next;
    }
  }
  const auto seal = writer.finish();
  if (!status.ok() || !seal.ok()) return ready;
  ready.snapshot = {{snapshot.index, snapshot.term}, seal->bytes, seal->hash};
  return ready;
}

TransferTaken Host::take(const TakeTransfer& wanted) {
  const raft::EntryId last = wanted.snapshot.last;
  const std::string& directory = journal->directory();
  GroupSnapshot snapshot{wanted.group, last.index, last.term, ""};
  auto kept = log::take_transfer(disk(), log::join(directory, log::incoming_name(wanted.group)),
                                 {directory,
                                  journal->store_id(),
                                  wanted.group,
                                  last.index,
                                  last.term,
                                  {wanted.snapshot.bytes, wanted.snapshot.hash},
                                  journal->take_kept_number(),
                                  kFeatureLevel},
                                 [&](std::string_view piece) {
                                   snapshot.bytes.append(piece);
                                   return absl::OkStatus();
                                 });
  TransferTaken done{wanted.group, last.index, nullptr, nullptr};
  if (!kept.ok()) return done;
  done.kept = std::make_shared<log::KeptFile>(*std::move(kept));
  done.thawed = std::make_shared<Thawed>(thawed(wanted.group, snapshot.bytes));
  keep_snapshot(snapshot);
  ++taken;
  return done;
}

log::MemoryFileSystem Host::whole() const {
  log::MemoryFileSystem all = files.copy();
  for (const auto& [path, contents] : given_up_) all.set_contents(path, contents);
  return all;
}

bool Host::begin() {
  if (batch_ != nullptr) return false;
  batch_ = node->next_batch();
  return batch_ != nullptr;
}

// As the daemon does: the disk gets the next batch before this one's entries are applied.
void Host::complete(std::uint64_t id) {
  node->batch_done(now, id);
  log::train(journal.get());
  batch_ = node->next_batch(false);
  give(BatchCompleted{});
}

void Host::finish() {
  require(batch_ != nullptr, "batch_ != nullptr");
  const log::Batch batch = *std::exchange(batch_, nullptr);
  if (!planted.completes_before_disk) {
    const absl::Status status = execute(batch);
    require(status.ok(), status.ToString());
    complete(batch.id);
    return;
  }
  // The bug: the answers are out, and now and then the disk never heard of the batch.
  log::Batch copy = batch;
  std::vector<std::string> bytes;
  bytes.reserve(copy.operations.size());
  for (log::Operation& operation : copy.operations) {
    if (auto* write = std::get_if<log::WriteFile>(&operation)) {
      bytes.emplace_back(write->bytes);
      write->bytes = bytes.back();
    }
  }
  complete(batch.id);
  if (chance.chance(0.02)) {
    crash();
    return;
  }
  require(log::execute(disk(), copy).ok(), "log::execute(disk(), copy).ok()");
}

bool Host::finish_or_end() {
  require(batch_ != nullptr, "batch_ != nullptr");
  const absl::Status status = execute(*batch_);
  if (absl::IsResourceExhausted(status)) {
    batch_ = journal->lacked_room(batch_->id);
    room.lacked();
    give(room.state());
    return true;
  }
  if (!status.ok()) {
    kill();
    return false;
  }
  complete(std::exchange(batch_, nullptr)->id);
  return true;
}

void Host::see_to_room() {
  const bool begins = reserve_bytes_ == 0 && !room.watches();
  if ((!begins && !room.watches()) || now.mono_ms < look_at_ms_) return;
  look_at_ms_ = now.mono_ms + kRoomLookMs;
  // A file system of eight reserves, of which others hold most.
  const std::uint64_t total = limits::kReserveShare * kReserveBytes;
  const RoomLevel before = room.state().level;
  for (int i = 0; i < 2; ++i) {
    const DiskRoom::Reserve wish = room.look({total, files.free_bytes(), reserve_bytes_});
    if (wish == DiskRoom::Reserve::keep) break;
    const std::uint64_t wanted = wish == DiskRoom::Reserve::make ? room.reserve_bytes() : 0;
    files.set_capacity(files.capacity() + reserve_bytes_ - wanted);
    reserve_bytes_ = wanted;
  }
  journal->expect_room();
  if (before != RoomLevel::plenty || room.watches()) give(room.state());
}

void Host::crash_within_batch(std::uint64_t operations) {
  require(batch_ != nullptr, "batch_ != nullptr");
  files.reset_operations();
  files.stop_at(operations);
  (void)execute(*batch_);
  files.stop_at(~std::uint64_t{0});
  crash();
}

void Host::drain() {
  while (up() && (under_way() || begin())) finish();
}

void Host::advance(std::int64_t ms) {
  const std::int64_t until = now.mono_ms + ms;
  drain();
  while (up()) {
    const std::int64_t wake = std::clamp(node->next_wake_mono_ms(), now.mono_ms, until);
    stall(wake - now.mono_ms);
    tick();
    drain();
    if (!up() || (now.mono_ms == until && node->next_wake_mono_ms() > until)) return;
  }
}

void Host::stall(std::int64_t ms) {
  now.mono_ms += ms;
  now.wall_ms += ms;
}

const Answer& Host::answer(RequestId id) const {
  const auto at = answers.find(id);
  require(at != answers.end(), "request " + std::to_string(id.v) + " has no answer");
  return at->second;
}

dsl::Value Host::member(RequestId id, std::string_view name) const {
  const dsl::Value body = json(answer(id).body);
  const dsl::Value* found = body.field(name);
  require(found != nullptr, std::string(name) + " is not in " + answer(id).body);
  return *found;
}

void Host::deploy(std::string_view toml, bool activate) {
  const dsl::ParsedDefinition parsed = dsl::parse_definition(toml);
  std::string problems;
  for (const dsl::Diagnostic& d : parsed.diagnostics) problems += dsl::render(d, "test.toml");
  require(parsed.definition != nullptr, problems);
  const RequestId id = ask(DeployWorkflow{parsed.definition->name, std::string(toml), activate});
  drain();
  require(status(id) < 300, "status(id) < 300");
}

RequestId Host::start(std::string id, std::string workflow, const Asking& asking) {
  const RequestId request = ask(start_of(std::move(id), std::move(workflow)), asking);
  drain();
  return request;
}

RequestId Host::signal(const std::string& id, std::string name, std::string_view payload,
                       const Asking& asking) {
  const RequestId request = ask(signal_of(id, std::move(name), payload), asking);
  drain();
  return request;
}

RequestId Host::poll(std::uint32_t max, std::int64_t wait_ms, const Asking& asking) {
  const RequestId request = ask(poll_of(max, wait_ms), asking);
  drain();
  return request;
}

const engine::Run& Host::run(const std::string& id) const {
  GroupId group;
  const engine::Run* found = node->find(RunRef{id, std::nullopt}, &group);
  require(found != nullptr, "there is no run " + id);
  return *found;
}

dsl::Value Host::var(const std::string& id, std::string_view name) const {
  const engine::Variable* variable = run(id).variable(0, name);
  require(variable != nullptr, id + " has no variable " + std::string(name));
  return variable->value.value;
}

int Host::count_events(const std::string& id, std::string_view name) const {
  log::MemoryFileSystem copy = whole();
  Reader reader;
  require(log::Journal::open(copy, journal_options(), reader, nullptr).ok(),
          "log::Journal::open(copy, journal_options(), reader, nullptr).ok()");
  int count = 0;
  for (const auto& [uid, seen] : reader.runs) {
    if (seen.id != id) continue;
    for (const std::string& each : seen.names) count += each == name ? 1 : 0;
  }
  return count;
}

std::string Host::audit() {
  log::MemoryFileSystem copy = whole();
  Reader reader;
  const auto opened = log::Journal::open(copy, journal_options(), reader, nullptr);
  if (!opened.ok()) return opened.status().ToString();
  std::size_t runs = 0;
  for (std::uint16_t g = 0; g < node->group_count(); ++g) {
    const engine::Tables& tables = node->group(GroupId(g)).tables();
    if (std::string problem = tables.check_invariants(); !problem.empty()) return problem;
    runs += tables.run_count();
    for (const auto& [index, run] : tables.runs()) {
      const auto seen = reader.runs.find({GroupId(g), index});
      if (seen == reader.runs.end()) return run->id() + " is not in the journal";
      if (seen->second.seq != run->seq) return run->id() + " has another number of events";
      if (seen->second.hash != run->hash) return run->id() + " has another hash";
    }
  }
  return runs == reader.runs.size() ? "" : "the journal has other runs than the tables";
}

std::unique_ptr<Node> Host::replayed(std::string* error) const {
  NodeOptions options;
  options.run_groups = options_.run_groups;
  auto fresh = std::make_unique<Node>(options);
  log::MemoryFileSystem copy = whole();
  const auto opened = log::Journal::open(copy, journal_options(), fresh->recovery(), nullptr);
  if (opened.ok()) return fresh;
  *error = opened.status().ToString();
  return nullptr;
}

StartRun start_of(std::string id, std::string workflow, std::string_view input) {
  StartRun start;
  start.workflow = std::move(workflow);
  start.id = std::move(id);
  start.input = json(input);
  return start;
}

CommandRun command_of(std::string id, engine::Command command) {
  return CommandRun{RunRef{std::move(id), std::nullopt}, std::move(command)};
}

CommandRun signal_of(std::string id, std::string name, std::string_view payload) {
  engine::Signal signal;
  signal.name = std::move(name);
  signal.payload = json(payload);
  return command_of(std::move(id), std::move(signal));
}

PollTasks poll_of(std::uint32_t max, std::int64_t wait_ms, std::string queue) {
  PollTasks poll;
  poll.queue = std::move(queue);
  poll.worker = "worker";
  poll.max = max;
  poll.wait_ms = wait_ms;
  return poll;
}

ReportTask complete_of(std::string token, std::string_view result) {
  engine::CompleteTask done;
  done.result = json(result);
  return ReportTask{std::move(token), std::move(done)};
}

ReportTask fail_of(std::string token, std::string type) {
  engine::FailTask failed;
  failed.error.type = std::move(type);
  failed.error.message = "made to fail";
  return ReportTask{std::move(token), std::move(failed)};
}

std::string id_in_group(const Node& node, std::uint16_t group, int n) {
  for (int i = 0;; ++i) {
    std::string id = "r" + std::to_string(n) + "-" + std::to_string(i);
    if (node.group_of(id) == GroupId(group)) return id;
  }
}

}  // namespace pawl::node
