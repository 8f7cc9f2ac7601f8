#include "codecs/problem.h"

#include "codecs/json.h"

namespace pawl::codecs {

std::string problem_json(std::uint16_t status, std::string_view type, std::string_view title,
                         std::string_view detail, const std::function<void(JsonWriter&)>& more) {
  std::string body;
  JsonWriter w(&body);
  w.begin_object();
  w.field("type", type).field("title", title).field("status", int{status});
  if (!detail.empty()) w.field("detail", detail);
  if (more) more(w);
  w.end_object();
  return body;
}

std::string problem_json(std::uint16_t status, std::string_view type, std::string_view title,
                         std::string_view detail) {
  return problem_json(status, type, title, detail, nullptr);
}

std::string problem_text(std::uint16_t status, std::string_view body) {
  dsl::Value document;
  JsonError ignored;
  const auto text_of = [&document](std::string_view field) {
    const dsl::Value* value = document.field(field);
    return value != nullptr && value->kind() == dsl::Kind::string ? value->as_string() : "";
  };
  if (!parse_json(body, &document, &ignored) || document.kind() != dsl::Kind::map) {
    return "status " + std::to_string(status);
  }
  const std::string detail = text_of("detail");
  return detail.empty() ? text_of("title") : text_of("title") + ": " + detail;
}

}  // namespace pawl::codecs
