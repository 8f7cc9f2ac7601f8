// A run that rests, as one string: the bytes of run.h, compressed against those of another run of
// its workflow's version in the same state (its shape). What lists go by stays readable: workflow,
// version and state are the shape's, status and times stand before the rest.
//
// Counted, immutable; copied and let go of by the tables' thread, read by any.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/ids.h"
#include "engine/run.h"
#include "engine/run_glance.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace pawl::engine {

class RunShapes;

struct RunShape {
  std::string workflow;
  std::uint32_t version = 0;
  std::string state;
  std::string sample;  // of a run's bytes, the first limits::kRunSampleBytesMax
  std::uint64_t uses = 0;
  RunShapes* owner = nullptr;
};

// The shapes in use.
class RunShapes {
 public:
  // The shape; made with this sample if there is none.
  RunShape* get(std::string_view workflow, std::uint32_t version, std::string_view state,
                std::string_view sample);
  void forget(const RunShape& shape);
  std::size_t size() const { return shapes_.size(); }

 private:
  using Key = std::tuple<std::string, std::uint32_t, std::string>;
  std::map<Key, std::unique_ptr<RunShape>> shapes_;
};

class PackedRun {
 public:
  PackedRun() = default;
  PackedRun(const PackedRun& other) : blob_(other.blob_) {
    if (blob_ != nullptr) ++blob_->copies;
  }
  PackedRun(PackedRun&& other) noexcept : blob_(std::exchange(other.blob_, nullptr)) {}
  PackedRun& operator=(PackedRun other) noexcept {
    std::swap(blob_, other.blob_);
    return *this;
  }
  ~PackedRun() { release(); }
  explicit operator bool() const { return blob_ != nullptr; }

  const RunShape& shape() const { return *blob_->shape; }
  RunStatus status() const;
  TimeMs started_at() const;
  std::optional<TimeMs> closed_at() const;
  bool compressed() const;
  // In memory, beside this pointer.
  std::size_t bytes() const { return blob_ == nullptr ? 0 : sizeof(Blob) + blob_->size; }

 private:
  friend class RunPacker;
  struct Blob {
    std::uint32_t copies;
    std::uint32_t size;  // of what follows it
    RunShape* shape;
  };
  struct Parts;

  static PackedRun make(RunShape* shape, std::string_view head, std::string_view rest);
  Parts parts() const;
  std::string_view content() const {
    return {reinterpret_cast<const char*>(blob_ + 1), blob_->size};
  }
  void release();

  Blob* blob_ = nullptr;
};

// One thread's.
class RunPacker {
 public:
  RunPacker();
  ~RunPacker();
  RunPacker(RunPacker&&) noexcept;
  RunPacker& operator=(RunPacker&&) noexcept;

  // Run bytes as they come from a snapshot, not compressed; `glance` is what is seen in them.
  PackedRun keep(const RunGlance& glance, std::string_view run_bytes, RunShapes* shapes);
  PackedRun pack(std::string_view run_bytes, RunShapes* shapes);
  // Replaces `out` by the run bytes.
  void unpack(const PackedRun& packed, std::string* out);
  std::shared_ptr<Run> run(const PackedRun& packed);

 private:
  struct FreeContexts {
    void operator()(ZSTD_CCtx_s* context) const;
    void operator()(ZSTD_DCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_CCtx_s, FreeContexts> compressor_;  // made at the first use
  std::unique_ptr<ZSTD_DCtx_s, FreeContexts> decompressor_;
  std::string buffer_;
};

}  // namespace pawl::engine
