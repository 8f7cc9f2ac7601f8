#include "daemon/call.h"

#include <algorithm>
#include <charconv>

#include "base/limits.h"
#include "codecs/json.h"
#include "dsl/expression.h"
#include "dsl/utf8.h"

namespace pawl::daemon {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Problem bad_request(std::string_view type, std::string detail) {
  return {400, std::string(type), "The request is not understood", std::move(detail)};
}

std::string listed(std::initializer_list<std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text.empty() ? "none" : text;
}

}  // namespace

const std::string* Call::parameter(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::optional<std::string> percent_decode(std::string_view text) {
  const std::size_t first = std::min(text.find('%'), text.size());
  std::string decoded(text.substr(0, first));
  for (std::size_t i = first; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  if (!dsl::is_utf8(decoded)) return std::nullopt;
  return decoded;
}

bool parse_query(std::string_view text, std::vector<std::pair<std::string, std::string>>* query,
                 Problem* problem) {
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const auto equals = part.find('=');
    const auto name = percent_decode(part.substr(0, equals));
    const auto value = percent_decode(equals == std::string_view::npos ? std::string_view()
                                                                       : part.substr(equals + 1));
    if (!name || !value || name->empty()) {
      *problem = bad_request("bad-query", "the query string is malformed at \"" +
                                              std::string(part.substr(0, 80)) + "\"");
      return false;
    }
    for (const auto& known : *query) {
      if (known.first == *name) {
        *problem = bad_request("bad-query", "the parameter `" + *name + "` is given twice");
        return false;
      }
    }
    query->emplace_back(*name, *value);
  }
  return true;
}

codecs::EnvelopeFields envelope_fields(std::string_view names) {
  codecs::EnvelopeFields wanted{false, false, false, false};
  while (!names.empty()) {
    const std::string_view one = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), one.size() + 1));
    wanted.input |= one == "input";
    wanted.vars |= one == "vars";
    wanted.output |= one == "output";
    wanted.waiting_for |= one == "waiting_for";
  }
  return wanted;
}

BodyReader::BodyReader(std::string_view body, std::initializer_list<std::string_view> allowed) {
  codecs::JsonError error;
  if (body.empty()) {
    object_ = dsl::Value::map({});
  } else if (!codecs::parse_json(body, &object_, &error)) {
    ok_ = false;
    problem_ = bad_request("bad-json", "the body is not JSON: " + error.message);
  }
  if (ok_ && object_.kind() != dsl::Kind::map) fail("the body must be a JSON object");
  if (ok_) check_fields(allowed);
}

BodyReader::BodyReader(dsl::Value object, std::string where,
                       std::initializer_list<std::string_view> allowed)
    : object_(std::move(object)), where_(std::move(where)) {
  if (object_.kind() != dsl::Kind::map) fail("must be a JSON object");
  if (ok_) check_fields(allowed);
}

void BodyReader::fail(std::string detail) {
  if (!ok_) return;
  ok_ = false;
  problem_ = bad_request("bad-field", where_.empty() ? std::move(detail) : where_ + ": " + detail);
  object_ = dsl::Value::map({});
}

void BodyReader::adopt(const BodyReader& part) {
  ok_ = false;
  problem_ = part.problem_;
  object_ = dsl::Value::map({});
}

bool parse_list_body(std::string_view body, std::size_t items_max, dsl::Value* list,
                     Problem* problem) {
  codecs::JsonError error;
  if (!codecs::parse_json(body, list, &error)) {
    *problem = bad_request("bad-json", "the body is not JSON: " + error.message);
    return false;
  }
  if (list->kind() != dsl::Kind::list || list->as_list().empty() ||
      list->as_list().size() > items_max) {
    *problem = bad_request("bad-field", "the body must be a JSON list of 1 to " +
                                            std::to_string(items_max) + " items");
    return false;
  }
  return true;
}

void BodyReader::check_fields(std::initializer_list<std::string_view> allowed) {
  for (const auto& [key, value] : object_.as_map()) {
    const std::string& name = key.as_string();
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
      fail("unknown field `" + name.substr(0, 80) + "`; the fields here are: " + listed(allowed));
      return;
    }
  }
}

const dsl::Value* BodyReader::find(std::string_view name, dsl::Kind kind, const char* what) {
  const dsl::Value* value = object_.field(name);
  if (value == nullptr || value->is_null()) return nullptr;
  if (value->kind() == kind) return value;
  fail("`" + std::string(name) + "` must be " + what);
  return nullptr;
}

dsl::Value BodyReader::value(std::string_view name) const {
  const dsl::Value* value = object_.field(name);
  return value == nullptr ? dsl::Value() : *value;
}

std::string BodyReader::text(std::string_view name, std::size_t bytes_max) {
  const dsl::Value* value = find(name, dsl::Kind::string, "a string");
  if (value == nullptr) return "";
  if (value->as_string().size() > bytes_max) {
    fail("`" + std::string(name) + "` is longer than " + std::to_string(bytes_max) + " bytes");
    return "";
  }
  return value->as_string();
}

std::string BodyReader::required_text(std::string_view name, std::size_t bytes_max) {
  std::string found = text(name, bytes_max);
  if (ok_ && found.empty()) fail("`" + std::string(name) + "` is missing");
  return found;
}

std::optional<std::int64_t> BodyReader::integer(std::string_view name, std::int64_t min,
                                                std::int64_t max) {
  const dsl::Value* value = find(name, dsl::Kind::int64, "a whole number");
  if (value == nullptr) return std::nullopt;
  if (value->as_int() < min || value->as_int() > max) {
    fail("`" + std::string(name) + "` must be between " + std::to_string(min) + " and " +
         std::to_string(max));
    return std::nullopt;
  }
  return value->as_int();
}

std::optional<bool> BodyReader::boolean(std::string_view name) {
  const dsl::Value* value = find(name, dsl::Kind::boolean, "true or false");
  if (value == nullptr) return std::nullopt;
  return value->as_bool();
}

dsl::List BodyReader::list(std::string_view name, std::size_t items_max) {
  const dsl::Value* value = find(name, dsl::Kind::list, "a list");
  if (value == nullptr) return {};
  if (value->as_list().size() > items_max) {
    fail("`" + std::string(name) + "` has more than " + std::to_string(items_max) + " items");
    return {};
  }
  return value->as_list();
}

std::vector<std::string> BodyReader::texts(std::string_view name, std::size_t items_max,
                                           std::size_t bytes_max) {
  std::vector<std::string> found;
  for (const dsl::Value& item : list(name, items_max)) {
    if (item.kind() != dsl::Kind::string || item.as_string().empty() ||
        item.as_string().size() > bytes_max) {
      fail("`" + std::string(name) + "` must be a list of strings of 1 to " +
           std::to_string(bytes_max) + " bytes");
      return {};
    }
    found.push_back(item.as_string());
  }
  return found;
}

void QueryReader::fail(std::string detail) {
  if (!ok_) return;
  ok_ = false;
  problem_ = bad_request("bad-parameter", std::move(detail));
}

std::optional<std::string> QueryReader::text(std::string_view name) {
  const std::string* value = call_.parameter(name);
  if (value == nullptr) return std::nullopt;
  return *value;
}

std::optional<std::int64_t> QueryReader::integer(std::string_view name, std::int64_t min,
                                                 std::int64_t max) {
  const std::string* value = call_.parameter(name);
  if (value == nullptr) return std::nullopt;
  std::int64_t number = 0;
  const char* const end = value->data() + value->size();
  const auto [last, error] = std::from_chars(value->data(), end, number);
  if (error != std::errc{} || last != end || number < min || number > max) {
    fail("`" + std::string(name) + "` must be a whole number between " + std::to_string(min) +
         " and " + std::to_string(max));
    return std::nullopt;
  }
  return number;
}

bool QueryReader::flag(std::string_view name) {
  const std::string* value = call_.parameter(name);
  if (value == nullptr || *value == "false" || *value == "0") return false;
  if (value->empty() || *value == "true" || *value == "1") return true;
  fail("`" + std::string(name) + "` must be true or false");
  return false;
}

std::int64_t QueryReader::wait_ms() {
  const std::string* value = call_.parameter("wait");
  if (value == nullptr) return 0;
  dsl::Duration duration;
  if (!dsl::parse_duration(*value, &duration) || duration.seconds < 0 || duration.nanos < 0) {
    fail("`wait` must be a duration such as 30s");
    return 0;
  }
  const std::int64_t ms = duration.seconds * 1000 + duration.nanos / 1'000'000;
  return std::min<std::int64_t>(ms, std::int64_t{limits::kWaitSecondsMax} * 1000);
}

}  // namespace pawl::daemon
