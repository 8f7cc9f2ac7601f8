// What a journal should hold, kept in plain maps, and the few lines every journal test needs: open,
// write a batch, compare.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/random.h"
#include "log/journal.h"
#include "tests/log/memory_file_system.h"

namespace pawl::log {

inline constexpr char kDirectory[] = "j";

inline StoreId test_store(unsigned char first = 7) {
  StoreId id{};
  for (std::size_t i = 0; i < id.size(); ++i) id[i] = static_cast<unsigned char>(first + i);
  return id;
}

// One group's log and hard state; also the sink of a recovery.
struct JournalModel final : RecoverySink {
  struct Group {
    LogEnd begin;  // what the log last began anew behind
    std::map<std::uint64_t, std::pair<std::uint64_t, std::string>> entries;  // index -> term, bytes
    std::optional<HardState> state;
    friend bool operator==(const Group&, const Group&) = default;
  };
  std::map<std::uint16_t, Group> groups;

  absl::Status on_hard_state(GroupId group, const HardState& state) override {
    groups[group.v].state = state;
    return absl::OkStatus();
  }
  absl::Status on_entry(GroupId group, Term term, Index index, std::string_view payload) override {
    auto& entries = groups[group.v].entries;
    entries.erase(entries.lower_bound(index.v), entries.end());
    entries[index.v] = {term.v, std::string(payload)};
    return absl::OkStatus();
  }
  absl::Status on_begin(GroupId group, LogEnd last) override {
    groups[group.v].entries.clear();
    groups[group.v].begin = last;
    return absl::OkStatus();
  }
  LogEnd end(std::uint16_t group) const {
    const auto found = groups.find(group);
    if (found == groups.end()) return {};
    if (found->second.entries.empty()) return found->second.begin;
    const auto& [index, entry] = *found->second.entries.rbegin();
    return {Term(entry.first), Index(index)};
  }
  std::uint64_t last(std::uint16_t group) const { return end(group).index.v; }
  JournalModel without_begins() const {
    JournalModel rest = *this;
    for (auto& [group, content] : rest.groups) content.begin = {};
    return rest;
  }
  // Without what lies below `from` of each group.
  JournalModel from(const std::map<std::uint16_t, std::uint64_t>& first) const {
    JournalModel rest;
    rest.groups = groups;
    for (const auto& [group, index] : first) {
      Group& rest_of = rest.groups[group];
      auto& entries = rest_of.entries;
      entries.erase(entries.begin(), entries.lower_bound(index));
      if (rest_of.begin.index.v < index) rest_of.begin = {};
    }
    return rest;
  }
};

inline JournalOptions small_options() {
  JournalOptions options;
  options.directory = kDirectory;
  options.store_id = test_store();
  options.segment_bytes = limits::kSegmentBytesMin;
  options.training_bytes = 8 * limits::KiB;  // a dictionary is made of a few dozen entries
  return options;
}

// What the daemon's cold thread does.
inline void train(Journal* journal) {
  if (auto samples = journal->begin_training()) {
    journal->use_dictionary(train_dictionary(*samples));
  }
}

// Something like an entry: much of it in all of them, some of it in none.
inline std::string test_record(Random* random) {
  static constexpr const char* kStates[] = {"created", "reserve", "triage", "approval", "fulfil"};
  std::string record = R"({"event":"state.entered","workflow":"order-fulfilment","state":")";
  record += kStates[random->below(5)];
  record += R"(","actor":{"box":1,"uid":1000,"gids":[1000]},"input":{"order_id":"o-)";
  record += std::to_string(random->below(1'000'000'000));
  record += R"(","total":)" + std::to_string(random->below(10'000));
  record += R"(,"note":")";
  const std::uint64_t noise = random->below(40);
  for (std::uint64_t i = 0; i < noise; ++i) {
    record += static_cast<char>('a' + random->below(26));
  }
  return record + "\"}}";
}

// Hands one batch to the disk; false if nothing was to be done.
inline absl::StatusOr<bool> flush(FileSystem& files, Journal* journal) {
  const Batch* batch = journal->begin_batch();
  if (batch == nullptr) batch = journal->begin_background();
  if (batch == nullptr) return false;
  if (absl::Status s = execute(files, *batch); !s.ok()) return s;
  journal->completed(batch->id);
  return true;
}

// Queues one to six entries of so many records, of random groups, into the journal and the model.
inline void queue_records(Random* random, Journal* journal, JournalModel* model,
                          int records_an_entry = 1) {
  const std::uint64_t entries = 1 + random->below(6);
  for (std::uint64_t i = 0; i < entries; ++i) {
    const auto group = static_cast<std::uint16_t>(random->below(4));
    const Index index(model->last(group) + 1);
    std::string entry;
    for (int j = 0; j < records_an_entry; ++j) entry += test_record(random);
    const Term term(std::max<std::uint64_t>(1, model->end(group).term.v));
    journal->append(GroupId(group), term, index, entry);
    (void)model->on_entry(GroupId(group), term, index, entry);
  }
}

// Queues a few random entries and hard states into the journal and the model.
inline void queue_random(Random* random, Journal* journal, JournalModel* model,
                         std::size_t bytes_max) {
  const std::uint64_t entries = 1 + random->below(6);
  for (std::uint64_t i = 0; i < entries; ++i) {
    const auto group = static_cast<std::uint16_t>(random->below(4));
    if (i == 0 && random->chance(0.05)) {  // a snapshot from another box
      const LogEnd now = model->end(group);
      const LogEnd last{now.term.next(), Index(now.index.v + 1 + random->below(5))};
      journal->begin_log(GroupId(group), last);
      (void)model->on_begin(GroupId(group), last);
    }
    const std::uint64_t last = model->last(group);
    std::uint64_t term = std::max<std::uint64_t>(1, model->end(group).term.v);
    std::uint64_t index = last + 1;
    if (model->groups[group].entries.size() > 3 && random->chance(0.05)) {
      index = last - random->below(3);  // a new leader overwrites the last few
      ++term;
    }
    const auto fill = static_cast<char>(random->below(256));
    const std::string payload(random->below(bytes_max + 1), fill);
    journal->append(GroupId(group), Term(term), Index(index), payload);
    (void)model->on_entry(GroupId(group), Term(term), Index(index), payload);
  }
  if (random->chance(0.3)) {
    const auto group = static_cast<std::uint16_t>(random->below(4));
    const HardState state{Term(random->below(1000)), NodeId(random->next())};
    journal->save_hard_state(GroupId(group), state);
    (void)model->on_hard_state(GroupId(group), state);
  }
}

}  // namespace pawl::log
