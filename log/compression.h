// The one door to zstd (RFC 8878): payloads of frames are compressed alone, with the dictionary of
// their segment where it has one. A batch of one small entry has little in it that repeats; a
// dictionary trained from the store's own entries holds what all of them share.
//
// What comes out is decided by the bytes alone: every frame stands for itself, nothing is carried
// from one to the next. docs/log-format.md, "Compression".
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

struct ZSTD_CCtx_s;
struct ZSTD_CDict_s;
struct ZSTD_DCtx_s;
struct ZSTD_DDict_s;

namespace pawl::log {

struct TrainingSet;

// What zstd made, and how it wants it back.
struct FreeZstd {
  void operator()(ZSTD_CCtx_s* context) const;
  void operator()(ZSTD_CDict_s* dictionary) const;
  void operator()(ZSTD_DCtx_s* context) const;
  void operator()(ZSTD_DDict_s* dictionary) const;
};

// A zstd dictionary, digested for reading. Immutable; shared by the journal's writer and whoever
// reads its places, also across threads.
class Dictionary {
 public:
  // Null unless `bytes` are a zstd dictionary with an id (RFC 8878, 5) of at most
  // limits::kDictionaryBytesMax bytes.
  static std::shared_ptr<const Dictionary> make(std::string bytes);
  Dictionary(const Dictionary&) = delete;
  Dictionary& operator=(const Dictionary&) = delete;

  const std::string& bytes() const { return bytes_; }
  std::uint32_t id() const { return id_; }

 private:
  friend class Decompressor;
  explicit Dictionary(std::string bytes) : bytes_(std::move(bytes)) {}

  const std::string bytes_;
  std::uint32_t id_ = 0;
  std::unique_ptr<ZSTD_DDict_s, FreeZstd> digested_;
};

// One thread's; what it needs of memory is made at the first use.
class Compressor {
 public:
  // From now on with this dictionary; null: without.
  void use(std::shared_ptr<const Dictionary> dictionary);
  const std::shared_ptr<const Dictionary>& dictionary() const { return dictionary_; }
  // Replaces `out` by `raw` as one zstd frame. False if that would not be smaller than `raw` by at
  // least `gain_min` bytes: then `out` means nothing.
  bool compress(std::string_view raw, std::size_t gain_min, std::string* out);

 private:
  std::unique_ptr<ZSTD_CCtx_s, FreeZstd> context_;
  std::shared_ptr<const Dictionary> dictionary_;
  std::unique_ptr<ZSTD_CDict_s, FreeZstd> digested_;
};

// The other direction. One thread's.
class Decompressor {
 public:
  // Fills `out` (at least `raw_bytes` long, or it grows) with what `stored` was made of. False if
  // it is not one zstd frame of exactly `raw_bytes`, or needs another dictionary.
  bool decompress(std::string_view stored, const Dictionary* dictionary, std::size_t raw_bytes,
                  std::string* out);

 private:
  std::unique_ptr<ZSTD_DCtx_s, FreeZstd> context_;
};

// A dictionary for payloads like the samples, or "" if they are too few or too much alike to make
// one of. The same samples give the same dictionary. Tens of milliseconds: not for the loop.
std::string train_dictionary(const TrainingSet& samples);

}  // namespace pawl::log
