// Batches: one verb on many runs. The catalog (catalog.h) says what is wanted and how far the
// groups are; each group of runs says in its own entries what it has done (batch_rows.h).
//
//   begun --each group in turn: its part is done--> over
//   begun --stopped--> stopping --the group whose turn it is says what it did--> over (stopped)
//
// A run is touched at most once: the entry that changes it names it for the batch, and the group
// goes through its runs in the order of their indexes (decision 0070).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "engine/command.h"
#include "engine/run_filter.h"

namespace pawl::engine {

// Numbered from 1, never reused.
using BatchId = Strong<struct BatchIdTag, std::uint64_t>;

// `scrub`: deletes the data of closed runs; of kScrubBatchLevel.
enum class BatchVerb : std::uint8_t {
  cancel,
  terminate,
  pause,
  resume,
  retry,
  signal,
  move,
  scrub
};
inline constexpr BatchVerb kLastBatchVerb = BatchVerb::scrub;
// "cancel" ..., as the API has them.
const char* to_string(BatchVerb verb);
std::optional<BatchVerb> parse_batch_verb(std::string_view text);

struct BatchSpec {
  RunFilter filter;
  BatchVerb verb = BatchVerb::cancel;
  std::string signal;    // of a signal: its name
  std::string from, to;  // of a move
  std::string args;      // a value's encoding: of a signal its payload, of a move its vars; or ""
  std::string reason;
  std::uint32_t rate = 0;  // runs a second, at least 1

  // Whether the run is one of those; of those whose summary fits the filter. Without needs_run()
  // it is.
  bool needs_run() const;
  bool matches(const Run& run) const;
  // What each of the runs is asked.
  Command command(BatchId batch) const;
  friend bool operator==(const BatchSpec&, const BatchSpec&) = default;
};

// A run that refused, and why.
struct BatchRefusal {
  RunUid uid;
  std::string run;  // its id
  std::string type, detail;
  friend bool operator==(const BatchRefusal&, const BatchRefusal&) = default;
};

// What became of the runs so far.
struct BatchCounts {
  std::uint64_t changed = 0;
  std::uint64_t unchanged = 0;  // what was asked for was so already
  std::uint64_t refused = 0;
  std::vector<BatchRefusal> refusals;  // the first limits::kBatchRefusalsKept

  bool empty() const { return changed + unchanged + refused == 0; }
  void add(const BatchCounts& more);
  friend bool operator==(const BatchCounts&, const BatchCounts&) = default;
};

// --- events of the catalog; of kBatchLevel ---

struct BatchBegun {
  BatchId batch;
  BatchSpec spec;
  // By group from 1 on: runs behind this index did not exist when the batch began.
  std::vector<Index> through;
  std::uint64_t matching = 0;  // runs, when it began
  TimeMs at;
  Actor actor;
  friend bool operator==(const BatchBegun&, const BatchBegun&) = default;
};
// A group is through with its runs, or stopped before.
struct BatchPartDone {
  BatchId batch;
  GroupId group;
  BatchCounts counts;
  TimeMs at;
  friend bool operator==(const BatchPartDone&, const BatchPartDone&) = default;
};
struct BatchStopped {
  BatchId batch;
  std::string reason;
  TimeMs at;
  Actor actor;
  friend bool operator==(const BatchStopped&, const BatchStopped&) = default;
};
using BatchEvent = std::variant<BatchBegun, BatchPartDone, BatchStopped>;

// The kinds of these events among the catalog's.
inline constexpr std::uint64_t kBatchKindFirst = 20;
inline constexpr std::uint64_t kBatchKindLast = 22;
void put(ByteWriter* w, const BatchEvent& event);  // the kind, then its fields
// The fields behind the kind; fails the reader if they are malformed.
BatchEvent get_batch_event(std::uint64_t kind, ByteReader* in);
void put(ByteWriter* w, const BatchCounts& counts);
BatchCounts get_batch_counts(ByteReader* in);

struct Batch {
  BatchBegun begun;
  std::map<GroupId, BatchCounts> parts;  // of groups that are done
  std::optional<BatchStopped> stopped;
  std::optional<TimeMs> over_at;

  // Whose turn it is; 0: it is over.
  GroupId turn() const;
  friend bool operator==(const Batch&, const Batch&) = default;
};

// The batches that are open, and the newest of those that are over.
class BatchBook {
 public:
  // A fold. False, and nothing changed: a number out of order, a batch unknown or over, a group
  // whose turn it is not, or one more than limits::kBatchesOpenMax.
  bool apply(const BatchEvent& event);

  const Batch* find(BatchId batch) const;
  const std::map<BatchId, Batch>& all() const { return batches_; }
  BatchId last() const { return batches_.empty() ? BatchId(0) : batches_.rbegin()->first; }
  std::size_t open_count() const;
  // The first one that is open; 0: none is.
  BatchId oldest_open() const;
  // The events that make it, as a snapshot has them.
  void put_all(ByteWriter* w) const;
  friend bool operator==(const BatchBook&, const BatchBook&) = default;

 private:
  bool begin(const BatchBegun& e);
  bool end_part(const BatchPartDone& e);
  bool stop(const BatchStopped& e);
  std::map<BatchId, Batch> batches_;
};

}  // namespace pawl::engine
