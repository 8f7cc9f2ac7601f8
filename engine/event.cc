#include "engine/event.h"

#include <type_traits>

#include "absl/strings/str_cat.h"
#include "engine/event_visit.h"

namespace pawl::engine {
namespace {

template <std::size_t... i>
constexpr bool kinds_in_order(std::index_sequence<i...>) {
  return ((std::variant_alternative_t<i, Event>::kKind == i + 1) && ...);
}
static_assert(kinds_in_order(std::make_index_sequence<std::variant_size_v<Event>>()));

class Printer {
 public:
  explicit Printer(std::string* out) : out_(out) {}

  // Fields that say nothing (zero, empty) are left out, so that a line stays readable.
  template <class T>
  void operator()(const char* name, const T& x) {
    std::string text;
    print(x, &text);
    if (!text.empty()) absl::StrAppend(out_, " ", name, "=", text);
  }

 private:
  template <class T>
  void print(const T& x, std::string* text) {
    if constexpr (Reflected<T>) {
      std::string inner;
      Printer printer(&inner);
      T::fields(x, printer);
      if (!inner.empty()) absl::StrAppend(text, "{", inner.substr(1), "}");
    } else if constexpr (IsStrong<T>::value) {
      print(x.v, text);
    } else if constexpr (std::is_enum_v<T>) {
      absl::StrAppend(text, enum_name(x));
    } else if constexpr (std::is_same_v<T, bool>) {
      if (x) absl::StrAppend(text, "true");
    } else {
      if (x != 0) absl::StrAppend(text, x);
    }
  }
  void print(const std::string& x, std::string* text) { absl::StrAppend(text, x); }
  void print(const Digest&, std::string*) {}
  void print(const Salt&, std::string*) {}
  void print(const std::array<unsigned char, 16>&, std::string*) {}
  void print(const Actor& x, std::string* text) {
    if (x.box.v != 0 || x.uid != 0) absl::StrAppend(text, x.box.v, ":", x.uid);
  }
  void print(const Payload& x, std::string* text) {
    if (x.scrubbed) {
      absl::StrAppend(text, "(scrubbed ", x.length, ")");
    } else if (!x.value.is_null()) {
      absl::StrAppend(text, x.value.debug_string());
    }
  }
  template <class T>
  void print(const std::optional<T>& x, std::string* text) {
    if (!x) return;
    print(*x, text);
    if (text->empty()) *text = "0";
  }
  template <class T>
  void print(const std::vector<T>& x, std::string* text) {
    if (x.empty()) return;
    absl::StrAppend(text, "[");
    for (const T& item : x) {
      if (text->size() > 1) absl::StrAppend(text, ", ");
      print(item, text);
    }
    absl::StrAppend(text, "]");
  }

  std::string* out_;
};

}  // namespace

std::optional<GenerationBegun> generation_begun(const Event& event) {
  if (const auto* e = std::get_if<RunContinued>(&event)) {
    return GenerationBegun{e->generation, e->before, e->before_hash, *e->parts};
  }
  if (const auto* e = std::get_if<RunRenewed>(&event)) {
    return GenerationBegun{e->generation, e->before, e->before_hash, *e->parts};
  }
  return std::nullopt;
}

std::uint16_t event_kind(const Event& event) {
  return static_cast<std::uint16_t>(event.index() + 1);
}

std::uint16_t event_level(const Event& event) {
  return std::visit([](const auto& e) { return e.kLevel; }, event);
}

const char* event_name(const Event& event) {
  return std::visit([](const auto& e) { return e.kName; }, event);
}

std::string debug_string(const Event& event) {
  std::string out = event_name(event);
  visit_fields(event, Printer(&out));
  return out;
}

}  // namespace pawl::engine
