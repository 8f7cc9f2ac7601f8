// Patterns to trees, by recursive descent; groups are the only recursion and are limited.
#include <charconv>

#include "base/limits.h"
#include "dsl/regex_class.h"
#include "dsl/regex_tree.h"
#include "dsl/unicode_class.h"
#include "dsl/utf8.h"

namespace pawl::dsl {
namespace {

using Kind = RegexNode::Kind;
using Assertion = Regex::Assertion;

// The sum of what the Unicode classes of one pattern hold, each about as large as an instruction;
// \pL has some 650.
constexpr std::size_t kUnicodeRangesMax = 4 * limits::kRegexProgramMax;

struct Flags {
  bool fold = false;     // i
  bool lines = false;    // m: ^ and $ at lines
  bool dot_all = false;  // s
};

class RegexParser {
 public:
  RegexParser(std::string_view pattern, RegexTree* tree, RegexError* error)
      : pattern_(pattern), tree_(tree), error_(error) {}

  bool run() {
    if (!alternatives(&tree_->root)) return false;
    return at_ == pattern_.size() || fail("unmatched `)`");
  }

 private:
  bool alternatives(std::uint32_t* out);
  bool sequence(std::uint32_t* out);
  bool repeated(std::uint32_t* out);
  bool atom(std::uint32_t* out);
  bool group(std::uint32_t* out);
  bool group_flags(bool* only_flags);
  bool group_name();
  bool escape(std::uint32_t* out);
  bool quoted(std::uint32_t* out);
  bool char_class(std::uint32_t* out);
  bool class_item(Regex::Ranges* ranges);
  bool class_rune(std::uint32_t* rune);
  bool escaped_rune(std::uint32_t* rune);
  bool hex_rune(std::uint32_t* rune);
  bool unicode_class(Regex::Ranges* ranges);
  bool counts(int* min, int* max);
  bool quantifier(int* min, int* max);

  bool more() const { return at_ < pattern_.size(); }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : '\0';
  }
  bool accept(std::string_view text) {
    if (pattern_.compare(at_, text.size(), text) != 0) return false;
    at_ += text.size();
    return true;
  }
  bool fail(std::string message) {
    *error_ = {std::min(at_, pattern_.size()), std::move(message)};
    return false;
  }
  std::uint32_t take() {
    std::string_view rest = pattern_.substr(at_);
    const std::uint32_t rune = take_rune(&rest);
    at_ = pattern_.size() - rest.size();
    return rune;
  }

  std::uint32_t add(RegexNode node) {
    tree_->nodes.push_back(std::move(node));
    return static_cast<std::uint32_t>(tree_->nodes.size() - 1);
  }
  bool add_set(Regex::Ranges ranges, std::uint32_t* out) {
    RegexNode node;
    node.kind = Kind::set;
    normalise(&ranges);
    node.ranges = std::move(ranges);
    *out = add(std::move(node));
    return true;
  }
  bool add_rune(std::uint32_t rune, std::uint32_t* out) {
    Regex::Ranges ranges = {{rune, rune}};
    if (flags_.fold) {
      if (rune >= 0x80) return fail("(?i) knows ASCII letters only");
      fold_ascii_case(&ranges);
    }
    return add_set(std::move(ranges), out);
  }
  bool add_assertion(Assertion assertion, std::uint32_t* out) {
    RegexNode node;
    node.kind = Kind::assertion;
    node.assertion = assertion;
    *out = add(std::move(node));
    return true;
  }

  std::string_view pattern_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::size_t unicode_ranges_ = 0;
  Flags flags_;
  RegexTree* tree_;
  RegexError* error_;
};

bool RegexParser::alternatives(std::uint32_t* out) {
  RegexNode node;
  node.kind = Kind::alternatives;
  do {
    std::uint32_t branch = 0;
    if (!sequence(&branch)) return false;
    node.children.push_back(branch);
  } while (accept("|"));
  *out = node.children.size() == 1 ? node.children[0] : add(std::move(node));
  return true;
}

bool RegexParser::sequence(std::uint32_t* out) {
  RegexNode node;
  node.kind = Kind::sequence;
  while (more() && peek() != '|' && peek() != ')') {
    std::uint32_t part = 0;
    if (!repeated(&part)) return false;
    node.children.push_back(part);
  }
  *out = add(std::move(node));
  return true;
}

// Reads "{n}", "{n,}" or "{n,m}" at at_; anything else is taken literally by the caller.
bool RegexParser::counts(int* min, int* max) {
  const std::size_t close = pattern_.find('}', at_);
  if (peek() != '{' || close == std::string_view::npos) return false;
  const std::string_view inside = pattern_.substr(at_ + 1, close - at_ - 1);
  const char* last = inside.data() + inside.size();
  auto [end, error] = std::from_chars(inside.data(), last, *min);
  if (error != std::errc() || *min < 0) return false;
  *max = *min;
  if (end != last) {
    if (*end++ != ',') return false;
    *max = -1;
    if (end != last) {
      const auto [end2, error2] = std::from_chars(end, last, *max);
      if (error2 != std::errc() || end2 != last || *max < 0) return false;
    }
  }
  at_ = close + 1;
  return true;
}

bool RegexParser::quantifier(int* min, int* max) {
  if (accept("*"))
    *min = 0, *max = -1;
  else if (accept("+"))
    *min = 1, *max = -1;
  else if (accept("?"))
    *min = 0, *max = 1;
  else
    return counts(min, max);
  return true;
}

bool RegexParser::repeated(std::uint32_t* out) {
  int min = 0, max = 0;
  if (peek() == '*' || peek() == '+' || peek() == '?') return fail("nothing to repeat");
  if (!atom(out)) return false;
  bool any = false;
  while (quantifier(&min, &max)) {
    if (any) return fail("a repetition can't be repeated; put it in a group");
    any = true;
    if (min > limits::kRegexRepeatMax || max > limits::kRegexRepeatMax || (max >= 0 && max < min)) {
      return fail("a repetition counts from {n} up to {,m}, at most " +
                  std::to_string(limits::kRegexRepeatMax));
    }
    accept("?");  // lazy: the same language
    RegexNode node;
    node.kind = Kind::repeat;
    node.min = min;
    node.max = max;
    node.children = {*out};
    *out = add(std::move(node));
  }
  return true;
}

bool RegexParser::atom(std::uint32_t* out) {
  switch (peek()) {
    case '(':
      return group(out);
    case '[':
      return char_class(out);
    case '\\':
      return escape(out);
    case '.':
      ++at_;
      return add_set(flags_.dot_all ? complement({}) : complement({{'\n', '\n'}}), out);
    case '^':
      ++at_;
      return add_assertion(flags_.lines ? Assertion::line_begin : Assertion::text_begin, out);
    case '$':
      ++at_;
      return add_assertion(flags_.lines ? Assertion::line_end : Assertion::text_end, out);
    default:
      break;
  }
  const std::uint32_t rune = take();
  return rune == kNoRune ? fail("the pattern is not UTF-8") : add_rune(rune, out);
}

bool RegexParser::group_name() {
  const std::size_t close = pattern_.find('>', at_);
  if (close == std::string_view::npos || close == at_) return fail("a group's name ends with `>`");
  for (; at_ < close; ++at_) {
    const char c = peek();
    if ((c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_') {
      return fail("a group's name holds letters, digits and `_`");
    }
  }
  ++at_;
  return true;
}

// "i", "ms-i" ... up to and with `)` or `:`.
bool RegexParser::group_flags(bool* only_flags) {
  bool value = true;
  for (;; ++at_) {
    switch (peek()) {
      case 'i':
        flags_.fold = value;
        break;
      case 'm':
        flags_.lines = value;
        break;
      case 's':
        flags_.dot_all = value;
        break;
      case 'U':  // greediness: the same language
        break;
      case '-':
        if (!value) return fail("unknown group (?...)");
        value = false;
        break;
      case ':':
      case ')':
        *only_flags = peek() == ')';
        ++at_;
        return true;
      case '=':
      case '!':
      case '<':
        return fail("looking ahead or behind is not supported");
      default:
        return fail("unknown group (?...)");
    }
  }
}

bool RegexParser::group(std::uint32_t* out) {
  if (++depth_ > limits::kRegexDepthMax) return fail("groups are nested too deeply");
  ++at_;
  Flags outside = flags_;
  if (accept("?P<") || (peek() == '?' && peek(1) == '<' && peek(2) != '=' && peek(2) != '!')) {
    accept("?<");
    if (!group_name()) return false;
  } else if (accept("?")) {
    bool only_flags = false;
    if (!group_flags(&only_flags)) return false;
    if (only_flags) {  // they hold to the end of the group around
      --depth_;
      *out = add({});
      return true;
    }
  }
  if (!alternatives(out)) return false;
  if (!accept(")")) return fail("missing `)`");
  flags_ = outside;
  --depth_;
  return true;
}

bool RegexParser::quoted(std::uint32_t* out) {
  RegexNode node;
  node.kind = Kind::sequence;
  while (more() && !accept("\\E")) {
    const std::uint32_t rune = take();
    std::uint32_t part = 0;
    if (rune == kNoRune) return fail("the pattern is not UTF-8");
    if (!add_rune(rune, &part)) return false;
    node.children.push_back(part);
  }
  *out = add(std::move(node));
  return true;
}

bool RegexParser::escape(std::uint32_t* out) {
  if (accept("\\Q")) return quoted(out);
  if (accept("\\A")) return add_assertion(Assertion::text_begin, out);
  if (accept("\\z")) return add_assertion(Assertion::text_end, out);
  if (accept("\\b")) return add_assertion(Assertion::word_boundary, out);
  if (accept("\\B")) return add_assertion(Assertion::no_word_boundary, out);
  Regex::Ranges ranges;
  if (append_perl_class(peek(1), &ranges)) {
    at_ += 2;
    return add_set(std::move(ranges), out);
  }
  if (peek(1) == 'p' || peek(1) == 'P') {
    return unicode_class(&ranges) && add_set(std::move(ranges), out);
  }
  std::uint32_t rune = 0;
  return escaped_rune(&rune) && add_rune(rune, out);
}

// "\pL", "\p{Greek}", "\p{^Lu}", and with P what is not in it; at_ is at the backslash.
bool RegexParser::unicode_class(Regex::Ranges* ranges) {
  if (flags_.fold) return fail("(?i) knows ASCII letters only");
  bool negated = peek(1) == 'P';
  std::string_view name = pattern_.substr(std::min(at_ + 2, pattern_.size()), 1);
  std::size_t after = at_ + 3;
  if (name == "{") {
    const std::size_t close = pattern_.find('}', at_ + 3);
    if (close == std::string_view::npos) return fail("\\p{ has no `}`");
    name = pattern_.substr(at_ + 3, close - at_ - 3);
    after = close + 1;
  }
  if (name.starts_with('^')) {
    negated = !negated;
    name.remove_prefix(1);
  }
  Regex::Ranges found;
  if (!append_unicode_class(name, &found)) return fail("unknown Unicode class after \\p");
  unicode_ranges_ += found.size();
  if (unicode_ranges_ > kUnicodeRangesMax) return fail("too many Unicode classes in one pattern");
  if (negated) found = complement(std::move(found));
  ranges->insert(ranges->end(), found.begin(), found.end());
  at_ = after;
  return true;
}

// After "\x": two digits, or any number in braces.
bool RegexParser::hex_rune(std::uint32_t* rune) {
  std::string_view digits = pattern_.substr(at_, 2);
  std::size_t after = at_ + 2;
  if (peek() == '{') {
    const std::size_t close = pattern_.find('}', at_);
    if (close == std::string_view::npos) return fail("\\x{ has no end");
    digits = pattern_.substr(at_ + 1, close - at_ - 1);
    after = close + 1;
  } else if (digits.size() < 2) {
    return fail("\\x needs two digits");
  }
  const char* last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, *rune, 16);
  std::string ignored;
  if (error != std::errc() || end != last || digits.empty() || !append_rune(&ignored, *rune)) {
    return fail("\\x names no Unicode character");
  }
  at_ = after;
  return true;
}

// One escaped code point; at_ is at the backslash.
bool RegexParser::escaped_rune(std::uint32_t* rune) {
  const char c = peek(1);
  constexpr std::string_view kFrom = "aftnrv";
  constexpr std::string_view kTo = "\a\f\t\n\r\v";
  if (const std::size_t i = kFrom.find(c); c != '\0' && i != std::string_view::npos) {
    *rune = static_cast<unsigned char>(kTo[i]);
  } else if (c == 'x') {
    at_ += 2;
    return hex_rune(rune);
  } else if (c >= '0' && c <= '9') {
    return fail("backreferences and octal escapes are not supported");
  } else if (c > ' ' && c < 0x7f && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')) {
    *rune = static_cast<unsigned char>(c);
  } else {
    return fail(at_ + 1 < pattern_.size() ? "unknown escape sequence"
                                          : "the pattern ends with `\\`");
  }
  at_ += 2;
  return true;
}

bool RegexParser::class_rune(std::uint32_t* rune) {
  if (!more()) return fail("missing `]`");
  if (peek() == '\\') return escaped_rune(rune);
  *rune = take();
  return *rune != kNoRune || fail("the pattern is not UTF-8");
}

bool RegexParser::class_item(Regex::Ranges* ranges) {
  if (peek() == '[' && peek(1) == ':') {
    const std::size_t close = pattern_.find(":]", at_ + 2);
    if (close != std::string_view::npos) {
      if (!append_posix_class(pattern_.substr(at_ + 2, close - at_ - 2), ranges)) {
        return fail("unknown class [:...:]");
      }
      at_ = close + 2;
      return true;
    }
  }
  if (peek() == '\\' && append_perl_class(peek(1), ranges)) {
    at_ += 2;
    return true;
  }
  if (peek() == '\\' && (peek(1) == 'p' || peek(1) == 'P')) return unicode_class(ranges);
  std::uint32_t first = 0;
  if (!class_rune(&first)) return false;
  std::uint32_t last = first;
  if (peek() == '-' && peek(1) != ']' && at_ + 1 < pattern_.size()) {
    ++at_;
    if (!class_rune(&last)) return false;
    if (last < first) return fail("a range runs backwards");
  }
  ranges->emplace_back(first, last);
  return true;
}

bool RegexParser::char_class(std::uint32_t* out) {
  ++at_;
  const bool negated = accept("^");
  Regex::Ranges ranges;
  // A `]` that comes first is an element.
  for (bool first = true; first || peek() != ']'; first = false) {
    if (!more()) return fail("missing `]`");
    if (!class_item(&ranges)) return false;
  }
  ++at_;
  if (flags_.fold) fold_ascii_case(&ranges);
  return add_set(negated ? complement(std::move(ranges)) : std::move(ranges), out);
}

}  // namespace

bool parse_regex(std::string_view pattern, RegexTree* tree, RegexError* error) {
  return RegexParser(pattern, tree, error).run();
}

}  // namespace pawl::dsl
