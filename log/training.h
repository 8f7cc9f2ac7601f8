// A bounded sample of the entries that a journal takes, to train a dictionary from: spread evenly
// over all it has seen, whatever their number, and decided by their order alone. Every n-th entry
// is kept; when the room is used up, every second of them goes and n doubles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pawl::log {

struct TrainingSet {
  std::string bytes;               // of all samples, one behind the other
  std::vector<std::size_t> sizes;  // of each
  std::uint32_t dictionary_id = 0;
  std::size_t dictionary_bytes = 0;  // the dictionary may have at most so many
};

class Sampler {
 public:
  explicit Sampler(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  void note(std::string_view entry);
  // Has seen as many bytes as it keeps at most.
  bool full() const { return every_ > 1; }
  // What was kept; begins anew.
  TrainingSet take();

 private:
  void thin();

  const std::size_t bytes_max_;
  TrainingSet kept_;
  std::uint64_t seen_ = 0;
  std::uint64_t every_ = 1;
};

}  // namespace pawl::log
