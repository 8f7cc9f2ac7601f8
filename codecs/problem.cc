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

}  // namespace pawl::codecs
