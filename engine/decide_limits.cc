#include "engine/decide_limits.h"

#include <algorithm>

#include "base/limits_permits.h"

namespace pawl::engine {
namespace {

using What = LimitChange::What;

PermitAsk only(const PermitId& permit) {
  PermitAsk ask;
  ask.permit = permit;
  return ask;
}

}  // namespace

LimitDecision::View& LimitDecision::view(const LimitName& limit) {
  const auto [at, is_new] = views_.try_emplace(limit);
  View& view = at->second;
  if (!is_new) return view;
  view.row = rows_.find(limit);
  if (view.row != nullptr && view.row->is_over(now_)) view.row = nullptr;
  if (view.row == nullptr) return view;
  view.next = view.row->waiting.begin();
  view.last_number = view.row->last_number;
  return view;
}

PermitState LimitDecision::state(const View& view, const LimitName& limit,
                                 const PermitId& permit) const {
  if (view.granted.contains(permit)) return PermitState::held;
  if (view.places.contains(permit)) return PermitState::waits;
  if (view.row == nullptr || view.gone.contains(permit)) return PermitState::none;
  if (view.row->held.contains(permit)) return PermitState::held;
  return rows_.place_of(limit, permit) != nullptr ? PermitState::waits : PermitState::none;
}

const PermitAsk* LimitDecision::first(View* view, PermitPlace* place) const {
  const PermitAsk* first = nullptr;
  if (view->row != nullptr) {
    const auto end = view->row->waiting.end();
    const auto is_past = [view](const PermitId& permit) {
      return view->gone.contains(permit) || view->granted.contains(permit);
    };
    while (view->next != end && is_past(view->next->second.ask.permit)) ++view->next;
    if (view->next != end) {
      *place = view->next->first;
      first = &view->next->second.ask;
    }
  }
  if (view->added.empty()) return first;
  const auto& [at, ask] = *view->added.begin();
  if (first != nullptr && *place < at) return first;
  *place = at;
  return &ask;
}

bool LimitDecision::has_room(const View& view, const PermitAsk& ask) const {
  static const LimitRow none;
  const LimitRow& row = view.row == nullptr ? none : *view.row;
  return row.has_room(ask, now_, view.more_held, view.more_granted);
}

PermitState LimitDecision::ask(const LimitName& limit, const PermitAsk& ask) {
  View& view = this->view(limit);
  const PermitState known = state(view, limit, ask.permit);
  if (known != PermitState::none) return known;
  const bool is_new = view.row == nullptr && view.last_number == 0 && view.granted.empty();
  if (rows_.permit_count() + more_permits_ >= limits::kPermitsMax ||
      (is_new && rows_.count(now_) + more_rows_ >= limits::kLimitRowsMax)) {
    return PermitState::no_room;
  }
  ++more_permits_;
  more_rows_ += is_new ? 1 : 0;
  PermitPlace place;
  const PermitAsk* before = first(&view, &place);
  const bool is_first = before == nullptr || -ask.priority < place.negated_priority;
  if (is_first && has_room(view, ask)) {
    changes_.push_back({What::granted, limit, ask});
    view.granted.insert(ask.permit);
    ++view.more_held;
    ++view.more_granted;
    return PermitState::held;
  }
  changes_.push_back({What::waits, limit, ask});
  place = {-ask.priority, ++view.last_number};
  view.added.emplace(place, ask);
  view.places.emplace(ask.permit, place);
  return PermitState::waits;
}

void LimitDecision::give_back(const LimitName& limit, const PermitId& permit) {
  View& view = this->view(limit);
  const PermitState known = state(view, limit, permit);
  if (known == PermitState::none) return;
  changes_.push_back({What::gone, limit, only(permit)});
  if (const auto at = view.places.find(permit); at != view.places.end()) {
    view.added.erase(at->second);
    view.places.erase(at);
  }
  view.granted.erase(permit);
  view.gone.insert(permit);
  if (known == PermitState::held) --view.more_held;
  grant_waiting(limit, &view);
}

void LimitDecision::grant_waiting(const LimitName& limit, View* view) {
  PermitPlace place;
  for (const PermitAsk* next = first(view, &place);
       next != nullptr && changes_.size() < 2 * limits::kPermitsPerEntryMax &&
       has_room(*view, *next);
       next = first(view, &place)) {
    const PermitId permit = next->permit;
    changes_.push_back({What::granted, limit, only(permit)});
    view->added.erase(place);
    view->places.erase(permit);
    view->granted.insert(permit);
    ++view->more_held;
    ++view->more_granted;
  }
}

void LimitDecision::grant_due(std::size_t max) {
  for (const auto& [due, limit] : rows_.by_due()) {
    if (due > now_ || max-- == 0) return;
    grant_waiting(limit, &view(limit));
  }
}

}  // namespace pawl::engine
