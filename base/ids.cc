#include "base/ids.h"

#include <charconv>

namespace pawl {

std::string to_string(const RunUid& uid) {
  char buffer[32];
  char* const end = buffer + sizeof buffer;
  char* p = std::to_chars(buffer, end, uid.group.v, 16).ptr;
  *p++ = '-';
  p = std::to_chars(p, end, uid.index.v, 16).ptr;
  return std::string(buffer, p);
}

bool parse_run_uid(const std::string& text, RunUid* uid) {
  const auto dash = text.find('-');
  if (dash == std::string::npos) return false;
  RunUid parsed;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto group = std::from_chars(begin, begin + dash, parsed.group.v, 16);
  if (group.ec != std::errc{} || group.ptr != begin + dash) return false;
  const auto index = std::from_chars(begin + dash + 1, end, parsed.index.v, 16);
  if (index.ec != std::errc{} || index.ptr != end) return false;
  if (to_string(parsed) != text) return false;
  *uid = parsed;
  return true;
}

}  // namespace pawl
