// Who belongs to a group as bytes: the part of an entry's payload, and of a snapshot, that holds
// it. Equal memberships have equal bytes, and no others decode.
//
//   membership := format:u8 list list list list     voters, outgoing, learners, learners_next
//   list       := count:varint id:varint...         ascending, as raft::Membership keeps them
#pragma once

#include <string>
#include <string_view>

#include "raft/membership.h"

namespace pawl::codecs {

inline constexpr std::uint8_t kMembershipFormat = 1;

// Appends a membership, which is raft::well_formed().
void encode_membership(const raft::Membership& membership, std::string* out);

// All of `bytes` is one membership, and well formed: else false with a reason in *error, and
// *membership in any state.
bool decode_membership(std::string_view bytes, raft::Membership* membership, std::string* error);

}  // namespace pawl::codecs
