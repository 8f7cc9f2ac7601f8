// FlatBuffers reads through pointers to its types, which have to be aligned; what a journal's frame
// or a datagram holds stands at any address. Bytes that are not aligned are copied.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace pawl::codecs {

class AlignedBytes {
 public:
  // `bytes` have to outlive it unless they are copied.
  explicit AlignedBytes(std::string_view bytes) : from_(bytes), view_(bytes) {
    if (reinterpret_cast<std::uintptr_t>(bytes.data()) % sizeof(std::uint64_t) == 0) return;
    copy_ =
        std::make_unique_for_overwrite<std::uint64_t[]>(bytes.size() / sizeof(std::uint64_t) + 1);
    std::memcpy(copy_.get(), bytes.data(), bytes.size());
    view_ = {reinterpret_cast<const char*>(copy_.get()), bytes.size()};
  }

  std::string_view view() const { return view_; }
  const std::uint8_t* data() const { return reinterpret_cast<const std::uint8_t*>(view_.data()); }
  // The bytes it was made of at the place of `part`, which is a part of view().
  std::string_view original(std::string_view part) const {
    return part.data() == nullptr ? std::string_view()
                                  : from_.substr(part.data() - view_.data(), part.size());
  }

 private:
  std::string_view from_, view_;
  std::unique_ptr<std::uint64_t[]> copy_;
};

}  // namespace pawl::codecs
