// An ordered map as it was at one moment, read a little at a time while the map goes on changing.
// What has been passed is passed; of what has not, the map's owner hands over each value before it
// changes it. So a moment costs no copy of the map, and a change one look-up while it is read.
#pragma once

#include <map>
#include <optional>
#include <utility>

namespace pawl::engine {

template <class Key, class Value>
class FrozenMap {
 public:
  // `last`: the map's greatest key at that moment, if it has one. What comes behind it is younger.
  explicit FrozenMap(std::optional<Key> last) : last_(std::move(last)) {}

  // The value of this key is still to be read: keep() it before it changes.
  bool wants(const Key& key) const {
    if (!last_ || *last_ < key || (passed_ && !(*passed_ < key))) return false;
    return kept_.find(key) == kept_.end();
  }
  // Once a key, if wanted. nullopt: the key was not there.
  void keep(const Key& key, std::optional<Value> before) { kept_.emplace(key, std::move(before)); }

  // Hands key after key with its value to `visit`, until it returns false or nothing is left:
  // returns whether it was `visit` that ended it.
  template <class Map, class Visit>
  bool read(const Map& map, Visit visit) {
    auto at = passed_ ? map.upper_bound(*passed_) : map.begin();
    for (;;) {
      const auto kept = kept_.begin();
      if (at != map.end() && last_) {
        const auto& [key, value] = *at;
        if (!(*last_ < key) && (kept == kept_.end() || key < kept->first)) {
          passed_ = key;
          const bool go_on = visit(key, value);
          if (!go_on) return true;
          ++at;
          continue;
        }
        if (kept != kept_.end() && !(kept->first < key)) ++at;
      }
      if (kept == kept_.end()) break;
      passed_ = kept->first;
      const auto node = kept_.extract(kept);
      if (node.mapped() && !visit(node.key(), *node.mapped())) return true;
    }
    passed_ = last_;
    return false;
  }

 private:
  std::optional<Key> last_, passed_;
  std::map<Key, std::optional<Value>> kept_;
};

}  // namespace pawl::engine
