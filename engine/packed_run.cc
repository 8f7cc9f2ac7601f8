// Frames without a magic number are a format that the headers call unstable; nobody but this
// process ever sees them, and the library is linked statically.
#define ZSTD_STATIC_LINKING_ONLY

#include "engine/packed_run.h"

#include <zstd.h>

#include <cstring>
#include <new>

#include "base/bytes.h"
#include "base/check.h"

namespace pawl::engine {
namespace {

// Higher levels find little more in some hundred bytes.
constexpr int kLevel = 1;

// What stands before the run's bytes: zigzag started_at, u8 status, zigzag closed_at if it is
// closed, varint length of the run's bytes. They are compressed if what follows is shorter.
std::string head_of(const RunSummary& summary, std::size_t run_bytes) {
  std::string head;
  ByteWriter writer(&head);
  writer.svarint(summary.started_at.v);
  writer.u8(static_cast<std::uint8_t>(summary.status));
  if (is_closed(summary.status)) writer.svarint(summary.closed_at.value_or(TimeMs()).v);
  writer.varint(run_bytes);
  return head;
}

}  // namespace

RunSummary summary_of(const Run& run) {
  return {run.workflow(),
          run.state(),
          run.version(),
          run.status,
          run.started_at,
          run.closed_at,
          !run.steps.empty() || !run.incidents.empty()};
}

RunSummary summary_of(const RunGlance& glance) {
  return {glance.workflow,
          glance.state,
          glance.version,
          glance.status,
          glance.started_at,
          glance.closed_at,
          glance.has_steps || glance.has_incidents};
}

// --- packed runs ---

struct PackedRun::Parts {
  TimeMs started_at;
  RunStatus status;
  std::optional<TimeMs> closed_at;
  std::uint64_t run_bytes;
  std::string_view rest;
};

PackedRun::Parts PackedRun::parts() const {
  ByteReader in(content());
  Parts parts;
  parts.started_at = TimeMs(in.svarint());
  parts.status = static_cast<RunStatus>(in.u8());
  if (is_closed(parts.status)) parts.closed_at = TimeMs(in.svarint());
  parts.run_bytes = in.varint();
  parts.rest = in.raw(in.remaining());
  return parts;
}

PackedRun PackedRun::make(RunShape* shape, std::string_view head, std::string_view rest) {
  PackedRun packed;
  void* room = ::operator new(sizeof(Blob) + head.size() + rest.size());
  packed.blob_ = new (room) Blob{1, static_cast<std::uint32_t>(head.size() + rest.size()), shape};
  char* bytes = reinterpret_cast<char*>(packed.blob_ + 1);
  std::memcpy(bytes, head.data(), head.size());
  std::memcpy(bytes + head.size(), rest.data(), rest.size());
  ++shape->uses;
  return packed;
}

void PackedRun::release() {
  if (blob_ == nullptr || --blob_->copies > 0) return;
  RunShape* shape = blob_->shape;
  ::operator delete(blob_);
  if (--shape->uses == 0) shape->owner->forget(*shape);
}

RunSummary PackedRun::summary() const {
  const Parts p = parts();
  const RunShape& s = shape();
  return {s.workflow, s.state, s.version, p.status, p.started_at, p.closed_at, false};
}
bool PackedRun::compressed() const {
  const Parts p = parts();
  return p.rest.size() < p.run_bytes;
}

// --- there and back ---

RunPacker::RunPacker() = default;
RunPacker::~RunPacker() = default;
RunPacker::RunPacker(RunPacker&&) noexcept = default;
RunPacker& RunPacker::operator=(RunPacker&&) noexcept = default;
void RunPacker::Free::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }
void RunPacker::Free::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }
void RunPacker::Free::operator()(ZSTD_CDict_s* dictionary) const { ZSTD_freeCDict(dictionary); }
void RunPacker::Free::operator()(ZSTD_DDict_s* dictionary) const { ZSTD_freeDDict(dictionary); }

template <class Dictionary, class Make>
const Dictionary* RunPacker::digested(Few<Dictionary>* few, const RunShape& shape, Make make) {
  for (const Digested<Dictionary>& known : few->all) {
    if (known.shape == shape.number) return known.dictionary.get();
  }
  Digested<Dictionary>& next = few->all[few->oldest];
  few->oldest = (few->oldest + 1) % kDigestedMax;
  next.shape = shape.number;
  next.dictionary.reset(make());
  PAWL_CHECK(next.dictionary != nullptr);
  return next.dictionary.get();
}

PackedRun RunPacker::keep(const RunSummary& summary, std::string_view run_bytes,
                          RunShapes* shapes) {
  RunShape* shape = shapes->get(summary.workflow, summary.version, summary.state);
  return PackedRun::make(shape, head_of(summary, run_bytes.size()), run_bytes);
}

PackedRun RunPacker::pack(const RunSummary& summary, std::string_view run_bytes,
                          RunShapes* shapes) {
  RunShape* shape = shapes->get(summary.workflow, summary.version, summary.state);
  RunShapes::learn(shape, run_bytes);
  const bool shorter = !shape->dictionary.empty() && compress(*shape, run_bytes);
  return PackedRun::make(shape, head_of(summary, run_bytes.size()), shorter ? buffer_ : run_bytes);
}

// What the frame needs not say, since it is known, is left out of it: magic number, size,
// dictionary.
bool RunPacker::compress(const RunShape& shape, std::string_view run_bytes) {
  if (!compressor_) {
    compressor_.reset(ZSTD_createCCtx());
    ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_format, ZSTD_f_zstd1_magicless);
    ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_contentSizeFlag, 0);
    ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_dictIDFlag, 0);
  }
  const ZSTD_CDict* dictionary = digested(&compressing_, shape, [&] {
    return ZSTD_createCDict_byReference(shape.dictionary.data(), shape.dictionary.size(), kLevel);
  });
  PAWL_CHECK(ZSTD_isError(ZSTD_CCtx_refCDict(compressor_.get(), dictionary)) == 0);
  buffer_.resize(ZSTD_compressBound(run_bytes.size()));
  const std::size_t size = ZSTD_compress2(compressor_.get(), buffer_.data(), buffer_.size(),
                                          run_bytes.data(), run_bytes.size());
  if (ZSTD_isError(size) != 0 || size >= run_bytes.size()) return false;
  buffer_.resize(size);
  return true;
}

void RunPacker::unpack(const PackedRun& packed, std::string* out) {
  const PackedRun::Parts parts = packed.parts();
  if (parts.rest.size() == parts.run_bytes) {
    out->assign(parts.rest);
    return;
  }
  if (!decompressor_) {
    decompressor_.reset(ZSTD_createDCtx());
    ZSTD_DCtx_setParameter(decompressor_.get(), ZSTD_d_format, ZSTD_f_zstd1_magicless);
  }
  const RunShape& shape = packed.shape();
  const ZSTD_DDict* dictionary = digested(&decompressing_, shape, [&] {
    return ZSTD_createDDict_byReference(shape.dictionary.data(), shape.dictionary.size());
  });
  PAWL_CHECK(ZSTD_isError(ZSTD_DCtx_refDDict(decompressor_.get(), dictionary)) == 0);
  out->resize(parts.run_bytes);
  const std::size_t size = ZSTD_decompressDCtx(decompressor_.get(), out->data(), out->size(),
                                               parts.rest.data(), parts.rest.size());
  PAWL_CHECK(size == parts.run_bytes);
}

std::shared_ptr<Run> RunPacker::run(const PackedRun& packed) {
  unpack(packed, &buffer_);
  auto run = std::make_shared<Run>();
  PAWL_CHECK(decode_run(buffer_, run.get()));
  return run;
}

}  // namespace pawl::engine
