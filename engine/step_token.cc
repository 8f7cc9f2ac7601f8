#include "engine/step_token.h"

#include <charconv>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace pawl::engine {
namespace {

bool take_hex(std::string_view text, std::uint32_t* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out, 16);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string to_string(const StepToken& token) {
  return absl::StrCat(pawl::to_string(token.run), ".", absl::Hex(token.step.v), ".",
                      absl::Hex(token.attempt));
}

bool parse_step_token(std::string_view text, StepToken* token) {
  const std::size_t first = text.find('.');
  if (first == std::string_view::npos) return false;
  const std::size_t second = text.find('.', first + 1);
  if (second == std::string_view::npos) return false;
  StepToken parsed;
  if (!parse_run_uid(std::string(text.substr(0, first)), &parsed.run)) return false;
  if (!take_hex(text.substr(first + 1, second - first - 1), &parsed.step.v)) return false;
  if (!take_hex(text.substr(second + 1), &parsed.attempt)) return false;
  if (to_string(parsed) != text) return false;  // one spelling only
  *token = parsed;
  return true;
}

}  // namespace pawl::engine
