// What expressions see while a run is decided: input, vars and run always, the items of the maps
// they stand in, and result, failed, error, signal and actor where they exist. Values are built
// when an expression first asks for them.
#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "dsl/expression.h"
#include "dsl/value.h"
#include "engine/command.h"
#include "engine/event_parts.h"
#include "engine/run.h"

namespace pawl::engine {

class EvalScope : public dsl::Scope {
 public:
  // Reads `run`, which must outlive the scope; variables are read at the first use.
  EvalScope(const Run& run, std::uint32_t frame, TimeMs now)
      : run_(run), frame_(frame), now_(now) {}

  void set_result(dsl::Value value) { result_ = std::move(value); }
  // Of a map: those of its items that failed.
  void set_failed(dsl::Value value) { failed_ = std::move(value); }
  void set_error(const Error& error, std::uint32_t attempt);
  // Who sent it must outlive the scope, too.
  void set_signal(dsl::Value payload, const Actor& actor);
  // These count as assigned already.
  void overlay(const std::vector<NamedPayload>& vars);

  const dsl::Value* find(std::string_view name) const override;

 private:
  const dsl::Value* vars() const;
  const dsl::Value* run_value() const;
  const dsl::Value* item(std::string_view name) const;

  const Run& run_;
  std::uint32_t frame_;
  TimeMs now_;
  std::optional<dsl::Value> result_, failed_, error_, signal_;
  mutable std::map<std::uint32_t, dsl::Value> indexes_;  // of items, by machine
  const Actor* sender_ = nullptr;                        // of the signal
  mutable std::optional<dsl::Value> actor_;              // made of it when asked for
  mutable std::optional<dsl::Value> vars_, run_map_;
};

dsl::Value actor_value(const Actor& actor);
dsl::Timestamp timestamp_of(TimeMs time);

}  // namespace pawl::engine
