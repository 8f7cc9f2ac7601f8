// Where boot ids, challenges, nonces and ephemeral keys come from. An argument everywhere, so that
// a test repeats a handshake byte for byte; the daemon passes SystemRandomBytes (seal.h).
#pragma once

#include <cstddef>

#include "codecs/wire_ids.h"

namespace pawl::codecs {

class RandomBytes {
 public:
  virtual ~RandomBytes() = default;
  // Fills `bytes` bytes at `out`. A real one is a cryptographic generator and does not fail.
  virtual void fill(unsigned char* out, std::size_t bytes) = 0;
};

// A random name that is not "none".
template <class Id>
Id draw_id(RandomBytes* random) {
  Id id;
  do random->fill(id.v.data(), id.v.size());
  while (id.is_none());
  return id;
}

}  // namespace pawl::codecs
