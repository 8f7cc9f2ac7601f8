#include "dsl/schema.h"

#include <boost/test/unit_test.hpp>

#include "base/limits.h"

namespace pawl::dsl {
namespace {

Value text(const char* s) { return Value::string(s); }
Value num(std::int64_t x) { return Value::int64(x); }

Schema of_type(SchemaType type) {
  Schema s;
  s.type = type;
  return s;
}

Fields order_fields() {
  Schema sku = of_type(SchemaType::string);
  Fields item;
  item.items = {{"sku", sku}, {"qty", of_type(SchemaType::int64)}};
  item.items[1].second.default_value = num(1);
  Schema element = of_type(SchemaType::map);
  element.fields = std::make_shared<const Fields>(item);
  Schema list = of_type(SchemaType::list);
  list.of = std::make_shared<const Schema>(element);
  Schema total = of_type(SchemaType::number);
  total.min = 0;
  total.max = 1e6;
  Schema note = of_type(SchemaType::string);
  note.optional = true;
  note.max = 5;
  Schema mode = of_type(SchemaType::string);
  mode.default_value = text("fast");
  mode.enum_values = {text("fast"), text("slow")};
  Fields f;
  f.items = {{"total", total},
             {"items", list},
             {"note", note},
             {"mode", mode},
             {"at", of_type(SchemaType::timestamp)}};
  f.items.back().second.optional = true;
  return f;
}

// The errors, one a line; or the value.
std::string applied(const Fields& fields, const Value& value) {
  std::vector<SchemaError> errors;
  const Value out = apply_fields(fields, value, &errors);
  if (errors.empty()) return out.debug_string();
  std::string lines;
  for (const SchemaError& e : errors) lines += e.path + " " + e.message + "\n";
  return lines;
}

BOOST_AUTO_TEST_CASE(defaults_are_filled_and_text_is_converted) {
  const Value in =
      Value::map({{text("total"), num(5)},
                  {text("items"), Value::list({Value::map({{text("sku"), text("a")}})})},
                  {text("note"), Value()},
                  {text("at"), text("2026-11-21T09:00:00+01:00")}});
  BOOST_TEST(
      applied(order_fields(), in) ==
      "{\"at\": timestamp(\"2026-11-21T08:00:00Z\"), \"items\": [{\"qty\": 1, \"sku\": \"a\"}], "
      "\"mode\": \"fast\", \"total\": 5}");
}

BOOST_AUTO_TEST_CASE(everything_wrong_is_reported_with_its_place) {
  const Value in = Value::map(
      {{text("total"), text("5")},
       {text("items"),
        Value::list({num(1), Value::map({{text("sku"), num(2)}, {text("qyt"), num(2)}})})},
       {text("note"), text("too long")},
       {text("mode"), text("medium")},
       {text("at"), text("yesterday")},
       {text("tota"), num(1)}});
  BOOST_TEST(applied(order_fields(), in) ==
             "total is a string, must be a number\n"
             "items[0] is an int, must be a map\n"
             "items[1].sku is an int, must be a string\n"
             "items[1].qyt is not a known field, did you mean `qty`?\n"
             "note has the length 8, must be at most 5\n"
             "mode must be one of \"fast\", \"slow\"\n"
             "at is a string, must be a timestamp (RFC 3339)\n"
             "tota is not a known field, did you mean `total`?\n");
  BOOST_TEST(applied(order_fields(), Value::map({})) ==
             "total is missing, must be a number\nitems is missing, must be a list\n");
  BOOST_TEST(applied(order_fields(), num(1)) == " is an int, must be a map\n");
}

BOOST_AUTO_TEST_CASE(bounds_of_numbers) {
  Schema s = of_type(SchemaType::number);
  s.min = 0;
  s.max = 10;
  const auto errors = [&](const Value& v) {
    std::vector<SchemaError> e;
    apply_schema(s, v, "x", &e);
    return e.empty() ? std::string() : e[0].path + " " + e[0].message;
  };
  BOOST_TEST(errors(num(0)) == "");
  BOOST_TEST(errors(Value::float64(10)) == "");
  BOOST_TEST(errors(num(-1)) == "x has the value -1, must be at least 0");
  BOOST_TEST(errors(Value::float64(10.5)) == "x has the value 10.5, must be at most 10");
  BOOST_TEST(errors(Value::float64(__builtin_nan(""))) ==
             "x has the value NaN, must be at least 0");
  BOOST_TEST(errors(Value()) == "x is null, must be a number");
}

BOOST_AUTO_TEST_CASE(what_json_cannot_say) {
  const auto applied_as = [](SchemaType type, const Value& v) {
    std::vector<SchemaError> e;
    const Value out = apply_schema(of_type(type), v, "x", &e);
    return e.empty() ? out.debug_string() : "refused";
  };
  BOOST_TEST(applied_as(SchemaType::duration, text("1h")) == "duration(\"3600s\")");
  BOOST_TEST(applied_as(SchemaType::bytes, text("aGk=")) == "b\"hi\"");
  BOOST_TEST(applied_as(SchemaType::bytes, text("!")) == "refused");
  BOOST_TEST(applied_as(SchemaType::int64, text("9223372036854775807")) == "9223372036854775807");
  BOOST_TEST(applied_as(SchemaType::int64, text("5")) == "refused");
  BOOST_TEST(applied_as(SchemaType::int64, Value::uint64(5)) == "5");
  BOOST_TEST(applied_as(SchemaType::int64, Value::uint64(UINT64_MAX)) == "refused");
  BOOST_TEST(applied_as(SchemaType::int64, Value::float64(5)) == "refused");
  BOOST_TEST(applied_as(SchemaType::number, num(5)) == "5");
  BOOST_TEST(applied_as(SchemaType::any, Value()) == "null");
  BOOST_TEST(applied_as(SchemaType::boolean, num(1)) == "refused");
}

BOOST_AUTO_TEST_CASE(open_fields_keep_what_they_do_not_know) {
  Fields f;
  f.open = true;
  f.items = {{"a", of_type(SchemaType::int64)}};
  BOOST_TEST(applied(f, Value::map({{text("a"), num(1)}, {text("b"), text("x")}})) ==
             "{\"a\": 1, \"b\": \"x\"}");
}

BOOST_AUTO_TEST_CASE(errors_are_limited_in_number) {
  Schema list = of_type(SchemaType::list);
  list.of = std::make_shared<const Schema>(of_type(SchemaType::string));
  std::vector<SchemaError> errors;
  apply_schema(list, Value::list(List(10'000, num(1))), "x", &errors);
  BOOST_TEST(errors.size() == static_cast<std::size_t>(limits::kDiagnosticsMax));
}

BOOST_AUTO_TEST_CASE(schemas_have_names_and_types) {
  const Fields f = order_fields();
  BOOST_TEST(to_string(f.items[1].second) == "list of map");
  const Type t = type_of(f);
  BOOST_TEST((t.base == Type::Base::map));
  BOOST_TEST((t.fields->at("total").base == Type::Base::number));
  BOOST_TEST((t.fields->at("items").element->fields->at("qty").base == Type::Base::int64));
  BOOST_TEST(!t.open);
}

}  // namespace
}  // namespace pawl::dsl
