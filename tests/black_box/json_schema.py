"""A validator of JSON Schema draft-07, as far as `pawl schema` uses it. A keyword it does not know is an error."""

import datetime
import re

NOTES = {"$schema", "title", "description", "definitions"}
TYPES = {
    "object": lambda x: isinstance(x, dict),
    "array": lambda x: isinstance(x, list),
    "string": lambda x: isinstance(x, str),
    "boolean": lambda x: isinstance(x, bool),
    "integer": lambda x: isinstance(x, int) and not isinstance(x, bool),
    "number": lambda x: isinstance(x, (int, float)) and not isinstance(x, bool),
}


def as_json(value):
    """TOML's values as editors see them: dates are text."""
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: as_json(x) for key, x in value.items()}
    return [as_json(x) for x in value] if isinstance(value, list) else value


class Validator:
    def __init__(self, schema):
        self.schema = schema

    def mistakes(self, value):
        """Lines "path: what is wrong"; none if the value is valid."""
        return list(self.check(self.schema, as_json(value), ""))

    def check(self, schema, value, path):
        if isinstance(schema, bool):
            if not schema:
                yield f"{path}: is not allowed"
            return
        if "$ref" in schema:
            yield from self.check(self.resolve(schema["$ref"]), value, path)
            return
        for keyword, rule in schema.items():
            if keyword not in NOTES:
                yield from getattr(self, "check_" + keyword)(schema, rule, value, path)

    def resolve(self, reference):
        assert reference.startswith("#/"), reference
        found = self.schema
        for part in reference[2:].split("/"):
            found = found[part]
        return found

    def fails(self, schema, value):
        return any(True for _ in self.check(schema, value, ""))

    def check_type(self, schema, rule, value, path):
        if not any(TYPES[name](value) for name in ([rule] if isinstance(rule, str) else rule)):
            yield f"{path}: is no {rule}"

    def check_enum(self, schema, rule, value, path):
        if value not in rule:
            yield f"{path}: is none of {rule}"

    def check_pattern(self, schema, rule, value, path):
        if isinstance(value, str) and not re.search(rule, value):
            yield f"{path}: {value!r} does not match {rule}"

    def check_minimum(self, schema, rule, value, path):
        if TYPES["number"](value) and value < rule:
            yield f"{path}: is less than {rule}"

    def check_maximum(self, schema, rule, value, path):
        if TYPES["number"](value) and value > rule:
            yield f"{path}: is more than {rule}"

    def check_minItems(self, schema, rule, value, path):
        if isinstance(value, list) and len(value) < rule:
            yield f"{path}: has fewer than {rule} items"

    def check_items(self, schema, rule, value, path):
        for i, item in enumerate(value if isinstance(value, list) else []):
            yield from self.check(rule, item, f"{path}[{i}]")

    def check_properties(self, schema, rule, value, path):
        for key, x in value.items() if isinstance(value, dict) else ():
            if key in rule:
                yield from self.check(rule[key], x, f"{path}.{key}")

    def check_additionalProperties(self, schema, rule, value, path):
        for key, x in value.items() if isinstance(value, dict) else ():
            if key not in schema.get("properties", {}):
                yield from self.check(rule, x, f"{path}.{key}")

    def check_propertyNames(self, schema, rule, value, path):
        for key in value if isinstance(value, dict) else ():
            yield from self.check(rule, key, f"{path}.{key}")

    def check_required(self, schema, rule, value, path):
        for key in rule:
            if isinstance(value, dict) and key not in value:
                yield f"{path}: lacks {key}"

    def check_dependencies(self, schema, rule, value, path):
        for key, then in rule.items():
            if isinstance(value, dict) and key in value:
                yield from self.check(then, value, path)

    def check_not(self, schema, rule, value, path):
        if not self.fails(rule, value):
            yield f"{path}: is what it must not be"

    def check_anyOf(self, schema, rule, value, path):
        if all(self.fails(one, value) for one in rule):
            yield f"{path}: is none of {len(rule)} alternatives"

    def check_allOf(self, schema, rule, value, path):
        for one in rule:
            yield from self.check(one, value, path)
