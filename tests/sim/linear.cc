#include "tests/sim/linear.h"

#include <algorithm>
#include <bitset>
#include <string_view>
#include <unordered_set>

#include "tests/sim/fingerprint.h"

namespace pawl::sim {
namespace {

constexpr std::size_t kOperationsMax = 512;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

class Search {
 public:
  Search(const std::vector<ListOperation>& history, std::size_t places_max)
      : history_(history), places_max_(places_max) {}

  Linearizable run() {
    if (history_.size() > kOperationsMax) return Linearizable::unknown;
    for (const ListOperation& operation : history_) missing_ += operation.ended != kNever ? 1 : 0;
    const bool found = from_here();
    if (found) return Linearizable::yes;
    return places_.size() >= places_max_ ? Linearizable::unknown : Linearizable::no;
  }

 private:
  // All that has an answer can still be put in order. As deep as the history is long.
  bool from_here() {
    if (missing_ == 0) return true;
    if (places_.size() >= places_max_ || !places_.insert(place()).second) return false;
    std::int64_t first_end = kNever;
    for (std::size_t i = 0; i < history_.size(); ++i) {
      if (!done_[i]) first_end = std::min(first_end, history_[i].ended);
    }
    for (std::size_t i = 0; i < history_.size(); ++i) {
      if (done_[i] || history_[i].begun > first_end || !fits(history_[i])) continue;
      take(i);
      if (from_here()) return true;
      give_back(i);
    }
    return false;
  }

  bool fits(const ListOperation& operation) const {
    return operation.appends != 0 || operation.sees == list_;
  }
  void take(std::size_t i) {
    done_[i] = true;
    if (history_[i].appends != 0) list_.push_back(history_[i].appends);
    missing_ -= history_[i].ended != kNever ? 1 : 0;
  }
  void give_back(std::size_t i) {
    done_[i] = false;
    if (history_[i].appends != 0) list_.pop_back();
    missing_ += history_[i].ended != kNever ? 1 : 0;
  }
  std::uint64_t place() const {
    const auto bytes = [](const auto* values, std::size_t count) {
      return std::string_view(reinterpret_cast<const char*>(values), count * sizeof *values);
    };
    return fingerprint(bytes(list_.data(), list_.size()), fingerprint(bytes(&done_, 1)));
  }

  const std::vector<ListOperation>& history_;
  const std::size_t places_max_;
  std::bitset<kOperationsMax> done_;
  std::vector<std::int64_t> list_;
  std::size_t missing_ = 0;                   // of those that have an answer
  std::unordered_set<std::uint64_t> places_;  // by fingerprint
};

}  // namespace

Linearizable check_list(const std::vector<ListOperation>& history, std::size_t places_max) {
  return Search(history, places_max).run();
}

}  // namespace pawl::sim
