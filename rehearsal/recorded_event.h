// A recorded event, as the API shows it: reading its fields, and the command whose decision it
// begins.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "dsl/value.h"
#include "engine/command.h"

namespace pawl::rehearsal {

class RecordedEvent {
 public:
  // The value must outlive this.
  explicit RecordedEvent(const dsl::Value& value) : value_(value) {}

  std::string text(std::string_view field) const;      // "" if there is none
  std::uint64_t number(std::string_view field) const;  // 0 if there is none
  bool flag(std::string_view field) const;             // false if there is none
  dsl::Value value(std::string_view field) const;      // null if there is none
  bool has(std::string_view field) const { return value_.field(field) != nullptr; }
  std::optional<TimeMs> time(std::string_view field) const;
  engine::Error error() const;
  // Who asked; box 0 if it was the engine.
  engine::Actor actor() const;

  std::string type() const { return text("type"); }
  Seq seq() const { return Seq(number("seq")); }

 private:
  const dsl::Value& value_;
};

// The command that begins with this event; `next` is the event behind it, or null. Nothing if no
// command begins so. A Start for run.started.
std::optional<engine::Command> command_of(const RecordedEvent& event, const dsl::Value* next);

}  // namespace pawl::rehearsal
