#include "log/training.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace pawl::log {

void Sampler::note(std::string_view entry) {
  if (seen_++ % every_ != 0 || entry.empty()) return;
  // The beginning of a large entry says what its kind is like.
  entry = entry.substr(0, limits::kTrainingEntryBytesMax);
  if (kept_.bytes.size() + entry.size() > bytes_max_) thin();
  if (kept_.bytes.size() + entry.size() > bytes_max_) return;
  kept_.bytes.append(entry);
  kept_.sizes.push_back(entry.size());
}

TrainingSet Sampler::take() {
  seen_ = 0;
  every_ = 1;
  return std::exchange(kept_, TrainingSet());
}

void Sampler::thin() {
  every_ *= 2;
  TrainingSet half;
  std::size_t at = 0;
  for (std::size_t i = 0; i < kept_.sizes.size(); ++i) {
    if (i % 2 == 0) {
      half.bytes.append(kept_.bytes, at, kept_.sizes[i]);
      half.sizes.push_back(kept_.sizes[i]);
    }
    at += kept_.sizes[i];
  }
  kept_ = std::move(half);
}

}  // namespace pawl::log
