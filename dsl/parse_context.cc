#include "dsl/parse_context.h"

namespace pawl::dsl {
namespace {

Type list_of(Type element) {
  Type type = Type::of(Type::Base::list);
  type.element = std::make_shared<const Type>(std::move(element));
  return type;
}

}  // namespace

Type map_of(std::map<std::string, Type> fields) {
  Type type = Type::of(Type::Base::map);
  type.key = std::make_shared<const Type>(Type::of(Type::Base::string));
  type.fields = std::make_shared<const std::map<std::string, Type>>(std::move(fields));
  return type;
}

Environment with_name(const ParseContext& context, std::string_view name, Type type) {
  Environment environment = context.base;
  environment.insert_or_assign(std::string(name), std::move(type));
  return environment;
}

Type error_type() {
  return map_of({{"type", Type::of(Type::Base::string)},
                 {"message", Type::of(Type::Base::string)},
                 {"data", Type()},
                 {"attempt", Type::of(Type::Base::int64)}});
}

Type actor_type() {
  return map_of({{"box", Type()},
                 {"uid", Type::of(Type::Base::int64)},
                 {"gids", list_of(Type::of(Type::Base::int64))}});
}

Type schedule_type() {
  // last_at is null at the first firing.
  return map_of({{"at", Type::of(Type::Base::timestamp)}, {"last_at", Type()}});
}

Type run_type() {
  return map_of({{"id", Type::of(Type::Base::string)},
                 {"uid", Type::of(Type::Base::string)},
                 {"workflow", Type::of(Type::Base::string)},
                 {"version", Type::of(Type::Base::int64)},
                 {"generation", Type::of(Type::Base::int64)},
                 {"started_at", Type::of(Type::Base::timestamp)},
                 {"now", Type::of(Type::Base::timestamp)}});
}

}  // namespace pawl::dsl
