#include "dsl/lexer.h"

#include "dsl/literal.h"

namespace pawl::dsl {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

struct Operator {
  std::string_view text;
  Symbol symbol;
};

// Longer ones before their beginnings.
constexpr Operator kOperators[] = {
    {"&&", Symbol::logical_and}, {"||", Symbol::logical_or},  {"==", Symbol::equal},
    {"!=", Symbol::not_equal},   {"<=", Symbol::less_equal},  {">=", Symbol::greater_equal},
    {"<", Symbol::less},         {">", Symbol::greater},      {"(", Symbol::left_paren},
    {")", Symbol::right_paren},  {"[", Symbol::left_bracket}, {"]", Symbol::right_bracket},
    {"{", Symbol::left_brace},   {"}", Symbol::right_brace},  {".", Symbol::dot},
    {",", Symbol::comma},        {":", Symbol::colon},        {"?", Symbol::question},
    {"+", Symbol::plus},         {"-", Symbol::minus},        {"*", Symbol::star},
    {"/", Symbol::slash},        {"%", Symbol::percent},      {"!", Symbol::bang},
};

class Lexer {
 public:
  Lexer(std::string_view text, std::vector<Token>* tokens, ExpressionError* error)
      : text_(text), tokens_(tokens), error_(error) {}

  bool run() {
    for (skip_blank(); at_ < text_.size(); skip_blank()) {
      if (!next()) return false;
    }
    push(Symbol::end, at_, {});
    return true;
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  bool fail(std::size_t offset, std::size_t length, std::string message, std::string hint = {}) {
    *error_ = {offset, length, std::move(message), std::move(hint)};
    return false;
  }

  // Ends a token that began at `start` and ends here.
  bool push(Symbol symbol, std::size_t start, std::string text) {
    tokens_->push_back({symbol, start, at_ - start, std::move(text)});
    return true;
  }

  void skip_blank();
  bool next();
  bool is_string_start() const;
  bool string();
  bool number();
  bool identifier();
  bool escaped_identifier();
  bool punctuation();

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Token>* tokens_;
  ExpressionError* error_;
};

void Lexer::skip_blank() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
      ++at_;
    } else if (c == '/' && peek(1) == '/') {
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    } else {
      return;
    }
  }
}

// A quote, after up to two letters: b for bytes, then r for raw.
bool Lexer::is_string_start() const {
  bool raw = false, bytes = false;
  for (std::size_t i = 0;; ++i) {
    const char c = peek(i);
    if (c == '"' || c == '\'') return true;
    if ((c == 'r' || c == 'R') && !raw)
      raw = true;
    else if ((c == 'b' || c == 'B') && !bytes && !raw)
      bytes = true;
    else
      return false;
  }
}

bool Lexer::next() {
  const char c = peek();
  if (is_string_start()) return string();
  if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
  if (is_letter(c)) return identifier();
  if (c == '`') return escaped_identifier();
  return punctuation();
}

bool Lexer::string() {
  const std::size_t start = at_;
  bool raw = false, bytes = false;
  for (; is_letter(peek()); ++at_) (peek() == 'r' || peek() == 'R' ? raw : bytes) = true;
  const char quote = peek();
  const bool triple = peek(1) == quote && peek(2) == quote;
  const std::string_view closing = text_.substr(at_, triple ? 3 : 1);
  at_ += closing.size();
  const std::size_t body = at_;
  for (;; ++at_) {
    if (at_ >= text_.size()) return fail(start, text_.size() - start, "this string does not end");
    if (text_.compare(at_, closing.size(), closing) == 0) break;
    if (!triple && (peek() == '\n' || peek() == '\r')) {
      return fail(start, at_ - start, "this string does not end on its line",
                  "\"\"\"...\"\"\" may span lines");
    }
    if (peek() == '\\' && !raw) ++at_;
  }
  const std::string_view inside = text_.substr(body, at_ - body);
  at_ += closing.size();
  std::string decoded;
  if (raw) {
    decoded = inside;
  } else {
    EscapeError wrong;
    if (!decode_escapes(inside, bytes, &decoded, &wrong)) {
      return fail(body + wrong.offset, wrong.length, wrong.message);
    }
  }
  return push(bytes ? Symbol::bytes_literal : Symbol::string_literal, start, std::move(decoded));
}

bool Lexer::number() {
  const std::size_t start = at_;
  Symbol symbol = Symbol::int_literal;
  if (peek() == '0' && (peek(1) == 'x' || peek(1) == 'X') && is_hex_digit(peek(2))) {
    at_ += 2;
    while (is_hex_digit(peek())) ++at_;
  } else {
    while (is_digit(peek())) ++at_;
    if (peek() == '.' && is_digit(peek(1))) {
      symbol = Symbol::double_literal;
      for (++at_; is_digit(peek());) ++at_;
    }
    const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
    if ((peek() == 'e' || peek() == 'E') && is_digit(peek(1 + sign))) {
      symbol = Symbol::double_literal;
      for (at_ += 1 + sign; is_digit(peek());) ++at_;
    }
  }
  const std::string digits(text_.substr(start, at_ - start));
  if (symbol == Symbol::int_literal && (peek() == 'u' || peek() == 'U')) {
    symbol = Symbol::uint_literal;
    ++at_;
  }
  if (is_letter(peek()) || is_digit(peek())) {
    return fail(start, at_ + 1 - start, "malformed number");
  }
  return push(symbol, start, digits);
}

bool Lexer::identifier() {
  const std::size_t start = at_;
  while (is_letter(peek()) || is_digit(peek())) ++at_;
  const std::string_view name = text_.substr(start, at_ - start);
  Symbol symbol = Symbol::identifier;
  if (name == "true") symbol = Symbol::keyword_true;
  if (name == "false") symbol = Symbol::keyword_false;
  if (name == "null") symbol = Symbol::keyword_null;
  if (name == "in") symbol = Symbol::keyword_in;
  return push(symbol, start, std::string(name));
}

bool Lexer::escaped_identifier() {
  const std::size_t start = at_++;
  const std::size_t end = text_.find('`', at_);
  if (end == std::string_view::npos || end == at_) {
    return fail(start, 1, "a name in backticks needs an end and at least one letter");
  }
  const std::string name(text_.substr(at_, end - at_));
  for (const char c : name) {
    if (!is_letter(c) && !is_digit(c) && c != '.' && c != '-' && c != '/' && c != ' ') {
      return fail(start, end + 1 - start,
                  "a name in backticks holds letters, digits, '.', '-', '/', '_' and spaces only",
                  "select with brackets: x[\"...\"]");
    }
  }
  at_ = end + 1;
  return push(Symbol::escaped_identifier, start, name);
}

bool Lexer::punctuation() {
  for (const Operator& op : kOperators) {
    if (text_.compare(at_, op.text.size(), op.text) == 0) {
      const std::size_t start = at_;
      at_ += op.text.size();
      return push(op.symbol, start, {});
    }
  }
  const char c = peek();
  if (c == '=') return fail(at_, 1, "`=` alone means nothing here", "compare with `==`");
  if (c == '&' || c == '|') {
    return fail(at_, 1, std::string("`") + c + "` alone means nothing here",
                std::string("write `") + c + c + "`");
  }
  return fail(at_, 1, "this character is not part of the language");
}

}  // namespace

bool lex(std::string_view text, std::vector<Token>* tokens, ExpressionError* error) {
  return Lexer(text, tokens, error).run();
}

}  // namespace pawl::dsl
