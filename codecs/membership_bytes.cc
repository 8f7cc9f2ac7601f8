#include "codecs/membership_bytes.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"

namespace pawl::codecs {
namespace {

constexpr std::uint64_t kListMax = std::max(limits::kVotersMax, limits::kLearnersMax);

void write_list(const std::vector<NodeId>& ids, ByteWriter* w) {
  w->varint(ids.size());
  for (const NodeId id : ids) w->varint(id.v);
}

void read_list(ByteReader* r, std::vector<NodeId>* ids) {
  ids->clear();
  const std::uint64_t count = r->varint();
  if (count > kListMax) r->fail();
  for (std::uint64_t i = 0; i < count && r->ok(); ++i) ids->push_back(NodeId(r->varint()));
}

}  // namespace

void encode_membership(const raft::Membership& membership, std::string* out) {
  PAWL_CHECK(raft::well_formed(membership));
  ByteWriter w(out);
  w.u8(kMembershipFormat);
  write_list(membership.voters, &w);
  write_list(membership.outgoing, &w);
  write_list(membership.learners, &w);
  write_list(membership.learners_next, &w);
}

bool decode_membership(std::string_view bytes, raft::Membership* membership, std::string* error) {
  ByteReader r(bytes);
  const std::uint8_t format = r.u8();
  if (r.ok() && format != kMembershipFormat) {
    *error = "the membership has the unknown format " + std::to_string(format);
    return false;
  }
  read_list(&r, &membership->voters);
  read_list(&r, &membership->outgoing);
  read_list(&r, &membership->learners);
  read_list(&r, &membership->learners_next);
  if (!r.done()) {
    *error = "the membership's bytes are cut, too many or not canonical";
    return false;
  }
  if (!raft::well_formed(*membership)) {
    *error = "the membership makes no sense: " + raft::to_string(*membership);
    return false;
  }
  return true;
}

}  // namespace pawl::codecs
