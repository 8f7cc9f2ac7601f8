// Starting a run:
//
//   (none) --start, no start_at or not later than now--> running, in the start state
//   (none) --start, start_at---------------------------> scheduled --timer--> running
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/decider.h"
#include "engine/namespace.h"

namespace pawl::engine {
namespace {

Salt draw_salt(Random* random) {
  Salt salt;
  for (std::size_t i = 0; i < salt.bytes.size(); i += 8) {
    const std::uint64_t x = random->next();
    for (std::size_t b = 0; b < 8; ++b) {
      salt.bytes[i + b] = static_cast<unsigned char>(x >> (8 * b));
    }
  }
  return salt;
}

std::string describe(const std::vector<dsl::SchemaError>& errors, std::string_view whole) {
  std::string text;
  for (const dsl::SchemaError& e : errors) {
    if (!text.empty()) text += "; ";
    absl::StrAppend(&text, e.path.empty() ? std::string(whole) : "`" + e.path + "`", " ",
                    e.message);
  }
  return text;
}

}  // namespace

void Decider::start(const RunUid& uid, const Start& command) {
  RunStarted e;
  e.group = uid.group;
  e.index = uid.index;
  e.id = command.id;
  e.workflow = qualified_like(command.id, definition().name);
  e.version = command.version;
  e.definition = definition().hash;
  e.salt = draw_salt(&random());
  e.actor = context_.actor;
  for (const auto& [name, value] : command.tags) e.tags.push_back({name, value});

  dsl::Value input = command.input.is_null() ? dsl::Value::map({}) : command.input;
  if (input.kind() != dsl::Kind::map) {
    return refuse(Refusal::input_invalid, "the input is not an object");
  }
  std::string why;
  if (!storable(input, &why)) return refuse(Refusal::too_big, "the input " + why);
  if (definition().input) {
    std::vector<dsl::SchemaError> errors;
    input = dsl::apply_fields(*definition().input, input, &errors);
    if (!errors.empty()) return refuse(Refusal::input_invalid, describe(errors, "the input"));
    if (!storable(input, &why)) return refuse(Refusal::too_big, "the input " + why);
  }
  e.input = Payload::of(std::move(input));
  for (const auto& [name, schema] : definition().root.vars.items) {
    if (schema.default_value) e.vars.push_back({name, Payload::of(*schema.default_value)});
  }

  const bool later = command.start_at && *command.start_at > context_.now;
  if (later) {
    e.start_at = command.start_at;
    e.timers.push_back(timer(TimerKind::start, 0, *command.start_at));
  }
  emit(std::move(e));
  if (command.caller) {
    const CalledBy& by = *command.caller;
    emit(RunCalled{by.group, by.index, by.run, by.call, by.depth, by.wait});
  }
  if (later) return;
  Error error;
  std::vector<Timer> timers = root_timers(&error);
  if (!error.type.empty()) return refuse(Refusal::input_invalid, error.message);
  if (!timers.empty()) emit(TimersArmed{std::move(timers)});
  go(definition().root.start, Cause::start);
  settle();
}

}  // namespace pawl::engine
