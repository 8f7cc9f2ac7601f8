// Namespaces, and their events as bytes: a kind (31 put, 32 ended, 33 shared), then the fields in
// order. A quota is three numbers, each one more than what it is, 0: none.
#include "engine/namespace_book.h"

#include <limits>

#include "base/limits_namespaces.h"
#include "engine/namespace.h"

namespace pawl::engine {
namespace {

void put_actor(ByteWriter* w, const Actor& actor) {
  w->varint(actor.box.v);
  w->varint(actor.uid);
  w->varint(actor.gids.size());
  for (const std::uint32_t gid : actor.gids) w->varint(gid);
}
std::uint32_t get_id(ByteReader* in) {
  const std::uint64_t x = in->varint();
  if (x > std::numeric_limits<std::uint32_t>::max()) in->fail();
  return static_cast<std::uint32_t>(x);
}
Actor get_actor(ByteReader* in) {
  Actor actor;
  actor.box = NodeId(in->varint());
  actor.uid = get_id(in);
  for (std::uint64_t n = in->varint(); n > 0 && in->ok(); --n) actor.gids.push_back(get_id(in));
  return actor;
}

void put_bound(ByteWriter* w, const std::optional<std::int64_t>& bound) {
  w->varint(bound ? static_cast<std::uint64_t>(*bound) + 1 : 0);
}
std::int64_t get_number(ByteReader* in) {
  const std::uint64_t x = in->varint();
  if (x > static_cast<std::uint64_t>(limits::kQuotaBytesMax) + 1) in->fail();
  return in->ok() ? static_cast<std::int64_t>(x) : 0;
}
std::optional<std::int64_t> get_bound(ByteReader* in) {
  const std::int64_t x = get_number(in);
  return x == 0 ? std::nullopt : std::optional(x - 1);
}

void put_shares(ByteWriter* w, const NamespaceShares& shares) {
  w->varint(shares.size());
  for (const NamespaceShare& share : shares) {
    w->varint(static_cast<std::uint64_t>(share.runs));
    w->varint(static_cast<std::uint64_t>(share.payload_bytes));
  }
}
NamespaceShares get_shares(ByteReader* in) {
  NamespaceShares shares;
  for (std::uint64_t n = in->varint(); n > 0 && in->ok(); --n) {
    NamespaceShare& share = shares.emplace_back();
    share.runs = get_number(in);
    share.payload_bytes = get_number(in);
  }
  return shares;
}

void put_fields(ByteWriter* w, const NamespacePut& e) {
  w->str(e.name);
  put_bound(w, e.quota.max_runs);
  put_bound(w, e.quota.max_payload_bytes);
  put_bound(w, e.quota.starts_per_second);
  w->str(e.reason);
  w->svarint(e.at.v);
  put_actor(w, e.actor);
}
void put_fields(ByteWriter* w, const NamespaceEnded& e) {
  w->str(e.name);
  w->u8(e.gone ? 1 : 0);
  w->svarint(e.at.v);
  put_actor(w, e.actor);
}
void put_fields(ByteWriter* w, const NamespaceShared& e) {
  w->str(e.name);
  put_shares(w, e.shares);
}

NamespacePut get_put(ByteReader* in) {
  NamespacePut e;
  e.name = std::string(in->str());
  e.quota.max_runs = get_bound(in);
  e.quota.max_payload_bytes = get_bound(in);
  e.quota.starts_per_second = get_bound(in);
  e.reason = std::string(in->str());
  e.at = TimeMs(in->svarint());
  e.actor = get_actor(in);
  return e;
}
NamespaceEnded get_ended(ByteReader* in) {
  NamespaceEnded e;
  e.name = std::string(in->str());
  const std::uint8_t gone = in->u8();
  if (gone > 1) in->fail();
  e.gone = gone == 1;
  e.at = TimeMs(in->svarint());
  e.actor = get_actor(in);
  return e;
}

bool fits(const std::optional<std::int64_t>& bound, std::int64_t max) {
  return !bound || (*bound >= 0 && *bound <= max);
}

}  // namespace

void put(ByteWriter* w, const NamespaceEvent& event) {
  w->varint(kNamespaceKindFirst + event.index());
  std::visit([w](const auto& e) { put_fields(w, e); }, event);
}

NamespaceEvent get_namespace_event(std::uint64_t kind, ByteReader* in) {
  if (kind == 31) return get_put(in);
  if (kind == 32) return get_ended(in);
  if (kind != 33) in->fail();
  NamespaceShared e;
  e.name = std::string(in->str());
  e.shares = get_shares(in);
  return e;
}

NamespaceShare Namespace::share(GroupId group) const {
  const std::size_t at = group.v - std::size_t{1};
  return group.v == 0 || at >= shares.size() ? NamespaceShare{} : shares[at];
}

bool NamespaceBook::fold(const NamespacePut& e) {
  if (!is_namespace_name(e.name)) return false;
  const bool bounded = fits(e.quota.max_runs, limits::kQuotaRunsMax) &&
                       fits(e.quota.max_payload_bytes, limits::kQuotaBytesMax) &&
                       fits(e.quota.starts_per_second, limits::kQuotaStartsMax);
  if (!bounded) return false;
  const auto at = all_.find(e.name);
  if (at == all_.end() && all_.size() >= limits::kNamespacesMax) return false;
  Namespace& known = all_[e.name];
  if (at == all_.end()) known.created_at = e.at;
  known.put = e;
  known.ending = false;
  known.change = ++changes_;
  return true;
}

bool NamespaceBook::fold(const NamespaceEnded& e) {
  const auto at = all_.find(e.name);
  if (at == all_.end() || e.name == kDefaultNamespace || at->second.ending != e.gone) return false;
  at->second.ending = true;
  at->second.change = ++changes_;
  if (e.gone) all_.erase(at);
  return true;
}

bool NamespaceBook::fold(const NamespaceShared& e) {
  const auto at = all_.find(e.name);
  if (at == all_.end()) return false;
  const NamespaceQuota& quota = at->second.put.quota;
  std::int64_t runs = 0, bytes = 0;
  for (const NamespaceShare& share : e.shares) {
    if (share.runs < 0 || share.runs > limits::kQuotaRunsMax) return false;
    if (share.payload_bytes < 0 || share.payload_bytes > limits::kQuotaBytesMax) return false;
    runs += share.runs;
    bytes += share.payload_bytes;
    if (runs > quota.max_runs.value_or(0) || bytes > quota.max_payload_bytes.value_or(0)) {
      return false;
    }
  }
  at->second.shares = e.shares;
  at->second.change = ++changes_;
  return true;
}

bool NamespaceBook::apply(const NamespaceEvent& event) {
  return std::visit([this](const auto& e) { return fold(e); }, event);
}

const Namespace* NamespaceBook::find(std::string_view name) const {
  const auto at = all_.find(name);
  return at == all_.end() ? nullptr : &at->second;
}

bool NamespaceBook::is_open(std::string_view name) const {
  if (name == kDefaultNamespace) return true;
  const Namespace* known = find(name);
  return known != nullptr && !known->ending;
}

// The number of changes, then by row: put, created_at, ending, shares, change.
void NamespaceBook::encode(std::string* out) const {
  ByteWriter w(out);
  w.varint(changes_);
  for (const auto& [name, known] : all_) {
    put_fields(&w, known.put);
    w.svarint(known.created_at.v);
    w.u8(known.ending ? 1 : 0);
    put_shares(&w, known.shares);
    w.varint(known.change);
  }
}

bool NamespaceBook::decode(std::string_view bytes) {
  ByteReader in(bytes);
  NamespaceBook decoded;
  const std::uint64_t changes = in.varint();
  while (in.ok() && !in.at_end()) {
    NamespacePut put = get_put(&in);
    if (!decoded.all_.empty() && put.name <= decoded.all_.rbegin()->first) return false;
    const std::string name = put.name;
    if (!decoded.fold(put)) return false;
    Namespace& known = decoded.all_[name];
    known.created_at = TimeMs(in.svarint());
    const std::uint8_t ending = in.u8();
    if (ending > 1) return false;
    known.ending = ending == 1;
    known.shares = get_shares(&in);
    known.change = in.varint();
    if (known.change > changes) return false;
  }
  if (!in.done()) return false;
  decoded.changes_ = changes;
  *this = std::move(decoded);
  return true;
}

}  // namespace pawl::engine
