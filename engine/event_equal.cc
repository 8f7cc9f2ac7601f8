// Equality by reflection: one pass over both sides' fields.
#include <cstring>
#include <type_traits>

#include "engine/event.h"
#include "engine/event_visit.h"

namespace pawl::engine {
namespace {

bool equal_item(const Payload& a, const Payload& b) { return a == b; }
bool equal_item(const Actor& a, const Actor& b) { return a == b; }

template <class T>
bool equal_fields(const T& a, const T& b);

template <class T>
bool equal_item(const T& a, const T& b) {
  if constexpr (Reflected<T>) {
    return equal_fields(a, b);
  } else if constexpr (IsVector<T>::value) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!equal_item(a[i], b[i])) return false;
    }
    return true;
  } else if constexpr (IsOptional<T>::value) {
    return a.has_value() == b.has_value() && (!a || equal_item(*a, *b));
  } else {
    return a == b;
  }
}

// Collects where the fields of one side are; then compares the other side's with them in turn.
class Collect {
 public:
  explicit Collect(std::vector<const void*>* at) : at_(at) {}
  template <class T>
  void operator()(const char*, const T& x) {
    at_->push_back(&x);
  }

 private:
  std::vector<const void*>* at_;
};

class Compare {
 public:
  explicit Compare(const std::vector<const void*>& at) : at_(at) {}
  template <class T>
  void operator()(const char*, const T& x) {
    same_ = same_ && equal_item(*static_cast<const T*>(at_[i_]), x);
    ++i_;
  }
  bool same() const { return same_; }

 private:
  const std::vector<const void*>& at_;
  std::size_t i_ = 0;
  bool same_ = true;
};

template <class T>
bool equal_fields(const T& a, const T& b) {
  std::vector<const void*> at;
  T::fields(a, Collect(&at));
  Compare compare(at);
  T::fields(b, compare);
  return compare.same();
}

}  // namespace

bool operator==(const Payload& a, const Payload& b) {
  const bool digests_agree = !a.digest || !b.digest || *a.digest == *b.digest;
  return digests_agree && a.length == b.length && a.scrubbed == b.scrubbed && a.value == b.value;
}

bool operator==(const NamedPayload& a, const NamedPayload& b) { return equal_fields(a, b); }
bool operator==(const ErrorRecord& a, const ErrorRecord& b) { return equal_fields(a, b); }

bool equal(const Event& a, const Event& b) {
  return a.index() == b.index() && std::visit(
                                       [&b](const auto& x) {
                                         using T = std::decay_t<decltype(x)>;
                                         return equal_fields(x, std::get<T>(b));
                                       },
                                       a);
}

}  // namespace pawl::engine
