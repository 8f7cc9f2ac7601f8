#include "engine/limit_rows.h"

#include <algorithm>

#include "base/limits_permits.h"

namespace pawl::engine {
namespace {

using What = LimitChange::What;

// When none of its grants counts any more.
TimeMs idle_until(const LimitRow& row) { return TimeMs(row.grants.back().v + row.window_ms_kept); }

bool is_idle(const LimitRow& row) {
  return row.held.empty() && row.waiting.empty() && !row.grants.empty();
}

}  // namespace

bool is_sound(const LimitName& limit, const PermitAsk& ask, bool gives_back) {
  const bool named = !limit.first.empty() && limit.first.size() <= limits::kLimitNameBytesMax &&
                     limit.second.size() <= limits::kLimitKeyBytesMax && ask.permit.number > 0;
  if (!named || gives_back) return named;
  const bool bounds = ask.concurrency <= limits::kLimitConcurrencyMax &&
                      ask.rate <= limits::kLimitRateMax && ask.window_ms >= 0 &&
                      ask.window_ms <= limits::kLimitWindowMsMax &&
                      (ask.rate > 0) == (ask.window_ms > 0) && ask.concurrency + ask.rate > 0;
  const bool priority =
      ask.priority >= limits::kTaskPriorityMin && ask.priority <= limits::kTaskPriorityMax;
  return bounds && priority && !ask.run.empty() && ask.run.size() <= limits::kPermitRunBytesMax;
}

bool LimitRow::is_over(TimeMs now) const { return is_idle(*this) && idle_until(*this) <= now; }

std::size_t LimitRow::grants_since(TimeMs time) const {
  return static_cast<std::size_t>(grants.end() -
                                  std::upper_bound(grants.begin(), grants.end(), time));
}

bool LimitRow::has_room(const PermitAsk& ask, TimeMs now, std::int64_t more_held,
                        std::size_t more_granted) const {
  const std::int64_t out = static_cast<std::int64_t>(held.size()) + more_held;
  if (ask.concurrency > 0 && out >= ask.concurrency) return false;
  if (ask.rate == 0) return true;
  return grants_since(TimeMs(now.v - ask.window_ms)) + more_granted < ask.rate;
}

std::optional<TimeMs> LimitRow::due() const {
  if (waiting.empty()) return std::nullopt;
  const PermitAsk& first = waiting.begin()->second.ask;
  if (first.concurrency > 0 && held.size() >= first.concurrency) return std::nullopt;
  if (first.rate == 0 || grants.size() < first.rate) return waiting.begin()->second.since;
  return TimeMs(grants[grants.size() - first.rate].v + first.window_ms);
}

const LimitRow* LimitRows::find(const LimitName& limit) const {
  const auto at = rows_.find(limit);
  return at == rows_.end() ? nullptr : &at->second;
}

const PermitPlace* LimitRows::place_of(const LimitName& limit, const PermitId& permit) const {
  const auto at = permits_.find({limit, permit});
  return at == permits_.end() || !at->second ? nullptr : &*at->second;
}

std::size_t LimitRows::count(TimeMs now) const {
  const auto end = idle_.upper_bound({TimeMs(now.v + 1), {}});
  return rows_.size() - static_cast<std::size_t>(std::distance(idle_.begin(), end));
}

bool LimitRows::apply(const LimitChange& change, TimeMs now) {
  forget_idle(now);
  const auto before = rows_.find(change.limit);
  if (before != rows_.end()) unindex(change.limit, before->second);
  bool fits = false;
  switch (change.what) {
    case What::waits:
      fits = add_waiting(change, now);
      break;
    case What::granted:
      fits = grant(change, now);
      break;
    case What::gone:
      fits = remove(change);
      break;
  }
  const auto after = rows_.find(change.limit);
  if (after == rows_.end()) return fits;
  const LimitRow& row = after->second;
  if (row.held.empty() && row.waiting.empty() && row.grants.empty()) {
    rows_.erase(after);
  } else {
    index(change.limit, row);
  }
  return fits;
}

// With what the limit is said to be now.
LimitRow& LimitRows::row_for(const LimitChange& change) {
  LimitRow& row = rows_[change.limit];
  row.concurrency = change.ask.concurrency;
  row.rate = change.ask.rate;
  row.window_ms = change.ask.window_ms;
  row.rate_kept = std::max(row.rate_kept, row.rate);
  row.window_ms_kept = std::max(row.window_ms_kept, row.window_ms);
  return row;
}

bool LimitRows::add_waiting(const LimitChange& change, TimeMs now) {
  const bool room = permits_.size() < limits::kPermitsMax &&
                    (rows_.contains(change.limit) || rows_.size() < limits::kLimitRowsMax);
  if (!room || permits_.contains({change.limit, change.ask.permit})) return false;
  LimitRow& row = row_for(change);
  const PermitPlace place{-change.ask.priority, ++row.last_number};
  row.waiting.emplace(place, PermitWaiter{change.ask, now});
  permits_.emplace(std::pair(change.limit, change.ask.permit), place);
  return true;
}

bool LimitRows::grant(const LimitChange& change, TimeMs now) {
  const auto known = permits_.find({change.limit, change.ask.permit});
  const bool waited = known != permits_.end();
  if (waited && !known->second) return false;
  const LimitRow* before = find(change.limit);
  if (waited && before->waiting.begin()->first != *known->second) return false;
  const PermitAsk ask = waited ? before->waiting.begin()->second.ask : change.ask;
  if (before != nullptr && !before->has_room(ask, now)) return false;
  if (!waited) {
    const bool room = permits_.size() < limits::kPermitsMax &&
                      (before != nullptr || rows_.size() < limits::kLimitRowsMax);
    const bool first = before == nullptr || before->waiting.empty() ||
                       -ask.priority < before->waiting.begin()->first.negated_priority;
    if (!room || !first) return false;
  }
  LimitRow& row = waited ? rows_.at(change.limit) : row_for(change);
  if (waited) row.waiting.erase(row.waiting.begin());
  row.held.emplace(ask.permit, PermitHolder{now, ask.run});
  permits_[{change.limit, ask.permit}] = std::nullopt;
  if (row.rate_kept == 0) return true;
  row.grants.push_back(now);
  while (row.grants.size() > row.rate_kept || row.grants.front().v <= now.v - row.window_ms_kept) {
    row.grants.pop_front();
  }
  return true;
}

bool LimitRows::remove(const LimitChange& change) {
  const auto known = permits_.find({change.limit, change.ask.permit});
  if (known == permits_.end()) return false;
  LimitRow& row = rows_.at(change.limit);
  if (known->second) {
    row.waiting.erase(*known->second);
  } else {
    row.held.erase(change.ask.permit);
  }
  permits_.erase(known);
  return true;
}

void LimitRows::unindex(const LimitName& limit, const LimitRow& row) {
  if (const auto due = row.due()) by_due_.erase({*due, limit});
  if (!row.grants.empty()) idle_.erase({idle_until(row), limit});
}

void LimitRows::index(const LimitName& limit, const LimitRow& row) {
  if (const auto due = row.due()) by_due_.insert({*due, limit});
  if (is_idle(row)) idle_.insert({idle_until(row), limit});
}

void LimitRows::forget_idle(TimeMs now) {
  while (!idle_.empty() && idle_.begin()->first <= now) {
    rows_.erase(idle_.begin()->second);
    idle_.erase(idle_.begin());
  }
}

}  // namespace pawl::engine
