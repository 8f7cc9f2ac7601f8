// Runs cases of the expression language in the form of CEL's conformance suite, one JSON object a
// line:
//
//   cel_conformance FILE...
//
// A case: {file, section, name, expr, bindings?, container?, and value or "error": true}; a value
// names its kind: {"int": "1"}, {"list": [...]}, {"map": [[key, value] ...]} ... Prints what fails,
// a line a group (the cases' `file`), and last "N passed, N failed".
//
// A case passes if the expression gives what it says without the type checker, as the suite has it,
// and if the checker, where it lets the expression through, changes nothing. The language's own
// additions are off: what they give a meaning is an error by the specification (decision 0058).
#include <rapidjson/document.h>

#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <limits>
#include <map>
#include <optional>
#include <string>

#include "dsl/base64.h"
#include "dsl/expression_tree.h"
#include "dsl/number.h"

namespace pawl::dsl {
namespace {

using Json = rapidjson::Value;

constexpr std::int64_t kCostMax = 1'000'000;

std::string_view text_of(const Json& x) { return {x.GetString(), x.GetStringLength()}; }

// A number as text, or as JSON has it.
template <class T>
std::optional<T> whole(const Json& x) {
  if (x.Is<T>()) return x.Get<T>();
  if (!x.IsString()) return std::nullopt;
  T out = 0;
  const std::string_view text = text_of(x);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

// All of these give nothing for what is no value.
std::optional<Value> decode(const Json& json);

std::optional<Value> decode_number(std::string_view kind, const Json& x) {
  if (kind == "int") {
    if (const auto n = whole<std::int64_t>(x)) return Value::int64(*n);
  } else if (kind == "uint") {
    if (const auto n = whole<std::uint64_t>(x)) return Value::uint64(*n);
  } else if (double d = 0; x.IsString() && parse_double(text_of(x), &d)) {
    return Value::float64(d);
  } else if (x.IsNumber()) {
    return Value::float64(x.GetDouble());
  }
  return std::nullopt;
}

std::optional<Value> decode_scalar(std::string_view kind, const Json& x) {
  if (kind == "null" && x.IsNull()) return Value();
  if (kind == "bool" && x.IsBool()) return Value::boolean(x.GetBool());
  if (kind == "int" || kind == "uint" || kind == "double") return decode_number(kind, x);
  if (kind == "timestamp" || kind == "duration") {
    if (!x.IsArray() || x.Size() != 2) return std::nullopt;
    const auto seconds = whole<std::int64_t>(x[0]);
    const auto nanos = whole<std::int32_t>(x[1]);
    if (!seconds || !nanos) return std::nullopt;
    if (kind == "duration") return Value::duration({*seconds, *nanos});
    return Value::timestamp({*seconds, *nanos});
  }
  if (!x.IsString()) return std::nullopt;
  const std::string text(text_of(x));
  if (kind == "string") return Value::string(text);
  if (kind == "type") return Value::type(text);
  std::string bytes;
  if (kind != "bytes" || !base64_decode(text, &bytes)) return std::nullopt;
  return Value::bytes(bytes);
}

std::optional<Value> decode_list(const Json& x) {
  List list;
  for (const Json& element : x.GetArray()) {
    std::optional<Value> value = decode(element);
    if (!value) return std::nullopt;
    list.push_back(std::move(*value));
  }
  return Value::list(std::move(list));
}

std::optional<Value> decode_map(const Json& x) {
  Map map;
  for (const Json& entry : x.GetArray()) {
    if (!entry.IsArray() || entry.Size() != 2) return std::nullopt;
    std::optional<Value> key = decode(entry[0]), value = decode(entry[1]);
    if (!key || !value) return std::nullopt;
    map.emplace_back(std::move(*key), std::move(*value));
  }
  return Value::map(std::move(map));
}

std::optional<Value> decode(const Json& json) {
  if (!json.IsObject() || json.MemberCount() != 1) return std::nullopt;
  const std::string_view kind = text_of(json.MemberBegin()->name);
  const Json& x = json.MemberBegin()->value;
  if (kind != "list" && kind != "map") return decode_scalar(kind, x);
  if (!x.IsArray()) return std::nullopt;
  return kind == "list" ? decode_list(x) : decode_map(x);
}

struct Case {
  std::string group, section, name, text, container;
  std::map<std::string, Value, std::less<>> bindings;
  std::optional<Value> value;  // none: an error is wanted
};

bool read_strings(const Json& json, Case* out) {
  for (const auto& [key, member] :
       {std::pair{"file", &out->group}, std::pair{"section", &out->section},
        std::pair{"name", &out->name}, std::pair{"expr", &out->text}}) {
    if (!json.HasMember(key) || !json[key].IsString()) return false;
    *member = text_of(json[key]);
  }
  if (!json.HasMember("container")) return true;
  if (!json["container"].IsString()) return false;
  out->container = text_of(json["container"]);
  return true;
}

bool read_case(const Json& json, Case* out) {
  if (!json.IsObject() || !read_strings(json, out)) return false;
  if (json.HasMember("bindings")) {
    if (!json["bindings"].IsObject()) return false;
    for (const auto& member : json["bindings"].GetObject()) {
      std::optional<Value> value = decode(member.value);
      if (!value) return false;
      out->bindings[std::string(text_of(member.name))] = std::move(*value);
    }
  }
  if (json.HasMember("value") == json.HasMember("error")) return false;
  if (json.HasMember("error")) return json["error"].IsTrue();
  out->value = decode(json["value"]);
  return out->value.has_value();
}

class Bindings : public Scope {
 public:
  explicit Bindings(const Case& test) : values_(test.bindings) {}
  const Value* find(std::string_view name) const override {
    const auto it = values_.find(name);
    return it == values_.end() ? nullptr : &it->second;
  }

 private:
  const std::map<std::string, Value, std::less<>>& values_;
};

// What came out of one way to run a case.
struct Outcome {
  bool compiled = false;
  std::optional<Value> value;  // none: it failed
  std::string text;
};

Outcome outcome(const Case& test, bool check) {
  Environment environment;
  for (const auto& [name, value] : test.bindings) environment[name] = Type{};
  CompileOptions options;
  options.check = check;
  options.additions = false;
  options.container = test.container;
  const Compiled compiled = compile_with(test.text, environment, options);
  Outcome out;
  if (!compiled.expression) {
    out.text = "error: " + compiled.errors[0].message;
    return out;
  }
  out.compiled = true;
  Evaluation e = evaluate_raw(*compiled.expression, Bindings(test), kCostMax);
  out.text = e.ok ? e.value.debug_string() : "error: " + e.error;
  if (e.ok) out.value = std::move(e.value);
  return out;
}

bool agrees(const Case& test, const Outcome& got) {
  if (!test.value || !got.value) return test.value.has_value() == got.value.has_value();
  return got.value->identical(*test.value);
}

bool run(const Case& test) {
  const Outcome dynamic = outcome(test, false), checked = outcome(test, true);
  const bool right = agrees(test, dynamic);
  if (right && (!checked.compiled || agrees(test, checked))) return true;
  std::cout << "FAIL " << test.group << "/" << test.section << "/" << test.name << "\n     "
            << test.text << "\n     expected "
            << (test.value ? test.value->debug_string() : "an error") << "\n     got "
            << (right ? checked.text + " (type-checked)" : dynamic.text) << "\n";
  return false;
}

struct Score {
  int passed = 0;
  int failed = 0;
};

using Scores = std::map<std::string, Score>;

// What is no case fails too, under the group it names if it names one.
void run_line(const std::string& line, const std::string& where, Scores* scores) {
  rapidjson::Document json;
  Case test;
  test.group = "?";
  json.Parse(line.data(), line.size());
  if (!json.HasParseError() && read_case(json, &test)) {
    Score& score = (*scores)[test.group];
    ++(run(test) ? score.passed : score.failed);
    return;
  }
  std::cout << "FAIL " << where << ": this is no case\n     " << line << "\n";
  ++(*scores)[test.group].failed;
}

// False if the file can't be read.
bool run_file(const char* path, Scores* scores) {
  std::ifstream in(path);
  if (!in) {
    std::cerr << "cel_conformance: can't read " << path << "\n";
    return false;
  }
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    run_line(line, std::string(path) + ":" + std::to_string(number), scores);
  }
  return true;
}

}  // namespace

int run_files(int count, char** paths) {
  Scores scores;
  for (int i = 0; i < count; ++i) {
    if (!run_file(paths[i], &scores)) return 2;
  }
  Score total;
  for (const auto& [group, score] : scores) {
    std::printf("%s: %d passed, %d failed\n", group.c_str(), score.passed, score.failed);
    total.passed += score.passed;
    total.failed += score.failed;
  }
  if (total.passed + total.failed == 0) {
    std::cerr << "cel_conformance: no cases\n";
    return 2;
  }
  std::printf("%d passed, %d failed\n", total.passed, total.failed);
  return total.failed == 0 ? 0 : 1;
}

}  // namespace pawl::dsl

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: cel_conformance FILE...\n";
    return 2;
  }
  return pawl::dsl::run_files(argc - 1, argv + 1);
}
