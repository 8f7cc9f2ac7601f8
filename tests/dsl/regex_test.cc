#include "dsl/regex.h"

#include <boost/test/unit_test.hpp>
#include <string>

namespace pawl::dsl {
namespace {

// "yes", "no" or why the pattern is refused.
std::string match(std::string_view pattern, std::string_view text) {
  RegexError error;
  const auto regex = Regex::compile(pattern, &error);
  if (regex == nullptr) return error.message;
  return regex->matches(text) ? "yes" : "no";
}

struct Case {
  const char* pattern;
  const char* text;
  bool expected;
};

void check_all(std::initializer_list<Case> cases) {
  for (const Case& c : cases) {
    BOOST_TEST(match(c.pattern, c.text) == (c.expected ? "yes" : "no"),
               "/" << c.pattern << "/ on '" << c.text << "': " << match(c.pattern, c.text));
  }
}

BOOST_AUTO_TEST_CASE(literals_and_anchors) {
  check_all({{"", "", true},
             {"", "abc", true},
             {"b", "abc", true},
             {"x", "abc", false},
             {"^b", "abc", false},
             {"^a", "abc", true},
             {"c$", "abc", true},
             {"b$", "abc", false},
             {"^$", "", true},
             {"^$", "a", false},
             {"\\Aabc\\z", "abc", true},
             {"$", "a\n", true},
             {"a$", "a\n", false},
             {"(?m)a$", "a\nb", true},
             {"(?m)^b", "a\nb", true},
             {"^b", "a\nb", false},
             {"a\\.b", "a.b", true},
             {"a\\.b", "axb", false}});
}

BOOST_AUTO_TEST_CASE(dots_and_classes) {
  check_all({{"a.c",
              "a\xc3\xa9"
              "c",
              true},
             {"^.$", "\xf0\x9f\x90\xb1", true},
             {"a.c", "a\nc", false},
             {"(?s)a.c", "a\nc", true},
             {"[abc]", "xbx", true},
             {"[^abc]", "abc", false},
             {"[a-cx]", "x", true},
             {"[]a]", "]", true},
             {"[^]a]", "]", false},
             {"[a-]", "-", true},
             {"[-a]", "-", true},
             {"[\\d]", "5", true},
             {"[\\]]", "]", true},
             {"[[:alpha:]]+$", "ab", true},
             {"[[:^digit:]]", "1", false},
             {"^\\d+$", "123", true},
             {"\\D", "123", false},
             {"^\\w+$", "a_1", true},
             {"\\W", "a_1", false},
             {"\\s", "a b", true},
             {"\\S", " \t", false},
             {"[^\\d]", "1", false},
             {"[\xc3\xa0-\xc3\xbf]", "\xc3\xa9", true},
             {"\\x41\\x{1F431}", "A\xf0\x9f\x90\xb1", true},
             {"\\t", "\t", true}});
}

BOOST_AUTO_TEST_CASE(repetition) {
  check_all({{"^a*$", "", true},
             {"^a+$", "", false},
             {"^a?$", "aa", false},
             {"^a{3}$", "aaa", true},
             {"^a{3}$", "aa", false},
             {"^a{2,}$", "aaaa", true},
             {"^a{2,3}$", "aaaa", false},
             {"^a{0}$", "", true},
             {"^a{0,2}$", "aa", true},
             {"^(ab)*$", "abab", true},
             {"^a*?b+?$", "aab", true},
             {"a{", "a{", true},
             {"a{,2}", "a{,2}", true},
             {"^(a|b)*c$", "abbac", true},
             {"^(a*)*$", "aaa", true},
             {"^(|a)+$", "aa", true},
             {"^(a?){3}$", "aa", true}});
}

BOOST_AUTO_TEST_CASE(groups_alternatives_and_flags) {
  check_all({{"gr(a|e)y", "grey", true},
             {"^(?:ab|cd)+$", "abcd", true},
             {"a||b", "", true},
             {"^(?P<x>a)(?<y>b)$", "ab", true},
             {"(?i)ABC", "xabcx", true},
             {"(?i:a)b", "Ab", true},
             {"(?i:a)b", "AB", false},
             {"((?i)a)b", "AB", false},
             {"(?i)[a-c]", "B", true},
             {"(?i-i)a", "A", false},
             {"^\\Qa.b\\E+$", "a.b", true},
             {"\\Qa.b\\E", "axb", false},
             {"\\bfoo\\b", "a foo b", true},
             {"\\bfoo\\b", "afoo", false},
             {"\\Boo", "foo", true}});
}

BOOST_AUTO_TEST_CASE(classes_of_unicode) {
  check_all({{"^\\pL+$", "aZ\u00e9\u03a9\u65e5", true},
             {"\\pL", "1_-\u00d7", false},
             {"^\\p{Lu}\\p{Ll}$", "\u00c9\u00e9", true},
             {"\\p{Lu}", "\u00e9", false},
             {"^\\p{Greek}$", "\u03a9", true},
             {"^\\p{Greek}$", "o", false},
             {"^\\p{Han}+$", "\u65e5\u672c\U00020000", true},
             {"^\\p{Old_Italic}$", "\U00010300", true},
             {"^\\pN+$", "5\u0665\u2167\u00bd", true},
             {"^\\p{Nd}$", "\u00bd", false},
             {"^\\P{Nd}$", "\u00bd", true},
             {"^\\p{^Nd}$", "\u00bd", true},
             {"^\\P{^Nd}$", "7", true},
             {"^\\PL$", "7", true},
             {"^[\\p{Greek}\\d]+$", "\u03b1\u03b2\u03b3123", true},
             {"^[^\\pL]$", "\u00e9", false},
             {"^[\\PL]$", "\u00e9", false},
             {"^\\p{Zs}$", "\u3000", true},
             {"^\\p{Sc}$", "\u20ac", true},
             {"^\\p{Any}$", "\U0010ffff", true},
             {"^\\pC$", "\u0000", false},
             {"^\\p{Co}$", "\U0010fffd", true},
             {"\\pC", "\U0010ffff", false},
             {"^\\p{Common}$", "1", true},
             {"^\\pL$", "\uac00", true},
             {"^\\pL$", "\ud7a3", true},
             {"^\\pL$", "\u4e00", true},
             {"^\\pL$", "\u9fff", true}});
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_refused_by_name) {
  const std::pair<const char*, const char*> cases[] = {
      {"(", "missing `)`"},
      {")", "unmatched `)`"},
      {"*", "nothing to repeat"},
      {"a**", "a repetition can't be repeated; put it in a group"},
      {"a++", "a repetition can't be repeated; put it in a group"},
      {"a{2}{3}", "a repetition can't be repeated; put it in a group"},
      {"[a", "missing `]`"},
      {"[b-a]", "a range runs backwards"},
      {"[[:nope:]]", "unknown class [:...:]"},
      {"\\1", "backreferences and octal escapes are not supported"},
      {"(?=a)", "looking ahead or behind is not supported"},
      {"(?<!a)", "looking ahead or behind is not supported"},
      {"(?x)a", "unknown group (?...)"},
      {"\\p", "unknown Unicode class after \\p"},
      {"\\p{", "\\p{ has no `}`"},
      {"\\p{Greek", "\\p{ has no `}`"},
      {"\\p{}", "unknown Unicode class after \\p"},
      {"\\p{greek}", "unknown Unicode class after \\p"},
      {"\\pG", "unknown Unicode class after \\p"},
      {"\\p{Cn}", "unknown Unicode class after \\p"},
      {"\\p^L", "unknown Unicode class after \\p"},
      {"\\p{Lx}", "unknown Unicode class after \\p"},
      {"(?i)\\pL", "(?i) knows ASCII letters only"},
      {"\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL\\pL",
       "too many Unicode classes in one pattern"},
      {"\\y", "unknown escape sequence"},
      {"a\\", "the pattern ends with `\\`"},
      {"\\x{110000}", "\\x names no Unicode character"},
      {"\xff", "the pattern is not UTF-8"},
      {"(?i)\xc3\xa9", "(?i) knows ASCII letters only"},
      {"a{1001}", "a repetition counts from {n} up to {,m}, at most 1000"},
      {"a{3,2}", "a repetition counts from {n} up to {,m}, at most 1000"},
      {"(a{1000}){1000}", "the pattern is too large once its repetitions are written out"},
  };
  for (const auto& [pattern, expected] : cases)
    BOOST_TEST(match(pattern, "") == expected, pattern << ": " << match(pattern, ""));
}

BOOST_AUTO_TEST_CASE(limits_hold) {
  BOOST_TEST(match(std::string(2000, 'a'), "").starts_with("the pattern is longer"));
  BOOST_TEST(match(std::string(40, '(') + std::string(40, ')'), "") ==
             "groups are nested too deeply");
  BOOST_TEST(match("((((((()){1000}){1000}){1000}){1000}){1000})", "") == "yes");
}

BOOST_AUTO_TEST_CASE(time_is_linear_in_the_text) {
  // Exponential for a matcher that backtracks.
  const std::string text(20'000, 'a');
  BOOST_TEST(match("^(a+)+$", text + "b") == "no");
  BOOST_TEST(match("(a|aa)*c", text) == "no");
  BOOST_TEST(match("(a?){50}a{50}c", text) == "no");
}

}  // namespace
}  // namespace pawl::dsl
