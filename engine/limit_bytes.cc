// Limits as bytes. In an entry: changes one after the other. In a snapshot: the rows by name.
// Numbers are varints, texts and lists have their count before them.
//
//   change := u8 what, str limit, str key, permit [, ask]        no ask behind `gone`
//   permit := varint group, varint index, varint number
//   ask    := varint concurrency, varint rate, varint window, zigzag priority, str run
//   row    := str limit, str key, varint concurrency, varint rate, varint window, varint rate kept,
//             varint window kept, varint last number
//             holders: permit, zigzag since, str run;
//             waiting: varint number, permit, ask, zigzag since; in their order
//             grants: zigzag time
#include <limits>

#include "base/bytes.h"
#include "base/limits_permits.h"
#include "engine/limit_rows.h"

namespace pawl::engine {
namespace {

template <class T>
T number(ByteReader* in) {
  const std::uint64_t x = in->varint();
  if (x > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) in->fail();
  return static_cast<T>(x);
}

void put_name(ByteWriter* w, const LimitName& name) {
  w->str(name.first);
  w->str(name.second);
}
LimitName get_name(ByteReader* in) {
  LimitName name;
  name.first = in->str();
  name.second = in->str();
  if (name.first.empty()) in->fail();
  return name;
}

void put_permit(ByteWriter* w, const PermitId& permit) {
  w->varint(permit.run.group.v);
  w->varint(permit.run.index.v);
  w->varint(permit.number);
}
PermitId get_permit(ByteReader* in) {
  PermitId permit;
  permit.run.group = GroupId(number<std::uint16_t>(in));
  permit.run.index = Index(in->varint());
  permit.number = number<std::uint32_t>(in);
  if (permit.number == 0) in->fail();
  return permit;
}

void put_ask(ByteWriter* w, const PermitAsk& ask) {
  w->varint(ask.concurrency);
  w->varint(ask.rate);
  w->varint(static_cast<std::uint64_t>(ask.window_ms));
  w->svarint(ask.priority);
  w->str(ask.run);
}
void get_ask(ByteReader* in, PermitAsk* ask) {
  ask->concurrency = number<std::uint32_t>(in);
  ask->rate = number<std::uint32_t>(in);
  ask->window_ms = number<std::int64_t>(in);
  ask->priority = in->svarint();
  ask->run = in->str();
  if (ask->rate > limits::kLimitRateMax) in->fail();
}

}  // namespace

void encode_limit_changes(const std::vector<LimitChange>& changes, std::string* out) {
  ByteWriter w(out);
  for (const LimitChange& change : changes) {
    w.u8(static_cast<std::uint8_t>(change.what));
    put_name(&w, change.limit);
    put_permit(&w, change.ask.permit);
    if (change.what != LimitChange::What::gone) put_ask(&w, change.ask);
  }
}

bool decode_limit_changes(std::string_view bytes, std::vector<LimitChange>* changes) {
  ByteReader in(bytes);
  changes->clear();
  while (in.ok() && !in.at_end()) {
    LimitChange& change = changes->emplace_back();
    const std::uint8_t what = in.u8();
    if (what > static_cast<std::uint8_t>(LimitChange::What::gone)) return false;
    change.what = static_cast<LimitChange::What>(what);
    change.limit = get_name(&in);
    change.ask.permit = get_permit(&in);
    if (change.what != LimitChange::What::gone) get_ask(&in, &change.ask);
  }
  return in.done();
}

void LimitRows::encode(std::string* out) const {
  ByteWriter w(out);
  w.varint(rows_.size());
  for (const auto& [name, row] : rows_) {
    put_name(&w, name);
    w.varint(row.concurrency);
    w.varint(row.rate);
    w.varint(static_cast<std::uint64_t>(row.window_ms));
    w.varint(row.rate_kept);
    w.varint(static_cast<std::uint64_t>(row.window_ms_kept));
    w.varint(row.last_number);
    w.varint(row.held.size());
    for (const auto& [permit, holder] : row.held) {
      put_permit(&w, permit);
      w.svarint(holder.since.v);
      w.str(holder.run);
    }
    w.varint(row.waiting.size());
    for (const auto& [place, waiter] : row.waiting) {
      w.varint(place.number);
      put_permit(&w, waiter.ask.permit);
      put_ask(&w, waiter.ask);
      w.svarint(waiter.since.v);
    }
    w.varint(row.grants.size());
    for (const TimeMs at : row.grants) w.svarint(at.v);
  }
}

namespace {

// What is out of order, or there twice, is malformed.
void get_row(ByteReader* in, LimitRow* row) {
  row->concurrency = number<std::uint32_t>(in);
  row->rate = number<std::uint32_t>(in);
  row->window_ms = number<std::int64_t>(in);
  row->rate_kept = number<std::uint32_t>(in);
  row->window_ms_kept = number<std::int64_t>(in);
  row->last_number = in->varint();
  for (std::uint64_t n = in->varint(); n > 0 && in->ok(); --n) {
    const PermitId permit = get_permit(in);
    const TimeMs since(in->svarint());
    const bool ordered = row->held.empty() || row->held.rbegin()->first < permit;
    row->held.emplace_hint(row->held.end(), permit, PermitHolder{since, std::string(in->str())});
    if (!ordered) in->fail();
  }
  for (std::uint64_t n = in->varint(); n > 0 && in->ok(); --n) {
    PermitPlace place{0, in->varint()};
    PermitWaiter waiter;
    waiter.ask.permit = get_permit(in);
    get_ask(in, &waiter.ask);
    waiter.since = TimeMs(in->svarint());
    place.negated_priority = -waiter.ask.priority;
    const bool ordered = row->waiting.empty() || row->waiting.rbegin()->first < place;
    if (!ordered || place.number > row->last_number) in->fail();
    row->waiting.emplace_hint(row->waiting.end(), place, std::move(waiter));
  }
  for (std::uint64_t n = in->varint(); n > 0 && in->ok(); --n) {
    const TimeMs at(in->svarint());
    if (!row->grants.empty() && at < row->grants.back()) in->fail();
    row->grants.push_back(at);
  }
  if (row->held.empty() && row->waiting.empty() && row->grants.empty()) in->fail();
}

}  // namespace

bool LimitRows::decode(std::string_view bytes) {
  ByteReader in(bytes);
  LimitRows decoded;
  for (std::uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
    const LimitName name = get_name(&in);
    if (!decoded.rows_.empty() && !(decoded.rows_.rbegin()->first < name)) return false;
    LimitRow row;
    get_row(&in, &row);
    if (!in.ok()) return false;
    for (const auto& [permit, holder] : row.held) {
      if (!decoded.permits_.emplace(std::pair(name, permit), std::nullopt).second) return false;
    }
    for (const auto& [place, waiter] : row.waiting) {
      if (!decoded.permits_.emplace(std::pair(name, waiter.ask.permit), place).second) return false;
    }
    decoded.index(name, row);
    decoded.rows_.emplace_hint(decoded.rows_.end(), name, std::move(row));
  }
  if (!in.done()) return false;
  *this = std::move(decoded);
  return true;
}

}  // namespace pawl::engine
