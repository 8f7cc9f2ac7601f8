// Problem documents (RFC 9457): how every refusal reads. `type` is a short stable name; the
// sentence in `detail` says what is wrong and what to do next.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace pawl::codecs {

class JsonWriter;

// {"type": TYPE, "title": TITLE, "status": N, "detail": DETAIL}
std::string problem_json(std::uint16_t status, std::string_view type, std::string_view title,
                         std::string_view detail);

// The same with members of its own: `more` writes key and value pairs into the object.
std::string problem_json(std::uint16_t status, std::string_view type, std::string_view title,
                         std::string_view detail, const std::function<void(JsonWriter&)>& more);

// What a refusal says, in one line: "TITLE: DETAIL" of a problem document, or "status N" if the
// body is none.
std::string problem_text(std::uint16_t status, std::string_view body);

}  // namespace pawl::codecs
