// The syntax tree of a pattern, between regex_parser.cc and regex.cc.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "dsl/regex.h"

namespace pawl::dsl {

struct RegexNode {
  enum class Kind : std::uint8_t { empty, set, assertion, sequence, alternatives, repeat };
  Kind kind = Kind::empty;
  Regex::Ranges ranges;                                       // of a set
  Regex::Assertion assertion = Regex::Assertion::text_begin;  // of an assertion
  int min = 0;                                                // of a repeat
  int max = 0;                                                // -1: no end
  std::vector<std::uint32_t> children;
};

struct RegexTree {
  std::vector<RegexNode> nodes;
  std::uint32_t root = 0;
};

bool parse_regex(std::string_view pattern, RegexTree* tree, RegexError* error);

}  // namespace pawl::dsl
