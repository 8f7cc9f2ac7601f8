#include "dsl/regex.h"

#include "base/check.h"
#include "base/limits.h"
#include "dsl/regex_class.h"
#include "dsl/regex_tree.h"
#include "dsl/utf8.h"

namespace pawl::dsl {
namespace {

using Step = Regex::Step;
using Kind = RegexNode::Kind;

// Writes the program of a tree; repetition is unrolled, so the size is checked at each instruction.
class Emitter {
 public:
  Emitter(const RegexTree& tree, std::vector<Regex::Instruction>* program,
          std::vector<Regex::Ranges>* sets)
      : tree_(tree), program_(program), sets_(sets), set_of_node_(tree.nodes.size(), kNoSet) {}

  bool run() { return node(tree_.root) && emit({Step::match, 0, 0}); }

 private:
  static constexpr std::uint32_t kNoSet = 0xffff'ffff;

  std::uint32_t here() const { return static_cast<std::uint32_t>(program_->size()); }
  bool emit(Regex::Instruction instruction) {
    if (program_->size() >= limits::kRegexProgramMax) return false;
    program_->push_back(instruction);
    return true;
  }

  bool node(std::uint32_t id);
  bool alternatives(const RegexNode& n);
  bool repeat(const RegexNode& n);

  std::uint32_t set_of(std::uint32_t id) {
    if (set_of_node_[id] == kNoSet) {
      set_of_node_[id] = static_cast<std::uint32_t>(sets_->size());
      sets_->push_back(tree_.nodes[id].ranges);
    }
    return set_of_node_[id];
  }

  const RegexTree& tree_;
  std::vector<Regex::Instruction>* program_;
  std::vector<Regex::Ranges>* sets_;
  std::vector<std::uint32_t> set_of_node_;
};

bool Emitter::node(std::uint32_t id) {
  const RegexNode& n = tree_.nodes[id];
  switch (n.kind) {
    case Kind::empty:
      return true;
    case Kind::set:
      return emit({Step::set, set_of(id), 0});
    case Kind::assertion:
      return emit({Step::assert_at, static_cast<std::uint32_t>(n.assertion), 0});
    case Kind::sequence:
      for (const std::uint32_t child : n.children) {
        if (!node(child)) return false;
      }
      return true;
    case Kind::alternatives:
      return alternatives(n);
    case Kind::repeat:
      return repeat(n);
  }
  PAWL_UNREACHABLE();
}

bool Emitter::alternatives(const RegexNode& n) {
  std::vector<std::uint32_t> jumps;
  for (std::size_t i = 0; i < n.children.size(); ++i) {
    const bool last = i + 1 == n.children.size();
    const std::uint32_t split = here();
    if (!last && !emit({Step::split, split + 1, 0})) return false;
    if (!node(n.children[i])) return false;
    if (last) break;
    jumps.push_back(here());
    if (!emit({Step::jump, 0, 0})) return false;
    (*program_)[split].y = here();
  }
  for (const std::uint32_t jump : jumps) (*program_)[jump].x = here();
  return true;
}

// An empty body makes no progress in the loop, but the set of states absorbs it. What must not
// happen is unrolling nothing a thousand times a thousand times: an empty copy ends the unrolling.
bool Emitter::repeat(const RegexNode& n) {
  const std::uint32_t body = n.children[0];
  for (int i = 0; i < n.min; ++i) {
    const std::uint32_t before = here();
    if (!node(body)) return false;
    if (here() == before) return true;
  }
  if (n.max < 0) {
    const std::uint32_t split = here();
    if (!emit({Step::split, split + 1, 0}) || !node(body) || !emit({Step::jump, split, 0})) {
      return false;
    }
    (*program_)[split].y = here();
    return true;
  }
  std::vector<std::uint32_t> exits;
  for (int i = n.min; i < n.max; ++i) {
    exits.push_back(here());
    if (!emit({Step::split, here() + 1, 0}) || !node(body)) return false;
  }
  for (const std::uint32_t exit : exits) (*program_)[exit].y = here();
  return true;
}

// A set of instructions with constant-time insert and clear (Briggs and Torczon 1993).
class States {
 public:
  explicit States(std::size_t size) : dense_(size), sparse_(size) {}

  bool insert(std::uint32_t x) {
    if (sparse_[x] < count_ && dense_[sparse_[x]] == x) return false;
    dense_[count_] = x;
    sparse_[x] = count_++;
    return true;
  }
  void clear() { count_ = 0; }
  const std::uint32_t* begin() const { return dense_.data(); }
  const std::uint32_t* end() const { return dense_.data() + count_; }

 private:
  std::vector<std::uint32_t> dense_, sparse_;
  std::uint32_t count_ = 0;
};

bool is_word(std::uint32_t rune) {
  return (rune >= '0' && rune <= '9') || (rune >= 'A' && rune <= 'Z') ||
         (rune >= 'a' && rune <= 'z') || rune == '_';
}

constexpr std::uint32_t kEdge = 0xffff'fffe;  // before the first and behind the last code point

bool holds(Regex::Assertion assertion, std::uint32_t before, std::uint32_t after) {
  switch (assertion) {
    case Regex::Assertion::text_begin:
      return before == kEdge;
    case Regex::Assertion::text_end:
      return after == kEdge;
    case Regex::Assertion::line_begin:
      return before == kEdge || before == '\n';
    case Regex::Assertion::line_end:
      return after == kEdge || after == '\n';
    case Regex::Assertion::word_boundary:
      return is_word(before) != is_word(after);
    case Regex::Assertion::no_word_boundary:
      return is_word(before) == is_word(after);
  }
  PAWL_UNREACHABLE();
}

// Follows everything that consumes nothing from `start`; true if it reaches the match.
bool follow(const std::vector<Regex::Instruction>& program, std::uint32_t start,
            std::uint32_t before, std::uint32_t after, States* states,
            std::vector<std::uint32_t>* stack) {
  stack->push_back(start);
  while (!stack->empty()) {
    const std::uint32_t at = stack->back();
    stack->pop_back();
    if (!states->insert(at)) continue;
    const Regex::Instruction& i = program[at];
    switch (i.step) {
      case Step::set:
        break;
      case Step::split:
        stack->push_back(i.y);
        stack->push_back(i.x);
        break;
      case Step::jump:
        stack->push_back(i.x);
        break;
      case Step::assert_at:
        if (holds(static_cast<Regex::Assertion>(i.x), before, after)) stack->push_back(at + 1);
        break;
      case Step::match:
        return true;
    }
  }
  return false;
}

}  // namespace

std::shared_ptr<const Regex> Regex::compile(std::string_view pattern, RegexError* error) {
  if (pattern.size() > limits::kRegexBytesMax) {
    *error = {0, "the pattern is longer than " + std::to_string(limits::kRegexBytesMax) + " bytes"};
    return nullptr;
  }
  RegexTree tree;
  if (!parse_regex(pattern, &tree, error)) return nullptr;
  auto regex = std::make_shared<Regex>();
  if (!Emitter(tree, &regex->program_, &regex->sets_).run()) {
    *error = {0, "the pattern is too large once its repetitions are written out"};
    return nullptr;
  }
  return regex;
}

bool Regex::matches(std::string_view text) const {
  States now(program_.size()), next(program_.size());
  std::vector<std::uint32_t> stack;
  std::uint32_t before = kEdge;
  for (;;) {
    std::string_view rest = text;
    const std::uint32_t rune = rest.empty() ? kEdge : take_rune(&rest);
    // A match may begin anywhere.
    if (follow(program_, 0, before, rune, &now, &stack)) return true;
    if (rune == kEdge) return false;
    std::string_view beyond = rest;
    const std::uint32_t after = beyond.empty() ? kEdge : take_rune(&beyond);
    for (const std::uint32_t at : now) {
      const Instruction& i = program_[at];
      if (i.step != Step::set || !contains(sets_[i.x], rune)) continue;
      if (follow(program_, at + 1, rune, after, &next, &stack)) return true;
    }
    std::swap(now, next);
    next.clear();
    before = rune;
    text = rest;
  }
}

}  // namespace pawl::dsl
