// The headers call what makes a dictionary of given bytes unstable; we link the library statically.
#define ZDICT_STATIC_LINKING_ONLY

#include "engine/run_shapes.h"

#include <zdict.h>

#include <algorithm>

#include "base/limits.h"

namespace pawl::engine {
namespace {

// Of the dictionary's own: the statistics in front of the bytes.
constexpr std::size_t kStatisticsBytesMax = 4'096;

// "" if there is nothing to be learnt of these.
std::string dictionary_of(const RunShape::Samples& samples) {
  const std::size_t content = std::min(samples.bytes.size(), limits::kRunSampleBytesMax);
  std::string dictionary(content + kStatisticsBytesMax, '\0');
  ZDICT_params_t parameters{};
  parameters.compressionLevel = 1;
  const std::size_t made = ZDICT_finalizeDictionary(
      dictionary.data(), dictionary.size(), samples.bytes.data(), content, samples.bytes.data(),
      samples.sizes.data(), static_cast<unsigned>(samples.sizes.size()), parameters);
  if (ZDICT_isError(made) != 0) return "";
  dictionary.resize(made);
  dictionary.shrink_to_fit();
  return dictionary;
}

}  // namespace

RunShape* RunShapes::get(std::string_view workflow, std::uint32_t version, std::string_view state) {
  std::unique_ptr<RunShape>& shape =
      shapes_[Key(std::string(workflow), version, std::string(state))];
  if (shape == nullptr) {
    shape = std::make_unique<RunShape>();
    shape->workflow = workflow;
    shape->version = version;
    shape->state = state;
    shape->number = ++last_number_;
    shape->owner = this;
    shape->samples = std::make_unique<RunShape::Samples>();
  }
  return shape.get();
}

void RunShapes::learn(RunShape* shape, std::string_view run_bytes) {
  if (shape->samples == nullptr) return;
  const std::string_view sample = run_bytes.substr(0, limits::kRunSampleBytesMax);
  shape->samples->bytes.append(sample);
  shape->samples->sizes.push_back(sample.size());
  if (shape->samples->sizes.size() < limits::kRunSamples) return;
  shape->dictionary = dictionary_of(*shape->samples);
  shape->samples.reset();
}

void RunShapes::forget(const RunShape& shape) {
  const Key key(shape.workflow, shape.version, shape.state);
  shapes_.erase(key);
}

}  // namespace pawl::engine
