#include "dsl/parser.h"

#include <algorithm>
#include <optional>

#include "base/limits.h"
#include "dsl/lexer.h"
#include "dsl/literal_value.h"
#include "dsl/macros.h"

namespace pawl::dsl {
namespace {

struct Infix {
  int precedence = 0;  // higher binds tighter; 0: no infix operator
  Op op = Op::constant;
};

Infix infix_of(Symbol symbol) {
  switch (symbol) {
    case Symbol::logical_or:
      return {1, Op::logical_or};
    case Symbol::logical_and:
      return {2, Op::logical_and};
    case Symbol::equal:
      return {3, Op::equal};
    case Symbol::not_equal:
      return {3, Op::not_equal};
    case Symbol::less:
      return {3, Op::less};
    case Symbol::less_equal:
      return {3, Op::less_equal};
    case Symbol::greater:
      return {3, Op::greater};
    case Symbol::greater_equal:
      return {3, Op::greater_equal};
    case Symbol::keyword_in:
      return {3, Op::in};
    case Symbol::plus:
      return {4, Op::add};
    case Symbol::minus:
      return {4, Op::subtract};
    case Symbol::star:
      return {5, Op::multiply};
    case Symbol::slash:
      return {5, Op::divide};
    case Symbol::percent:
      return {5, Op::modulo};
    default:
      return {};
  }
}

// Words kept free for languages that embed CEL: no variables, but fields and functions.
bool is_reserved(std::string_view name) {
  constexpr std::string_view kReserved[] = {
      "as",  "break", "const",   "continue",  "else",   "for", "function", "if",   "import",
      "let", "loop",  "package", "namespace", "return", "var", "void",     "while"};
  return std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved);
}

class Parser {
 public:
  Parser(std::vector<Token> tokens, Expression* out, ExpressionError* error)
      : tokens_(std::move(tokens)), out_(out), error_(error) {}

  bool run() {
    NodeId root = 0;
    if (!expression(&root)) return false;
    if (peek().symbol != Symbol::end) return unexpected("the end of the expression");
    out_->root = root;
    return true;
  }

 private:
  // Each sets *out to the node it made, or error_ and returns false.
  bool expression(NodeId* out);
  bool binary(int precedence_min, NodeId* out);
  bool unary(NodeId* out);
  bool postfix(NodeId* out);
  bool primary(NodeId* out);
  bool select(NodeId operand, NodeId* out);
  bool index(NodeId operand, NodeId* out);
  bool name(NodeId* out);
  bool call(std::string_view name, std::optional<NodeId> target, std::size_t start, NodeId* out);
  bool arguments(std::vector<NodeId>* out);
  bool list(NodeId* out);
  bool map(NodeId* out);
  bool literal(bool negative, std::size_t start, NodeId* out);

  const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  const Token& take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool accept(Symbol symbol) {
    if (peek().symbol != symbol) return false;
    take();
    return true;
  }
  bool expect(Symbol symbol, std::string_view what) { return accept(symbol) || unexpected(what); }
  std::size_t end_of_last() const {
    return at_ == 0 ? 0 : tokens_[at_ - 1].offset + tokens_[at_ - 1].length;
  }

  bool fail(const Token& token, std::string message, std::string hint = {}) {
    *error_ = {token.offset, std::max<std::size_t>(token.length, 1), std::move(message),
               std::move(hint)};
    return false;
  }
  bool unexpected(std::string_view wanted) {
    const bool end = peek().symbol == Symbol::end;
    return fail(peek(),
                (end ? "the expression ends here, expected " : "expected ") + std::string(wanted));
  }

  // Adds a node whose text goes from `start` to the last token taken.
  bool add(Node node, std::size_t start, NodeId* out);
  bool add(Op op, std::vector<NodeId> children, std::size_t start, NodeId* out) {
    Node node;
    node.op = op;
    node.children = std::move(children);
    return add(std::move(node), start, out);
  }

  bool too_deep() {
    return fail(peek(), "the expression is nested more than " +
                            std::to_string(limits::kExpressionDepthMax) + " levels deep");
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  Expression* out_;
  ExpressionError* error_;
};

bool Parser::add(Node node, std::size_t start, NodeId* out) {
  if (out_->nodes.size() >= static_cast<std::size_t>(limits::kExpressionNodesMax)) {
    return fail(peek(), "the expression has more than " +
                            std::to_string(limits::kExpressionNodesMax) + " parts");
  }
  for (const NodeId child : node.children) {
    node.height = std::max<std::uint16_t>(node.height, out_->nodes[child].height + 1);
  }
  if (node.height > limits::kExpressionDepthMax) return too_deep();
  node.offset = static_cast<std::uint32_t>(start);
  node.length = static_cast<std::uint32_t>(end_of_last() - start);
  *out = static_cast<NodeId>(out_->nodes.size());
  out_->nodes.push_back(std::move(node));
  return true;
}

bool Parser::expression(NodeId* out) {
  if (depth_ >= limits::kExpressionDepthMax) return too_deep();
  ++depth_;
  const std::size_t start = peek().offset;
  if (!binary(1, out)) return false;
  if (accept(Symbol::question)) {
    NodeId yes = 0, no = 0;
    if (!binary(1, &yes) || !expect(Symbol::colon, "`:` and the other branch") ||
        !expression(&no)) {
      return false;
    }
    if (!add(Op::conditional, {*out, yes, no}, start, out)) return false;
  }
  --depth_;
  return true;
}

bool Parser::binary(int precedence_min, NodeId* out) {
  const std::size_t start = peek().offset;
  if (!unary(out)) return false;
  for (;;) {
    const Infix infix = infix_of(peek().symbol);
    if (infix.precedence == 0 || infix.precedence < precedence_min) return true;
    take();
    NodeId right = 0;
    if (!binary(infix.precedence + 1, &right)) return false;
    Node& left = out_->nodes[*out];
    if (left.op == infix.op && (infix.op == Op::logical_and || infix.op == Op::logical_or)) {
      // One flat node, so that a long row of conditions is not a deep tree.
      left.children.push_back(right);
      left.height = std::max<std::uint16_t>(left.height, out_->nodes[right].height + 1);
      left.offset = static_cast<std::uint32_t>(start);
      left.length = static_cast<std::uint32_t>(end_of_last() - start);
      if (left.height > limits::kExpressionDepthMax) return too_deep();
      continue;
    }
    if (!add(infix.op, {*out, right}, start, out)) return false;
  }
}

bool Parser::unary(NodeId* out) {
  std::vector<std::size_t> signs;  // where each `!` or `-` stands
  std::vector<Op> ops;
  while (peek().symbol == Symbol::bang || peek().symbol == Symbol::minus) {
    const Symbol after = peek(1).symbol;
    const bool number = after == Symbol::int_literal || after == Symbol::double_literal;
    if (peek().symbol == Symbol::minus && number) break;  // part of the literal
    if (ops.size() >= static_cast<std::size_t>(limits::kExpressionDepthMax)) return too_deep();
    signs.push_back(peek().offset);
    ops.push_back(take().symbol == Symbol::bang ? Op::logical_not : Op::negate);
  }
  if (!postfix(out)) return false;
  while (!ops.empty()) {
    if (!add(ops.back(), {*out}, signs.back(), out)) return false;
    ops.pop_back();
    signs.pop_back();
  }
  return true;
}

bool Parser::postfix(NodeId* out) {
  if (!primary(out)) return false;
  for (;;) {
    if (accept(Symbol::dot)) {
      if (!select(*out, out)) return false;
    } else if (accept(Symbol::left_bracket)) {
      if (!index(*out, out)) return false;
    } else if (peek().symbol == Symbol::left_brace) {
      return fail(peek(), "messages can't be made here", "a map is written {\"name\": value}");
    } else {
      return true;
    }
  }
}

bool Parser::select(NodeId operand, NodeId* out) {
  const std::size_t start = out_->nodes[operand].offset;
  const bool optional = accept(Symbol::question);
  const Token field = peek();
  if (field.symbol == Symbol::keyword_in || field.symbol == Symbol::keyword_true ||
      field.symbol == Symbol::keyword_false || field.symbol == Symbol::keyword_null) {
    return fail(field, "`" + field.text + "` can't be a field's name here",
                "select with brackets: x[\"" + field.text + "\"]");
  }
  if (field.symbol != Symbol::identifier && field.symbol != Symbol::escaped_identifier) {
    return unexpected("a field's name");
  }
  take();
  if (!optional && field.symbol == Symbol::identifier && peek().symbol == Symbol::left_paren) {
    return call(field.text, operand, start, out);
  }
  Node node;
  node.op = Op::select;
  node.optional = optional;
  node.value = Value::string(field.text);
  node.children = {operand};
  return add(std::move(node), start, out);
}

bool Parser::index(NodeId operand, NodeId* out) {
  const std::size_t start = out_->nodes[operand].offset;
  Node node;
  node.op = Op::index;
  node.optional = accept(Symbol::question);
  NodeId key = 0;
  if (!expression(&key) || !expect(Symbol::right_bracket, "`]`")) return false;
  node.children = {operand, key};
  return add(std::move(node), start, out);
}

bool Parser::primary(NodeId* out) {
  const Token& token = peek();
  switch (token.symbol) {
    case Symbol::left_paren: {
      take();
      if (!expression(out) || !expect(Symbol::right_paren, "`)`")) return false;
      out_->nodes[*out].grouped = true;
      return true;
    }
    case Symbol::left_bracket:
      return list(out);
    case Symbol::left_brace:
      return map(out);
    case Symbol::dot:
    case Symbol::identifier:
      return name(out);
    case Symbol::escaped_identifier:
      return fail(token, "a name in backticks can only be a field", "x.`" + token.text + "`");
    case Symbol::minus:
      take();
      return literal(true, token.offset, out);
    default:
      return literal(false, token.offset, out);
  }
}

bool Parser::name(NodeId* out) {
  const std::size_t start = peek().offset;
  const bool absolute = accept(Symbol::dot);
  const Token token = peek();
  if (token.symbol != Symbol::identifier) return unexpected("a name");
  take();
  if (peek().symbol == Symbol::left_paren) {
    if (!call(token.text, std::nullopt, start, out)) return false;
    out_->nodes[*out].absolute = absolute;
    return true;
  }
  if (is_reserved(token.text)) {
    return fail(token, "`" + token.text + "` is a reserved word and can't be a variable");
  }
  Node node;
  node.op = Op::identifier;
  node.absolute = absolute;
  node.name = token.text;
  return add(std::move(node), start, out);
}

bool Parser::call(std::string_view function, std::optional<NodeId> target, std::size_t start,
                  NodeId* out) {
  std::vector<NodeId> given;
  if (!arguments(&given)) return false;
  Node node;
  switch (expand_macro(out_->nodes, function, target, given, &node, error_)) {
    case Expansion::wrong:
      return false;
    case Expansion::done:
      return add(std::move(node), start, out);
    case Expansion::none:
      break;
  }
  node.op = Op::call;
  node.name = function;
  node.with_target = target.has_value();
  if (target) node.children.push_back(*target);
  node.children.insert(node.children.end(), given.begin(), given.end());
  return add(std::move(node), start, out);
}

bool Parser::arguments(std::vector<NodeId>* out) {
  take();  // the parenthesis
  if (accept(Symbol::right_paren)) return true;
  for (;;) {
    NodeId argument = 0;
    if (!expression(&argument)) return false;
    out->push_back(argument);
    if (accept(Symbol::right_paren)) return true;
    if (!expect(Symbol::comma, "`,` or `)`")) return false;
  }
}

bool Parser::list(NodeId* out) {
  const std::size_t start = take().offset;
  Node node;
  node.op = Op::list;
  while (!accept(Symbol::right_bracket)) {
    const bool optional = accept(Symbol::question);
    if (optional) node.optional_entries.resize(node.children.size() + 1);
    NodeId element = 0;
    if (!expression(&element)) return false;
    node.children.push_back(element);
    if (!node.optional_entries.empty()) node.optional_entries.resize(node.children.size());
    if (optional) node.optional_entries.back() = true;
    if (accept(Symbol::comma)) continue;
    if (peek().symbol != Symbol::right_bracket) return unexpected("`,` or `]`");
  }
  return add(std::move(node), start, out);
}

bool Parser::map(NodeId* out) {
  const std::size_t start = take().offset;
  Node node;
  node.op = Op::map;
  while (!accept(Symbol::right_brace)) {
    const bool optional = accept(Symbol::question);
    NodeId key = 0, value = 0;
    if (!expression(&key) || !expect(Symbol::colon, "`:` and a value") || !expression(&value)) {
      return false;
    }
    node.children.insert(node.children.end(), {key, value});
    if (optional || !node.optional_entries.empty()) {
      node.optional_entries.resize(node.children.size() / 2);
    }
    if (optional) node.optional_entries.back() = true;
    if (accept(Symbol::comma)) continue;
    if (peek().symbol != Symbol::right_brace) return unexpected("`,` or `}`");
  }
  return add(std::move(node), start, out);
}

bool Parser::literal(bool negative, std::size_t start, NodeId* out) {
  const Token& token = peek();
  if (token.symbol == Symbol::end) return unexpected("a value, a name or `(`");
  Node node;
  ExpressionError wrong;
  if (!literal_value(token, negative, &node.value, &wrong)) {
    return fail(token, std::move(wrong.message), std::move(wrong.hint));
  }
  take();
  return add(std::move(node), start, out);
}

}  // namespace

bool parse(std::string_view text, Expression* out, ExpressionError* error) {
  std::vector<Token> tokens;
  if (!lex(text, &tokens, error)) return false;
  return Parser(std::move(tokens), out, error).run();
}

}  // namespace pawl::dsl
