// What a visitor of fields needs to tell types apart (event.h lists them), and how to visit an
// event whatever its kind.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "engine/event.h"

namespace pawl::engine {

struct NoVisitor {
  template <class T>
  void operator()(const char*, T&) const {}
};

// A struct that lists its fields.
template <class T>
concept Reflected = requires(T& t, NoVisitor v) {
  std::remove_const_t<T>::fields(t, v);
};

template <class T>
struct IsStrong : std::false_type {};
template <class Tag, class Rep>
struct IsStrong<Strong<Tag, Rep>> : std::true_type {};

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

// Calls v("field", value) for each field of the event, in the order of its bytes.
template <class Visitor>
void visit_fields(const Event& event, Visitor&& v) {
  std::visit([&v](const auto& e) { std::decay_t<decltype(e)>::fields(e, v); }, event);
}

}  // namespace pawl::engine
