// What one evaluation has used and why it stopped. Every step, every element and every 16 bytes
// copied are charged, so neither time nor memory can grow past what the caller allows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dsl/number.h"
#include "dsl/value.h"

namespace pawl::dsl {

class Meter {
 public:
  // `additions`: those of the language reference to CEL hold (CompileOptions).
  Meter(std::int64_t cost_max, bool additions) : cost_max_(cost_max), additions_(additions) {}

  bool additions() const { return additions_; }

  // All of these return false once the evaluation has failed.
  bool charge(std::int64_t steps) {
    cost_ += steps;
    return cost_ <= cost_max_ || exceed();
  }
  // For a string or bytes of this size about to be made, or scanned.
  bool charge_bytes(std::size_t bytes) { return charge(static_cast<std::int64_t>(bytes / 16) + 1); }
  // The same, and no more than a value may have.
  bool make_bytes(std::size_t bytes);
  // For a list or map of this many elements about to be made.
  bool make_items(std::size_t count);
  // For a copy of a value: text is copied, lists and maps are shared.
  bool charge_copy(const Value& value) {
    if (value.kind() == Kind::string) return charge_bytes(value.as_string().size());
    if (value.kind() == Kind::bytes) return charge_bytes(value.as_bytes().size());
    return true;
  }
  bool charge_copies(const List& elements);
  // For a list made of all these elements.
  bool make_copies(const List& elements) {
    return make_items(elements.size()) && charge_copies(elements);
  }
  // Always false.
  bool fail(std::string message) {
    if (!fatal_) error_ = std::move(message);
    return false;
  }

  // A failure that `&&`, `||` and macros can't absorb: the limit is used up.
  bool fatal() const { return fatal_; }
  std::int64_t cost() const { return cost_; }
  std::string& error() { return error_; }

 private:
  bool exceed();

  std::int64_t cost_ = 0;
  const std::int64_t cost_max_;
  const bool additions_;
  bool fatal_ = false;
  std::string error_;
};

// CEL's ==, charged by element; false if the meter says stop. Values made by an expression may
// share their parts many times over, so comparing them must be charged.
bool metered_equal(const Value& a, const Value& b, Meter* meter, bool* equal);

// The order of <, of two values of one kind that has one (bool, string, bytes, timestamp, duration)
// or two numbers; false if they have none. A NaN gives Ordering::unordered.
bool metered_order(const Value& a, const Value& b, Meter* meter, Ordering* order);

// The entry of a map: a double that is a whole number finds the int. Null if there is none.
const Value* find_key(const Map& map, const Value& key);

// CEL's name of a value's type: "int", "google.protobuf.Timestamp", "null_type" ...
std::string_view type_name(Kind kind);

}  // namespace pawl::dsl
