#include "dsl/parse_value.h"

#include <algorithm>
#include <cmath>

#include "dsl/check_types.h"
#include "dsl/parse_table.h"

namespace pawl::dsl {
namespace {

// A constant expression that takes longer than this is left to the run.
constexpr std::int64_t kFoldingCostMax = 1000;
constexpr std::size_t kFieldsListed = 12;  // in a hint

class EmptyScope : public Scope {
 public:
  const Value* find(std::string_view) const override { return nullptr; }
};

std::string name_of(const TomlNode& node) { return node.key.empty() ? "this" : quoted(node.key); }

// What a name that is not in scope here would need.
std::string scope_hint(std::string_view name) {
  if (name == "result") return "`result` is in scope of a task's `save` and `undo`";
  if (name == "error") return "`error` is in scope of a catch's `save`";
  if (name == "signal" || name == "actor") return quoted(name) + " is in scope of `on` handlers";
  return {};
}

// Compiles `text`, which begins at byte `offset` of the node's string.
Compiled compile_at(const TomlNode& node, std::size_t offset, const Environment& environment,
                    ParseContext* context) {
  const std::string_view text = std::string_view(node.text).substr(offset);
  Compiled compiled = compile(text, environment);
  for (ExpressionError& e : compiled.errors) {
    const Place place = place_in_string(*context->diagnostics, node, offset + e.offset, e.length);
    if (e.offset <= text.size() && (e.hint.empty() || e.hint.starts_with("known here"))) {
      const std::string hint = environment.empty()
                                   ? "a plain value stands here: no run is known yet"
                                   : scope_hint(text.substr(e.offset, e.length));
      if (!hint.empty()) e.hint = hint;
    }
    context->diagnostics->error(place, e.message, e.hint);
  }
  return compiled;
}

// One walk over a node and, beside it, what is expected of it.
class TemplateParser {
 public:
  TemplateParser(const Environment& environment, ParseContext* context)
      : environment_(environment), context_(context), diagnostics_(context->diagnostics) {}

  Template parse(const TomlNode& node, const Schema* expected) {
    if (expected != nullptr && expected->type == SchemaType::any) expected = nullptr;
    Template out;
    switch (node.kind) {
      case TomlNode::Kind::list:
        out = parse_list(node, expected);
        break;
      case TomlNode::Kind::table:
        out = parse_map(node, expected);
        break;
      case TomlNode::Kind::string:
        if (node.text.starts_with('=')) {
          out = parse_expression(node, expected);
          break;
        }
        [[fallthrough]];
      default:
        if (const std::optional<Value> leaf = parse_leaf(node)) {
          out.literal = check_literal(node, *leaf, expected);
        }
    }
    out.line = node.place.line;
    return out;
  }

 private:
  std::optional<Value> parse_leaf(const TomlNode& node) {
    switch (node.kind) {
      case TomlNode::Kind::string:
        return Value::string(node.text);
      case TomlNode::Kind::integer:
        return Value::int64(node.integer);
      case TomlNode::Kind::boolean:
        return Value::boolean(node.boolean);
      case TomlNode::Kind::timestamp:
        return Value::timestamp(node.timestamp);
      case TomlNode::Kind::real:
        if (std::isfinite(node.real)) return Value::float64(node.real);
        diagnostics_->error(node.place, "inf and nan have no form in JSON",
                            "use a large number, or leave the key out");
        return std::nullopt;
      default:
        diagnostics_->error(node.place, "a date or time without an offset is no moment",
                            "write it with an offset: 2026-11-21T09:00:00Z");
        return std::nullopt;
    }
  }

  Value check_literal(const TomlNode& node, const Value& value, const Schema* expected) {
    if (expected == nullptr || (value.is_null() && expected->optional)) return value;
    std::vector<SchemaError> errors;
    Value converted = apply_schema(*expected, value, "", &errors);
    for (const SchemaError& e : errors) {
      diagnostics_->error(
          node.place,
          name_of(node) + (e.path.empty() ? "" : ": " + quoted(e.path)) + " " + e.message);
    }
    return errors.empty() ? converted : value;
  }

  void check_type(const TomlNode& node, const Type& type, const Schema& expected) {
    if (may_pass(type, expected)) return;
    diagnostics_->error(node.place, name_of(node) + " must be " + to_string(expected) +
                                        ", and this expression is " + to_string(type));
  }

  Template parse_expression(const TomlNode& node, const Schema* expected) {
    Template out;
    const Compiled compiled = compile_at(node, 1, environment_, context_);
    if (!compiled.expression) return out;
    if (compiled.variables.empty()) {
      const Evaluation now = evaluate(*compiled.expression, EmptyScope(), kFoldingCostMax);
      if (now.ok && now.value.kind() != Kind::type) {
        out.literal = check_literal(node, now.value, expected);
        return out;
      }
      if (!now.ok && now.cost < kFoldingCostMax) {
        diagnostics_->error(node.place, "this expression always fails: " + now.error);
        return out;
      }
    }
    if (expected != nullptr) check_type(node, compiled.type, *expected);
    out.form = Template::Form::expression;
    out.expression = compiled.expression;
    return out;
  }

  Template parse_list(const TomlNode& node, const Schema* expected) {
    if (expected != nullptr && expected->type != SchemaType::list) {
      return wrong(node, *expected);
    }
    const Schema* of = expected != nullptr ? expected->of.get() : nullptr;
    Template out;
    out.form = Template::Form::list;
    List literals;
    for (const TomlNode& item : node.children) {
      out.items.push_back(parse(item, of));
      if (out.items.back().is_literal()) literals.push_back(out.items.back().literal);
    }
    if (literals.size() < out.items.size()) return out;
    Template folded;
    folded.literal = Value::list(std::move(literals));
    return folded;
  }

  Template parse_map(const TomlNode& node, const Schema* expected) {
    if (expected != nullptr && expected->type != SchemaType::map) {
      return wrong(node, *expected);
    }
    if (expected != nullptr && expected->fields) check_fields(node, *expected->fields);
    Template out;
    out.form = Template::Form::map;
    Map literals;
    for (const TomlNode& child : node.children) {
      Template field = parse(child, schema_of_field(expected, child.key));
      if (field.is_literal()) literals.emplace_back(Value::string(child.key), field.literal);
      out.fields.push_back({child.key, std::move(field)});
    }
    if (literals.size() == out.fields.size()) {
      Template folded;
      folded.literal = Value::map(std::move(literals));
      return folded;
    }
    std::sort(out.fields.begin(), out.fields.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    return out;
  }

  static const Schema* schema_of_field(const Schema* schema, std::string_view key) {
    if (schema == nullptr) return nullptr;
    return schema->fields ? schema->fields->find(key) : schema->of.get();
  }

  // Missing and unknown fields; the values of the others are checked when they are parsed.
  void check_fields(const TomlNode& node, const Fields& fields) {
    std::vector<std::string> names;
    for (const auto& [name, schema] : fields.items) {
      names.push_back(name);
      if (schema.optional || schema.default_value || node.find(name) != nullptr) continue;
      diagnostics_->error(node.mark(), name_of(node) + " lacks the field " + quoted(name) + " (" +
                                           to_string(schema) + ")");
    }
    if (fields.open) return;
    for (const TomlNode& child : node.children) {
      if (fields.find(child.key) != nullptr) continue;
      std::string hint = diagnostics_->did_you_mean(child.key, names);
      if (hint.empty() && !names.empty() && names.size() <= kFieldsListed) {
        hint = "its fields: ";
        for (const std::string& name : names) hint += (&name == &names[0] ? "" : ", ") + name;
      }
      diagnostics_->error(child.mark(),
                          "unknown field " + quoted(child.key) + " in " + name_of(node),
                          std::move(hint));
    }
  }

  Template wrong(const TomlNode& node, const Schema& expected) {
    diagnostics_->error(node.place, name_of(node) + " must be " + to_string(expected) + ", not " +
                                        std::string(kind_name(node.kind)));
    return {};
  }

  const Environment& environment_;
  ParseContext* context_;
  DiagnosticList* diagnostics_;
};

void collect_assigned(const TomlNode& node, std::vector<std::string>* out) {
  for (const TomlNode& child : node.children) {
    const bool assigns = child.key == "save" || child.key == "set";
    if (assigns && child.is(TomlNode::Kind::table)) {
      for (const TomlNode& variable : child.children) out->push_back(variable.key);
    } else {
      collect_assigned(child, out);
    }
  }
}

}  // namespace

Template parse_template(const TomlNode& node, const Environment& environment,
                        const Schema* expected, ParseContext* context) {
  return TemplateParser(environment, context).parse(node, expected);
}

Template parse_template_of(const TomlNode& node, const Environment& environment, SchemaType type,
                           ParseContext* context) {
  Schema schema;
  schema.type = type;
  return parse_template(node, environment, &schema, context);
}

Template parse_delay(const TomlNode& node, const Environment& environment, ParseContext* context) {
  if (node.is(TomlNode::Kind::string) && !node.text.starts_with('=')) {
    Template out;
    out.line = node.place.line;
    const std::optional<std::int64_t> ms = duration_ms(node.text, node.place, context->diagnostics);
    if (ms) {
      out.literal =
          Value::duration({*ms / 1000, static_cast<std::int32_t>(*ms % 1000) * 1'000'000});
    }
    return out;
  }
  return parse_template_of(node, environment, SchemaType::duration, context);
}

std::shared_ptr<const Expression> parse_condition(const TomlNode& node,
                                                  const Environment& environment,
                                                  ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  if (!node.is(TomlNode::Kind::string)) {
    wrong_kind(node, name_of(node), "an expression in a string", diagnostics);
    return nullptr;
  }
  if (node.text.starts_with('=')) {
    diagnostics->error(node.place, "`if` is always an expression", "leave the `=` out");
    return nullptr;
  }
  const Compiled compiled = compile_at(node, 0, environment, context);
  if (!compiled.expression) return nullptr;
  const Type::Base base = compiled.type.base;
  if (base != Type::Base::boolean && base != Type::Base::dyn) {
    diagnostics->error(node.place,
                       "a condition must be a bool, and this is " + to_string(compiled.type),
                       "compare it with something: x != null, x > 0, has(x.y)");
    return nullptr;
  }
  return compiled.expression;
}

std::vector<Assignment> parse_assignments(const TomlNode& node, const Environment& environment,
                                          ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  std::vector<Assignment> out;
  if (!node.is(TomlNode::Kind::table)) {
    wrong_kind(node, name_of(node), "a table of variables", diagnostics,
               node.key + ".NAME = \"= ...\"");
    return out;
  }
  std::vector<std::string> declared;
  for (const auto& [name, schema] : context->vars.items) declared.push_back(name);
  for (const TomlNode& child : node.children) {
    if (!check_variable(child.key, child.mark(), diagnostics)) continue;
    const Schema* schema = context->vars.find(child.key);
    if (schema == nullptr && context->vars_declared) {
      const std::string hint = diagnostics->did_you_mean(child.key, declared);
      if (!hint.empty()) {
        diagnostics->warning(child.mark(), "[vars] declares no " + quoted(child.key), hint);
      }
    }
    out.push_back({child.key, parse_template(child, environment, schema, context)});
  }
  std::sort(out.begin(), out.end(),
            [](const Assignment& a, const Assignment& b) { return a.variable < b.variable; });
  return out;
}

std::optional<Value> parse_literal(const TomlNode& node, ParseContext* context) {
  const Environment nothing;
  const int errors = context->diagnostics->errors();
  const Template parsed = parse_template(node, nothing, nullptr, context);
  if (context->diagnostics->errors() > errors) return std::nullopt;
  if (parsed.is_literal()) return parsed.literal;
  context->diagnostics->error(node.place,
                              name_of(node) + " must be a plain value, without expressions");
  return std::nullopt;
}

std::vector<std::string> assigned_variables(const TomlNode& root) {
  std::vector<std::string> out;
  collect_assigned(root, &out);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace pawl::dsl
