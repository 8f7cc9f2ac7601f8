#include "cli/run_chains.h"

#include <variant>

#include "engine/catalog.h"
#include "engine/event.h"

namespace pawl::cli {

void RunChains::expect(const RunUid& run, Seq seq, const Digest& hash) {
  expected_[run] = Expected{seq, hash};
}

std::string RunChains::take(GroupId group, Index index, std::string_view payload) {
  ++counts_.entries;
  if (payload.empty()) return "";
  codecs::Entry entry;
  std::string error;
  if (!codecs::decode_entry(payload, &entry, &error)) return error;
  std::vector<engine::CatalogEvent> changes;
  if (!entry.catalog.empty() && !engine::decode_catalog_events(entry.catalog, &changes)) {
    return "the changes of the catalog are malformed or of an unknown kind";
  }
  if (entry.membership.empty()) {
    if (times_.size() <= group.v) times_.resize(group.v + std::size_t{1});
    if (entry.time < times_[group.v]) return "the time goes back";
    times_[group.v] = entry.time;
  }
  return entry.events.empty() ? "" : take_run(group, index, entry);
}

std::string RunChains::take_run(GroupId group, Index index, const codecs::Entry& entry) {
  const RunUid uid{group, entry.run};
  std::vector<engine::Event> events;
  const auto known = chains_.find(uid);
  const absl::Status decoded =
      engine::decode_events(entry.events, known == chains_.end() ? nullptr : &known->second.salt,
                            entry.first_seq, &events);
  if (!decoded.ok()) return std::string(decoded.message());
  if (events.empty()) return "";
  const auto* started = std::get_if<engine::RunStarted>(&events[0]);
  if (engine::generation_begun(events[0])) return continue_run(uid, index, entry, events);
  if (started != nullptr) {
    if (entry.run != index || started->group != group || started->index != index) {
      return "a run's first event does not say where it stands";
    }
    chains_[uid] = Chain{started->salt, Digest{}, Seq(), Index()};
    ++counts_.runs;
  } else if (known == chains_.end()) {
    ++counts_.headless;
    return "";
  }
  return take_events(uid, index, entry, events);
}

// A generation begins: with what the one before ended on, if that has passed here.
std::string RunChains::continue_run(const RunUid& uid, Index index, const codecs::Entry& entry,
                                    const std::vector<engine::Event>& events) {
  const engine::GenerationBegun continued = *engine::generation_begun(events[0]);
  const std::string run = "run " + to_string(uid) + ": ";
  if (continued.parts.identity.uid != uid) return run + "its checkpoint is of another run";
  const auto [at, first] = chains_.try_emplace(uid);
  Chain& chain = at->second;
  if (first) {
    chain = {continued.parts.identity.salt, continued.before_hash, continued.before, Index()};
    ++counts_.runs;
  }
  const bool same = chain.seq == continued.before && chain.hash == continued.before_hash &&
                    chain.salt == continued.parts.identity.salt;
  if (!same) {
    chains_.erase(at);
    return run + "generation " + std::to_string(continued.generation) +
           " does not begin with what the one before ended on";
  }
  chain.newest = Index();
  return take_events(uid, index, entry, events);
}

std::string RunChains::take_events(const RunUid& uid, Index index, const codecs::Entry& entry,
                                   const std::vector<engine::Event>& events) {
  Chain& chain = chains_[uid];
  const std::string run = "run " + to_string(uid) + ": ";
  std::string gap;
  if (entry.first_seq != chain.seq.next()) {
    gap = run + "event " + std::to_string(chain.seq.v + 1) + " is missing, the next is " +
          std::to_string(entry.first_seq.v);
  } else if (entry.previous != chain.newest) {
    gap = run + "its entry before is said to be " + std::to_string(entry.previous.v) + " and is " +
          std::to_string(chain.newest.v);
  }
  if (!gap.empty()) {
    chains_.erase(uid);  // told once; what follows is without a beginning
    return gap;
  }
  bool closed = false;
  for (const engine::Event& event : events) {
    chain.seq = chain.seq.next();
    chain.hash =
        engine::chain_event(chain.hash, event, {chain.salt, chain.seq, entry.time}, &scratch_);
    closed = closed || std::holds_alternative<engine::RunClosed>(event);
    ++counts_.events;
    const auto expected = expected_.find(uid);
    if (expected == expected_.end() || expected->second.seq != chain.seq) continue;
    const bool equal = expected->second.hash == chain.hash;
    expected_.erase(expected);
    ++counts_.compared;
    if (!equal) {
      return run + "its chained hash at event " + std::to_string(chain.seq.v) +
             " is not that of the snapshot";
    }
  }
  chain.newest = index;
  if (closed) chains_.erase(uid);
  return "";
}

}  // namespace pawl::cli
