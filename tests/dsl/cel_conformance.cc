// Runs conformance cases of the CEL specification, one JSON object a line, and prints how many of
// each section pass. Not in the default suite: the cases are not part of this repository.
//
//   cel_conformance FILE [-v]     -v prints every case that fails
//
// A case: {file, section, name, expr, bindings, value or "error": true}; a value names its kind:
// {"int": "1"}, {"list": [...]}, {"map": [[key, value] ...]} ...
#include <rapidjson/document.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <limits>
#include <map>
#include <string>

#include "dsl/base64.h"
#include "dsl/expression_tree.h"
#include "dsl/number.h"

namespace pawl::dsl {
namespace {

using Json = rapidjson::Value;

// A map as written: values of the kinds that nest.
Value decode(const Json& json);

Value decode_scalar(const std::string& kind, const Json& x) {
  if (kind == "bool") return Value::boolean(x.GetBool());
  if (kind == "int") return Value::int64(std::stoll(x.GetString()));
  if (kind == "uint") return Value::uint64(std::stoull(x.GetString()));
  if (kind == "string") return Value::string(std::string(x.GetString(), x.GetStringLength()));
  if (kind == "type") return Value::type(x.GetString());
  if (kind == "timestamp") return Value::timestamp({x[0].GetInt64(), x[1].GetInt()});
  if (kind == "duration") return Value::duration({x[0].GetInt64(), x[1].GetInt()});
  if (kind == "double") {
    double d = 0;
    if (!parse_double(x.GetString(), &d)) d = std::numeric_limits<double>::quiet_NaN();
    return Value::float64(d);
  }
  if (kind == "bytes") {
    std::string bytes;
    base64_decode(x.GetString(), &bytes);
    return Value::bytes(bytes);
  }
  return Value();
}

Value decode(const Json& json) {
  const std::string kind = json.MemberBegin()->name.GetString();
  const Json& x = json.MemberBegin()->value;
  if (kind == "list") {
    List list;
    for (const Json& element : x.GetArray()) list.push_back(decode(element));
    return Value::list(std::move(list));
  }
  if (kind == "map") {
    Map map;
    for (const Json& entry : x.GetArray()) map.emplace_back(decode(entry[0]), decode(entry[1]));
    return Value::map(std::move(map));
  }
  return decode_scalar(kind, x);
}

class Bindings : public Scope {
 public:
  explicit Bindings(const Json& test) {
    if (!test.HasMember("bindings")) return;
    for (const auto& member : test["bindings"].GetObject()) {
      values_[member.name.GetString()] = decode(member.value);
    }
  }
  const Value* find(std::string_view name) const override {
    const auto it = values_.find(name);
    return it == values_.end() ? nullptr : &it->second;
  }
  Environment environment() const {
    Environment out;
    for (const auto& [name, value] : values_) out[name] = Type{};
    return out;
  }

 private:
  std::map<std::string, Value, std::less<>> values_;
};

// The value, or "error: ...".
std::string outcome(const std::string& text, const Bindings& bindings, bool check, Value* value) {
  const Compiled compiled = compile_with(text, bindings.environment(), CompileOptions{check});
  if (!compiled.expression) return "error: " + compiled.errors[0].message;
  const Evaluation e = evaluate_raw(*compiled.expression, bindings, 1'000'000);
  if (!e.ok) return "error: " + e.error;
  *value = e.value;
  return e.value.debug_string();
}

struct Score {
  int passed = 0;
  int unchecked = 0;  // passed, but only without the type checker, as the suite has it
  int all = 0;
};

bool agrees(const Json& test, const std::string& got, const Value& value) {
  const bool failed = got.starts_with("error: ");
  if (test.HasMember("error")) return failed;
  return !failed && value.identical(decode(test["value"]));
}

void run(const Json& test, bool verbose, Score* score) {
  const Bindings bindings(test);
  const std::string text(test["expr"].GetString(), test["expr"].GetStringLength());
  ++score->all;
  Value checked_value, unchecked_value;
  const std::string checked = outcome(text, bindings, true, &checked_value);
  if (agrees(test, checked, checked_value)) {
    ++score->passed;
    return;
  }
  const std::string unchecked = outcome(text, bindings, false, &unchecked_value);
  if (agrees(test, unchecked, unchecked_value)) ++score->unchecked;
  if (!verbose) return;
  std::cout << test["file"].GetString() << "/" << test["section"].GetString() << ": " << text
            << "\n    wanted "
            << (test.HasMember("error") ? "an error" : decode(test["value"]).debug_string())
            << "\n    checked " << checked << "\n    unchecked " << unchecked << "\n";
}

int run_file(const char* path, bool verbose) {
  std::ifstream in(path);
  if (!in) {
    std::cerr << "can't read " << path << "\n";
    return 2;
  }
  std::map<std::string, Score> scores;
  for (std::string line; std::getline(in, line);) {
    rapidjson::Document test;
    if (test.Parse(line.data(), line.size()).HasParseError()) {
      std::cerr << "not JSON: " << line << "\n";
      return 2;
    }
    run(test, verbose,
        &scores[std::string(test["file"].GetString()) + "/" + test["section"].GetString()]);
  }
  Score total;
  for (const auto& [section, score] : scores) {
    std::printf("%-44s %3d + %d of %d\n", section.c_str(), score.passed, score.unchecked,
                score.all);
    total.passed += score.passed;
    total.unchecked += score.unchecked;
    total.all += score.all;
  }
  std::printf("%d pass, %d more without the type checker, %d fail, of %d\n", total.passed,
              total.unchecked, total.all - total.passed - total.unchecked, total.all);
  return 0;
}

}  // namespace
}  // namespace pawl::dsl

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: cel_conformance FILE [-v]\n";
    return 2;
  }
  return pawl::dsl::run_file(argv[1], argc > 2 && std::string(argv[2]) == "-v");
}
