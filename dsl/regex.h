// Regular expressions for matches(): the core of RE2's syntax, by code point, in time linear in the
// text whatever the pattern (Thompson 1968; simulation with a sparse set of states as described by
// Cox, "Regular Expression Matching: the Virtual Machine Approach"). Only whether there is a match
// is asked, so there are no captures and greediness makes no difference.
//
// Known: literals . [...] [^...] [[:alpha:]] \d \D \s \S \w \W ^ $ \A \z \b \B ( ) (?: ) (?P<n> )
// (?<n> )
// \pL \p{Greek} \P{^Lu} (?imsU) (?i: ) | * + ? {n,m} and their lazy forms, \Q...\E, \x{...}, \n and
// the like. Refused: what RE2 refuses (backreferences, lookaround); (?i) knows ASCII only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pawl::dsl {

struct RegexError {
  std::size_t offset = 0;  // in the pattern, bytes
  std::string message;
};

class Regex {
 public:
  // Null, with `error` set, if the pattern is wrong, not supported or past the limits.
  static std::shared_ptr<const Regex> compile(std::string_view pattern, RegexError* error);

  // Whether the pattern matches anywhere in `text`. Takes about text.size() * size() steps.
  bool matches(std::string_view text) const;

  // Instructions of the program.
  std::size_t size() const { return program_.size(); }

  // Inclusive ranges of code points, ascending, apart.
  using Ranges = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

  enum class Step : std::uint8_t {
    set,        // a code point in sets[x], then the next instruction
    split,      // both x and y
    jump,       // x
    assert_at,  // the place fits Assertion x, then the next instruction
    match,
  };
  struct Instruction {
    Step step = Step::match;
    std::uint32_t x = 0;
    std::uint32_t y = 0;
  };
  enum class Assertion : std::uint8_t {
    text_begin,
    text_end,
    line_begin,
    line_end,
    word_boundary,
    no_word_boundary,
  };

 private:
  std::vector<Instruction> program_;
  std::vector<Ranges> sets_;
};

}  // namespace pawl::dsl
