#include "tests/dsl/expression_scope.h"

#include "dsl/schema.h"

namespace pawl::dsl {
namespace {

Value text(const char* s) { return Value::string(s); }

Schema of_type(SchemaType type) {
  Schema s;
  s.type = type;
  return s;
}

Environment make_environment() {
  Fields item;
  item.items = {{"sku", of_type(SchemaType::string)}, {"qty", of_type(SchemaType::int64)}};
  Schema element = of_type(SchemaType::map);
  element.fields = std::make_shared<const Fields>(item);
  Schema items = of_type(SchemaType::list);
  items.of = std::make_shared<const Schema>(element);
  Fields input;
  input.items = {{"order_id", of_type(SchemaType::string)},
                 {"total", of_type(SchemaType::number)},
                 {"note", of_type(SchemaType::string)},
                 {"items", items}};
  Fields signal;
  signal.items = {{"ok", of_type(SchemaType::boolean)}, {"by", of_type(SchemaType::string)}};
  Fields vars;
  vars.open = true;
  vars.items = {{"count", of_type(SchemaType::int64)}};
  return {{"input", type_of(input)},
          {"signal", type_of(signal)},
          {"vars", type_of(vars)},
          {"at", Type::of(Type::Base::timestamp)},
          {"wait", Type::of(Type::Base::duration)},
          {"any", Type{}},
          {"unbound", Type{}}};
}

Value item(const char* sku, std::int64_t qty) {
  return Value::map({{text("sku"), text(sku)}, {text("qty"), Value::int64(qty)}});
}

Value make_input() {
  return Value::map({{text("order_id"), text("o-1")},
                     {text("total"), Value::int64(1500)},
                     {text("items"), Value::list({item("apple", 3), item("pear", 1)})}});
}

}  // namespace

const Environment& sample_environment() {
  static const Environment environment = make_environment();
  return environment;
}

const Value* SampleScope::find(std::string_view name) const {
  static const Value input = make_input();
  static const Value signal =
      Value::map({{text("ok"), Value::boolean(true)}, {text("by"), text("ann")}});
  static const Value vars =
      Value::map({{text("count"), Value::int64(2)}, {text("more"), text("x")}});
  static const Value at = Value::timestamp({1'795'251'600, 500'000'000});  // 2026-11-21T09:00:00.5Z
  static const Value wait = Value::duration({90, 0});
  static const Value any =
      Value::map({{text("n"), Value::int64(7)}, {text("l"), Value::list({Value::int64(1)})}});
  if (name == "input") return &input;
  if (name == "signal") return &signal;
  if (name == "vars") return &vars;
  if (name == "at") return &at;
  if (name == "wait") return &wait;
  if (name == "any") return &any;
  return nullptr;
}

}  // namespace pawl::dsl
