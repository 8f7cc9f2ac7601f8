#include "dsl/parse_pattern.h"

#include <algorithm>

#include "dsl/parse_table.h"

namespace pawl::dsl {
namespace {

constexpr std::string_view kEngineErrors[] = {
    "sys.timeout.queue", "sys.timeout.attempt",
    "sys.timeout.total", "sys.timeout.heartbeat",
    "sys.lease",         "sys.expr",
    "sys.no_match",      "sys.too_big",
    "sys.loop",          "sys.tolerance",
    "sys.output",        "sys.child",
    "sys.signal",        "sys.cancelled",
};

bool is_well_formed(std::string_view pattern) {
  const std::size_t star = pattern.find('*');
  return !pattern.empty() && (star == std::string_view::npos || star + 1 == pattern.size());
}

bool matches_engine_error(std::string_view pattern) {
  const bool prefix = pattern.ends_with('*');
  if (prefix) pattern.remove_suffix(1);
  return std::any_of(std::begin(kEngineErrors), std::end(kEngineErrors),
                     [&](std::string_view error) {
                       return prefix ? error.starts_with(pattern) : error == pattern;
                     });
}

}  // namespace

std::vector<std::string> read_error_patterns(const TomlNode& node, DiagnosticList* diagnostics) {
  auto patterns = read_strings(node, diagnostics).value_or(std::vector<std::string>());
  const bool list = node.is(TomlNode::Kind::list) && node.children.size() == patterns.size();
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const std::string& pattern = patterns[i];
    const Place place = list ? node.children[i].place : node.place;
    if (!is_well_formed(pattern)) {
      diagnostics->error(place, quoted(pattern) + " is no error type",
                         "an exact type, or a prefix that ends in `*`");
    } else if (pattern.starts_with("sys.") && !matches_engine_error(pattern)) {
      const std::vector<std::string> names(std::begin(kEngineErrors), std::end(kEngineErrors));
      diagnostics->error(place, "the engine has no error " + quoted(pattern),
                         diagnostics->did_you_mean(pattern, names));
    }
  }
  return patterns;
}

void check_raised_type(std::string_view type, Place place, DiagnosticList* diagnostics) {
  if (!check_name(type, place, "an error type", diagnostics)) return;
  if (type.starts_with("sys.")) {
    diagnostics->error(place, "error types that begin with `sys.` are the engine's own",
                       "choose another prefix, such as the workflow's name");
  }
}

}  // namespace pawl::dsl
