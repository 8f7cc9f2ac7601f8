#include "engine/event_parts.h"

namespace pawl::engine {

ErrorRecord ErrorRecord::of(const Error& error) {
  dsl::Map detail;
  detail.emplace_back(dsl::Value::string("data"), error.data);
  detail.emplace_back(dsl::Value::string("message"), dsl::Value::string(error.message));
  return {error.type, Payload::of(dsl::Value::map(std::move(detail)))};
}

std::string ErrorRecord::message() const {
  const dsl::Value* message = detail.value.field("message");
  return message != nullptr && message->kind() == dsl::Kind::string ? message->as_string() : "";
}

dsl::Value ErrorRecord::data() const {
  const dsl::Value* data = detail.value.field("data");
  return data != nullptr ? *data : dsl::Value();
}

}  // namespace pawl::engine
