// A value shared between copies until one of them is edited: what makes copying a Run cheap. Equal
// by content. One thread only (whoever owns the tables).
#pragma once

#include <memory>
#include <utility>

namespace pawl::engine {

template <class T>
class Shared {
 public:
  Shared() = default;
  Shared(T value) : value_(std::make_shared<T>(std::move(value))) {}  // NOLINT: a value as well

  const T& get() const {
    static const T empty{};
    return value_ ? *value_ : empty;
  }
  const T& operator*() const { return get(); }
  const T* operator->() const { return &get(); }

  // The value, no longer shared with anyone.
  T& edit() {
    if (!value_) {
      value_ = std::make_shared<T>();
    } else if (value_.use_count() > 1) {
      value_ = std::make_shared<T>(*value_);
    }
    return *value_;
  }
  void reset() { value_.reset(); }

  friend bool operator==(const Shared& a, const Shared& b) {
    return a.value_ == b.value_ || a.get() == b.get();
  }

 private:
  std::shared_ptr<T> value_;
};

}  // namespace pawl::engine
