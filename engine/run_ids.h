// The newest run of each id, in little memory: by a hash of the id, with the run itself to tell
// whether it is the one. Ids whose hash another one has are kept in full.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"

namespace pawl::engine {

class RunIds {
 public:
  // The id of a run that is there.
  using IdOf = std::function<std::string(Index)>;

  // `hash_bits`: fewer in tests, so that hashes are equal.
  explicit RunIds(int hash_bits = 64) : shift_(64 - hash_bits) {}

  // 0: no run has it.
  Index find(std::string_view id, const IdOf& id_of) const {
    if (const auto at = others_.find(id); at != others_.end()) return at->second;
    const auto at = by_hash_.find(hash(id));
    return at == by_hash_.end() || id_of(at->second) != id ? Index() : at->second;
  }
  void set(std::string_view id, Index run, const IdOf& id_of) {
    const auto [at, added] = by_hash_.try_emplace(hash(id), run);
    if (added) {
      others_.erase(std::string(id));
    } else if (id_of(at->second) == id) {
      at->second = run;
    } else {
      others_.insert_or_assign(std::string(id), run);
    }
  }
  // The run was the newest of its id, and goes.
  void erase(std::string_view id, Index run) {
    const auto other = others_.find(id);
    if (other != others_.end() && other->second == run) {
      others_.erase(other);
      return;
    }
    const auto at = by_hash_.find(hash(id));
    if (at != by_hash_.end() && at->second == run) by_hash_.erase(at);
  }
  std::size_t size() const { return by_hash_.size() + others_.size(); }

 private:
  std::uint64_t hash(std::string_view id) const {
    return absl::Hash<absl::string_view>()(absl::string_view(id.data(), id.size())) >> shift_;
  }

  int shift_;
  absl::flat_hash_map<std::uint64_t, Index> by_hash_;  // looked up, never iterated
  std::map<std::string, Index, std::less<>> others_;
};

}  // namespace pawl::engine
