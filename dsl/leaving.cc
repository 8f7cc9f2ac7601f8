#include "base/limits.h"
#include "dsl/expression_tree.h"

namespace pawl::dsl {
namespace {

// What came out of an evaluation may be stored: no type, no optional, within the limits of a value.
// Counts the encoded bytes, and stops as soon as there are too many: parts may be shared.
class Inspection {
 public:
  bool fits(const Value& v, int depth) {
    const Kind kind = v.kind();
    if (kind == Kind::type || kind == Kind::optional) {
      error_ = kind == Kind::type ? "the result holds a type, which can't be stored"
                                  : "the result holds an optional: use orValue(...)";
      return false;
    }
    if (kind != Kind::list && kind != Kind::map) return grow(v.encoded_size());
    if (depth >= limits::kValueDepthMax) {
      error_ = "the result is nested more than " + std::to_string(limits::kValueDepthMax) +
               " levels deep";
      return false;
    }
    if (!grow(2)) return false;
    if (kind == Kind::list) {
      for (const Value& x : v.as_list()) {
        if (!fits(x, depth + 1)) return false;
      }
      return true;
    }
    for (const auto& [key, x] : v.as_map()) {
      if (!fits(key, depth + 1) || !fits(x, depth + 1)) return false;
    }
    return true;
  }
  std::string take_error() { return std::move(error_); }

 private:
  bool grow(std::size_t bytes) {
    bytes_ += bytes;
    if (bytes_ <= limits::kValueBytesMax) return true;
    error_ = "the result is larger than " + std::to_string(limits::kValueBytesMax) + " bytes";
    return false;
  }

  std::size_t bytes_ = 0;
  std::string error_;
};

}  // namespace

bool may_leave(const Value& value, std::string* why) {
  Inspection inspection;
  if (inspection.fits(value, 0)) return true;
  *why = inspection.take_error();
  return false;
}

}  // namespace pawl::dsl
