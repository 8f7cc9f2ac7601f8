// The shapes of runs that rest: runs of one version of a workflow in the same state look alike, so
// they are compressed with a dictionary that is made of the first of them (zstd's format, RFC 8878,
// section 5: their bytes, and the statistics of what is left of the others).
//
//   too few --(learn: the last of the first limits::kRunSamples)--> with a dictionary
//           --(none can be made of them)--> never with one
//
// A dictionary is never replaced by another. It is this process's own, no part of any file.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace pawl::engine {

class RunShapes;

struct RunShape {
  std::string workflow;
  std::uint32_t version = 0;
  std::string state;
  std::uint64_t number = 0;  // no other shape of the same RunShapes ever has it
  std::string dictionary;    // "": there is none
  std::uint64_t uses = 0;
  RunShapes* owner = nullptr;

  // What is learnt from. Null: the dictionary is there, or there will be none.
  struct Samples {
    std::string bytes;
    std::vector<std::size_t> sizes;
  };
  std::unique_ptr<Samples> samples;
};

// The shapes in use.
class RunShapes {
 public:
  RunShape* get(std::string_view workflow, std::uint32_t version, std::string_view state);
  // A run of the shape rests. Until its dictionary is there, it is one of those it is made of.
  static void learn(RunShape* shape, std::string_view run_bytes);
  void forget(const RunShape& shape);
  std::size_t size() const { return shapes_.size(); }

 private:
  using Key = std::tuple<std::string, std::uint32_t, std::string>;
  std::map<Key, std::unique_ptr<RunShape>> shapes_;
  std::uint64_t last_number_ = 0;
};

}  // namespace pawl::engine
