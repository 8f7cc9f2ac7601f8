#include "log/compression.h"

#define ZDICT_STATIC_LINKING_ONLY
#include <zdict.h>
#include <zstd.h>

#include <bit>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "log/training.h"

namespace pawl::log {
namespace {

// Negative levels are faster and no smaller here; higher ones cost more than the disk they save.
constexpr int kLevel = 1;
// A window of 256 KiB: batches are smaller almost always, and the context stays small.
constexpr int kWindowLog = 18;

// COVER (Liao, Petri, Moffat, Wirth, "Effective Construction of Relative Lempel-Ziv Dictionaries",
// 2016) over hashes of 8 bytes, with the segment length that zstd's own search finds for records
// like ours.
constexpr unsigned kTrainSegment = 200;
constexpr unsigned kTrainMatch = 8;

}  // namespace

void FreeZstd::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }
void FreeZstd::operator()(ZSTD_CDict_s* dictionary) const { ZSTD_freeCDict(dictionary); }
void FreeZstd::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }
void FreeZstd::operator()(ZSTD_DDict_s* dictionary) const { ZSTD_freeDDict(dictionary); }

std::shared_ptr<const Dictionary> Dictionary::make(std::string bytes) {
  if (bytes.size() > limits::kDictionaryBytesMax) return nullptr;
  std::shared_ptr<Dictionary> made(new Dictionary(std::move(bytes)));
  made->id_ = ZSTD_getDictID_fromDict(made->bytes_.data(), made->bytes_.size());
  if (made->id_ == 0) return nullptr;
  made->digested_.reset(ZSTD_createDDict(made->bytes_.data(), made->bytes_.size()));
  return made->digested_ != nullptr ? made : nullptr;
}

void Compressor::use(std::shared_ptr<const Dictionary> dictionary) {
  if (dictionary == dictionary_) return;
  dictionary_ = std::move(dictionary);
  digested_.reset();
  if (dictionary_ == nullptr) return;
  digested_.reset(
      ZSTD_createCDict(dictionary_->bytes().data(), dictionary_->bytes().size(), kLevel));
  PAWL_CHECK(digested_ != nullptr);
}

bool Compressor::compress(std::string_view raw, std::size_t gain_min, std::string* out) {
  if (raw.size() <= gain_min) return false;
  if (!context_) {
    context_.reset(ZSTD_createCCtx());
    PAWL_CHECK(context_ != nullptr);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, kWindowLog);
    // The frame's own header and the segment say both.
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_dictIDFlag, 0);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 0);
  }
  const std::size_t set = ZSTD_CCtx_refCDict(context_.get(), digested_.get());
  PAWL_CHECK(!ZSTD_isError(set));
  // No room for more than would be kept: zstd gives up as soon as it needs it.
  out->resize(raw.size() - gain_min);
  const std::size_t made =
      ZSTD_compress2(context_.get(), out->data(), out->size(), raw.data(), raw.size());
  if (ZSTD_isError(made)) {
    ZSTD_CCtx_reset(context_.get(), ZSTD_reset_session_only);  // it stopped within a frame
    return false;
  }
  out->resize(made);
  return true;
}

bool Decompressor::decompress(std::string_view stored, const Dictionary* dictionary,
                              std::size_t raw_bytes, std::string* out) {
  if (!context_) {
    context_.reset(ZSTD_createDCtx());
    PAWL_CHECK(context_ != nullptr);
  }
  const ZSTD_DDict* digested = dictionary == nullptr ? nullptr : dictionary->digested_.get();
  const std::size_t set = ZSTD_DCtx_refDDict(context_.get(), digested);
  PAWL_CHECK(!ZSTD_isError(set));
  if (out->size() < raw_bytes) out->resize(raw_bytes);
  const std::size_t got =
      ZSTD_decompressDCtx(context_.get(), out->data(), raw_bytes, stored.data(), stored.size());
  return !ZSTD_isError(got) && got == raw_bytes;
}

std::string train_dictionary(const TrainingSet& samples) {
  if (samples.sizes.empty()) return "";
  ZDICT_fastCover_params_t parameters{};
  parameters.k = kTrainSegment;
  parameters.d = kTrainMatch;
  // Twice as many counters as there are places to count.
  parameters.f = static_cast<unsigned>(std::bit_width(samples.bytes.size())) + 1;
  parameters.accel = 1;
  parameters.splitPoint = 1.0;
  parameters.zParams.compressionLevel = kLevel;
  parameters.zParams.dictID = samples.dictionary_id;
  std::string dictionary(samples.dictionary_bytes, '\0');
  const std::size_t made = ZDICT_trainFromBuffer_fastCover(
      dictionary.data(), dictionary.size(), samples.bytes.data(), samples.sizes.data(),
      static_cast<unsigned>(samples.sizes.size()), parameters);
  if (ZDICT_isError(made)) return "";
  dictionary.resize(made);
  return dictionary;
}

}  // namespace pawl::log
