// A run that rests, as one string: the bytes of run.h, compressed with the dictionary of its shape
// (run_shapes.h). What lists go by stays readable: workflow, version and state are the shape's,
// status and times stand before the rest.
//
// Counted, immutable; copied and let go of by the tables' thread, read by any.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "engine/run.h"
#include "engine/run_glance.h"
#include "engine/run_shapes.h"

struct ZSTD_CCtx_s;
struct ZSTD_CDict_s;
struct ZSTD_DCtx_s;
struct ZSTD_DDict_s;

namespace pawl::engine {

// What lists go by, and what is readable of a packed run. The views are of what it was made of.
struct RunSummary {
  std::string_view workflow, state;
  std::uint32_t version = 0;
  RunStatus status = RunStatus::scheduled;
  TimeMs started_at;
  std::optional<TimeMs> closed_at;
  bool may_have_work = false;  // tasks or incidents: no run rests that has any
};
RunSummary summary_of(const Run& run);
RunSummary summary_of(const RunGlance& glance);

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
  RunSummary summary() const;
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

// One thread's, for runs of one RunShapes.
class RunPacker {
 public:
  RunPacker();
  ~RunPacker();
  RunPacker(RunPacker&&) noexcept;
  RunPacker& operator=(RunPacker&&) noexcept;

  // Run bytes as they are, not compressed; `summary` is theirs.
  PackedRun keep(const RunSummary& summary, std::string_view run_bytes, RunShapes* shapes);
  // Compressed, if the shape has a dictionary by now and that makes them shorter.
  PackedRun pack(const RunSummary& summary, std::string_view run_bytes, RunShapes* shapes);
  // Replaces `out` by the run bytes.
  void unpack(const PackedRun& packed, std::string* out);
  std::shared_ptr<Run> run(const PackedRun& packed);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
    void operator()(ZSTD_DCtx_s* context) const;
    void operator()(ZSTD_CDict_s* dictionary) const;
    void operator()(ZSTD_DDict_s* dictionary) const;
  };
  // A shape's dictionary as the library wants it: some ten KiB, so few are kept.
  template <class Dictionary>
  struct Digested {
    std::uint64_t shape = 0;  // its number; 0: none
    std::unique_ptr<Dictionary, Free> dictionary;
  };
  static constexpr std::size_t kDigestedMax = 4;
  template <class Dictionary>
  struct Few {
    std::array<Digested<Dictionary>, kDigestedMax> all;
    std::size_t oldest = 0;
  };
  template <class Dictionary, class Make>
  static const Dictionary* digested(Few<Dictionary>* few, const RunShape& shape, Make make);
  // Replaces `buffer_`; false if it is not shorter.
  bool compress(const RunShape& shape, std::string_view run_bytes);

  std::unique_ptr<ZSTD_CCtx_s, Free> compressor_;  // made at the first use
  std::unique_ptr<ZSTD_DCtx_s, Free> decompressor_;
  Few<ZSTD_CDict_s> compressing_;
  Few<ZSTD_DDict_s> decompressing_;
  std::string buffer_;
};

}  // namespace pawl::engine
