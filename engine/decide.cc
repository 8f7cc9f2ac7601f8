#include "engine/decide.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "engine/decider.h"
#include "engine/event_visit.h"
#include "engine/evolve.h"

namespace pawl::engine {
namespace {

// Gives the payloads of a folded event the digests the fold computed; without digests it takes
// away those that payloads bring along from the events they were in before.
class DigestFiller {
 public:
  explicit DigestFiller(const std::vector<Digest>* digests) : digests_(digests) {}
  template <class T>
  void operator()(const char*, T& x) {
    fill(&x);
  }

 private:
  template <class T>
  void fill(T* x) {
    if constexpr (Reflected<T>) T::fields(*x, *this);
  }
  template <class T>
  void fill(std::optional<T>* x) {
    if (*x) fill(&**x);
  }
  template <class T>
  void fill(std::vector<T>* x) {
    for (T& item : *x) fill(&item);
  }
  void fill(Payload* x) {
    if (x->length > 0 && digests_ != nullptr) x->digest = (*digests_)[at_];
    if (digests_ == nullptr) x->digest.reset();
    ++at_;
  }

  const std::vector<Digest>* digests_;
  std::size_t at_ = 0;
};

// Adds up the bytes of an event's payloads.
class PayloadCounter {
 public:
  template <class T>
  void operator()(const char*, const T& x) {
    count(x);
  }
  std::uint64_t bytes = 0;

 private:
  template <class T>
  void count(const T& x) {
    if constexpr (Reflected<T>) T::fields(x, *this);
  }
  template <class T>
  void count(const std::optional<T>& x) {
    if (x) count(*x);
  }
  template <class T>
  void count(const std::vector<T>& x) {
    for (const T& item : x) count(item);
  }
  void count(const Payload& x) { bytes += x.length; }
};

}  // namespace

Decider::Decider(std::shared_ptr<Run> run, const Context& context)
    : context_(context), run_(std::move(run)) {}

const dsl::Definition& Decider::definition() const {
  PAWL_CHECK(context_.definition != nullptr);
  return renewed_ != nullptr ? *renewed_ : *context_.definition;
}

Timer Decider::timer(TimerKind kind, std::uint64_t owner, TimeMs at,
                     std::int64_t interval_ms) const {
  Timer t;
  t.frame = at_;
  t.kind = kind;
  t.owner = owner;
  t.fire_at = at;
  t.interval_ms = interval_ms;
  return t;
}

void Decider::emit(Event event) {
  std::visit(
      [this](auto& e) {
        if constexpr (requires { e.timers; }) {
          TimerId id = run_->last_timer;
          for (Timer& t : e.timers) t.id = id = id.next();
        }
        DigestFiller stripper(nullptr);
        std::decay_t<decltype(e)>::fields(e, stripper);
      },
      event);
  const bool fits = evolve(run_.get(), event, context_.now, &scratch_);
  PAWL_CHECK(fits);
  PayloadCounter counter;
  visit_fields(event, counter);
  bytes_ += counter.bytes;
  DigestFiller filler(&scratch_.payloads);
  std::visit([&filler](auto& e) { std::decay_t<decltype(e)>::fields(e, filler); }, event);
  decision_.events.push_back(std::move(event));
}

void Decider::refuse(Refusal why, std::string detail) {
  decision_.refusal = why;
  decision_.detail = std::move(detail);
}

Random& Decider::random() {
  if (!random_) random_.emplace(context_.seed);
  return *random_;
}

bool Decider::fits(const dsl::Value& value, std::string_view what, std::int64_t delta,
                   Error* error) {
  std::string why;
  const absl::string_view name(what.data(), what.size());
  if (!storable(value, &why)) {
    *error = {"sys.too_big", absl::StrCat(name, " ", why), {}};
    return false;
  }
  const std::uint64_t size = value.encoded_size();
  delta += static_cast<std::int64_t>(size);
  const std::int64_t state = static_cast<std::int64_t>(run_->state_bytes) + delta;
  if (delta > 0 && state > static_cast<std::int64_t>(limits::kRunStateBytesMax)) {
    *error = {"sys.too_big",
              absl::StrCat(name, " would make the run's state ", state, " bytes, at most ",
                           limits::kRunStateBytesMax, " are allowed"),
              {}};
    return false;
  }
  if (bytes_ + size > limits::kDecisionBytesMax) {
    *error = {"sys.too_big", absl::StrCat(name, ": too much data for one step of the run"), {}};
    return false;
  }
  return true;
}

Decision Decider::finish() {
  if (refused() || decision_.duplicate) {
    decision_.events.clear();
    return std::move(decision_);
  }
  PAWL_CHECK(pending_.empty());
  if (!decision_.events.empty()) decision_.after = run_;
  return std::move(decision_);
}

void Decider::apply(const Start&) {
  refuse(Refusal::nothing_to_do, "the run has been started already");
}

Decision decide_start(const RunUid& uid, const Start& command, const Context& context) {
  Decider decider(std::make_shared<Run>(), context);
  decider.start(uid, command);
  return decider.finish();
}

Decision decide(const Run& run, const Command& command, const Context& context) {
  Decider decider(std::make_shared<Run>(run), context);
  std::visit([&decider](const auto& c) { decider.apply(c); }, command);
  return decider.finish();
}

IdConflictAction resolve_id(const Run& existing, const dsl::Definition& definition) {
  if (!existing.closed()) {
    switch (definition.conflict) {
      case dsl::IdConflict::fail:
        return IdConflictAction::refuse;
      case dsl::IdConflict::use_existing:
        return IdConflictAction::use_existing;
      case dsl::IdConflict::terminate_existing:
        return IdConflictAction::terminate_then_start;
    }
  }
  const bool failed = existing.status != RunStatus::completed;
  const bool reusable = definition.reuse == dsl::IdReuse::allow ||
                        (definition.reuse == dsl::IdReuse::failed_only && failed);
  return reusable ? IdConflictAction::start : IdConflictAction::refuse;
}

}  // namespace pawl::engine
