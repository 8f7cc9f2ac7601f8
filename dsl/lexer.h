// Cuts the text of an expression into tokens (cel-spec, langdef.md, "Syntax") and decodes literals
// of strings and bytes. The whole text at once: it is at most limits::kExpressionBytesMax long.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/expression.h"

namespace pawl::dsl {

enum class Symbol : std::uint8_t {
  end,
  identifier,          // text: the name
  escaped_identifier,  // `a-b`; text: without the backticks
  int_literal,         // text: as written, "12" or "0x1F"
  uint_literal,        // text: without the u
  double_literal,      // text: as written
  string_literal,      // text: decoded
  bytes_literal,       // text: decoded
  keyword_true,
  keyword_false,
  keyword_null,
  keyword_in,
  left_paren,
  right_paren,
  left_bracket,
  right_bracket,
  left_brace,
  right_brace,
  dot,
  comma,
  colon,
  question,
  plus,
  minus,
  star,
  slash,
  percent,
  bang,
  logical_and,
  logical_or,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
};

struct Token {
  Symbol symbol = Symbol::end;
  std::size_t offset = 0;
  std::size_t length = 0;
  std::string text;
};

// Appends the tokens and a last one, Symbol::end. False, with `error` set, at the first mistake.
bool lex(std::string_view text, std::vector<Token>* tokens, ExpressionError* error);

}  // namespace pawl::dsl
