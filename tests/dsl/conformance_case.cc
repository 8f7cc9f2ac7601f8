#include "tests/dsl/conformance_case.h"

#include <rapidjson/document.h>

#include <charconv>

#include "dsl/base64.h"
#include "dsl/number.h"

namespace pawl::dsl {
namespace {

using Json = rapidjson::Value;

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

bool read_strings(const Json& json, ConformanceCase* out) {
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

bool read_case(const Json& json, ConformanceCase* out) {
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

}  // namespace

Environment ConformanceCase::environment() const {
  Environment out;
  for (const auto& [binding, value] : bindings) out[binding] = Type{};
  return out;
}

bool parse_case(const std::string& line, ConformanceCase* out) {
  rapidjson::Document json;
  json.Parse(line.data(), line.size());
  return !json.HasParseError() && read_case(json, out);
}

}  // namespace pawl::dsl
