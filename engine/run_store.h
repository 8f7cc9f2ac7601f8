// The runs of a group by their index. Those that something happened to lately are awake: they are
// there as they are. The others rest as packed bytes (packed_run.h), a fraction of the size; who
// asks for one wakes it. Which ones rest is each box's own affair, no part of any value: no event,
// snapshot or hash depends on it, and finding is const though it wakes.
//
//   awake --(rest: untouched for a while, and too many are awake)--> packed --(find)--> awake
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/container/btree_map.h"
#include "base/ids.h"
#include "engine/packed_run.h"
#include "engine/run.h"

namespace pawl::engine {

// A run as it is kept: one of the two.
struct KeptRun {
  std::shared_ptr<const Run> awake;
  PackedRun packed;
};

RunSummary summary_of(const KeptRun& run);

class RunStore {
  struct Awake {
    std::shared_ptr<Run> run;
    std::uint64_t touch = 0;  // 0: it may not rest
  };
  using AwakeMap = absl::btree_map<Index, Awake>;
  using PackedMap = absl::btree_map<Index, PackedRun>;

 public:
  RunStore();
  RunStore(RunStore&&) noexcept;
  RunStore& operator=(RunStore&&) noexcept;
  ~RunStore();

  std::size_t size() const { return awake_.size() + packed_.size(); }
  bool empty() const { return size() == 0; }
  std::size_t awake_count() const { return awake_.size(); }
  // Of those that are awake, who may rest: who has a task is asked for it again and again.
  std::size_t may_rest_count() const { return may_rest_; }
  // Some are packed, but not compressed yet.
  bool has_raw() const { return raw_from_.has_value(); }
  bool contains(Index run) const { return awake_.contains(run) || packed_.contains(run); }
  // 0: there is none.
  Index first() const;
  Index last() const;
  // The greatest that is less than `run`, the least that is greater; 0: there is none.
  Index before(Index run) const;
  Index after(Index run) const;

  // Wakes the run; null if there is none. It stays where it is until the next set(), erase() or
  // rest().
  std::shared_ptr<Run> find(Index run) const;
  // As it is kept, without waking it; and its id.
  KeptRun kept(Index run) const;
  std::string id_of(Index run) const;
  // The run that is kept so; made of it if it rests.
  std::shared_ptr<const Run> made(const KeptRun& kept) const {
    return kept.awake != nullptr ? kept.awake : unpacked(kept.packed);
  }
  // A run that is awake, from now on in place of what there was.
  void set(Index run, std::shared_ptr<Run> awake, TimeMs now);
  // A run's bytes out of a snapshot, behind all others; they are looked at when it is woken.
  void append_packed(Index run, const RunGlance& glance, std::string_view run_bytes);
  void erase(Index run);

  struct RestOptions {
    TimeMs now;
    std::size_t awake_max = 0;   // of those that may rest
    std::int64_t rest_ms = 0;    // untouched for so long
    std::size_t packed_max = 0;  // so many are packed in one call
    bool compress = true;        // false: in haste; they are compressed later (has_raw)
    std::function<bool(const Run&)> busy;
  };
  // Packs runs, those that were touched first before others. Returns whether there is more to do
  // at once.
  bool rest(const RestOptions& options);

  // In order of their indexes, awake ones and packed ones. What is at a place is made of what is
  // kept and wakes nothing; a place outlives any change.
  template <bool whole>
  class Places {
   public:
    using Value = std::conditional_t<whole, std::shared_ptr<const Run>, KeptRun>;
    Places(const RunStore* store, Index run) : store_(store), run_(run) {}
    std::pair<Index, Value> operator*() const {
      if constexpr (whole) {
        return {run_, store_->made(store_->kept(run_))};
      } else {
        return {run_, store_->kept(run_)};
      }
    }
    Places& operator++() {
      run_ = store_->after(run_);
      return *this;
    }
    friend bool operator==(const Places& a, const Places& b) { return a.run_ == b.run_; }

   private:
    const RunStore* store_;
    Index run_;  // 0: the end
  };
  Places<true> begin() const { return {this, first()}; }
  Places<true> end() const { return {this, Index()}; }
  // The same as they are kept; what FrozenMap reads.
  struct Kept {
    const RunStore* store;
    Places<false> begin() const { return {store, store->first()}; }
    Places<false> end() const { return {store, Index()}; }
    Places<false> upper_bound(Index run) const { return {store, store->after(run)}; }
  };
  Kept as_kept() const { return {this}; }
  // Of those that are awake: no run rests that has a task or an incident.
  template <class Visit>
  void for_each_awake(Visit visit) const {
    for (const auto& [index, awake] : awake_) visit(index, *awake.run);
  }

 private:
  struct Touch {
    Index run;
    std::uint64_t number;
    TimeMs at;
  };
  std::shared_ptr<Run> unpacked(const PackedRun& packed) const;
  void touch(Index run, Awake* awake) const;
  bool stale(const Touch& touch) const;
  PackedRun packed_of(Index index, const Run& run, bool compress);
  std::size_t compress_some(std::size_t most);

  std::unique_ptr<RunShapes> shapes_;  // before what refers to it
  mutable AwakeMap awake_;
  mutable PackedMap packed_;
  mutable std::deque<Touch> touches_;  // the newest of each that may rest, and stale ones
  mutable std::size_t may_rest_ = 0;
  mutable std::uint64_t last_touch_ = 0;
  mutable RunPacker packer_;
  TimeMs now_;
  // Packed runs from here on may not be compressed yet: a start takes them as they come, and haste
  // leaves them so.
  std::optional<Index> raw_from_;
  std::string bytes_;  // of one run, used again and again
};

}  // namespace pawl::engine
