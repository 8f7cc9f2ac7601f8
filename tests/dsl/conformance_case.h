// Cases of the expression language in the form of CEL's conformance suite, one JSON object a line:
// {file, section, name, expr, bindings?, container?, and value or "error": true}. A value names its
// kind: {"int": "1"}, {"list": [...]}, {"map": [[key, value] ...]} ...
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "dsl/expression.h"

namespace pawl::dsl {

struct ConformanceCase {
  std::string group;  // the case's `file`
  std::string section, name, text, container;
  std::map<std::string, Value, std::less<>> bindings;
  std::optional<Value> value;  // none: an error is wanted

  // Its bindings, all of any type.
  Environment environment() const;
};

// False if the line is no case; then `out` holds what could be read of it.
bool parse_case(const std::string& line, ConformanceCase* out);

// What the case binds; the case must outlive it.
class Bindings : public Scope {
 public:
  explicit Bindings(const ConformanceCase& test) : values_(test.bindings) {}
  const Value* find(std::string_view name) const override {
    for (const auto& [bound, value] : values_) {
      if (bound == name) return &value;
    }
    return nullptr;
  }

 private:
  const std::map<std::string, Value, std::less<>>& values_;
};

}  // namespace pawl::dsl
