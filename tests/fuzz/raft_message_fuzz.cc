// Raft messages and memberships on arbitrary bytes: what is read stays inside, keeps every bound
// (the encoder checks them), and comes back the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "codecs/membership_bytes.h"
#include "codecs/raft_message.h"
#include "tests/codecs/raft_samples.h"

namespace {

using namespace pawl;
using namespace pawl::codecs;

void read_message(std::string_view bytes) {
  static RaftMessageEncoder* const encoder = new RaftMessageEncoder;
  RaftEnvelope first, second;
  std::string error, again;
  if (!decode_raft_message(bytes, &first, &error)) {
    if (error.empty()) std::abort();
    return;
  }
  encoder->encode(first, &again);
  if (!decode_raft_message(again, &second, &error)) std::abort();
  if (text_of(first) != text_of(second)) std::abort();
}

void read_membership(std::string_view bytes) {
  raft::Membership membership;
  std::string error, again;
  if (!decode_membership(bytes, &membership, &error)) {
    if (error.empty()) std::abort();
    return;
  }
  encode_membership(membership, &again);
  if (again != bytes) std::abort();
}

// A true message with the input xored over it, so that the depths are reached at once.
void edit_message(std::string_view bytes) {
  if (bytes.empty()) return;
  const auto samples = raft_samples();
  const RaftEnvelope& sample = samples[static_cast<unsigned char>(bytes[0]) % samples.size()];
  RaftMessageEncoder encoder;
  std::string edited;
  encoder.encode(sample, &edited);
  for (std::size_t i = 1; i < bytes.size() && i <= edited.size(); ++i) edited[i - 1] ^= bytes[i];
  read_message(edited);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  read_message(bytes);
  read_membership(bytes);
  edit_message(bytes);
  return 0;
}
