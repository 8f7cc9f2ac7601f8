// libFuzzer target: compiles and evaluates any text with a few typed variables. What must hold
// besides "no crash": an expression without errors evaluates within its cost, its result can be
// stored and read back, and compiling the same text twice gives the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/limits.h"
#include "dsl/expression.h"
#include "tests/dsl/expression_scope.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  using namespace pawl::dsl;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Compiled compiled = compile(text, sample_environment());
  PAWL_CHECK((compiled.expression == nullptr) != compiled.errors.empty());
  for (const ExpressionError& e : compiled.errors) {
    PAWL_CHECK(e.offset <= text.size());
    PAWL_CHECK(!e.message.empty());
  }
  if (compiled.expression == nullptr) return 0;
  constexpr std::int64_t kCostMax = 20'000;
  const SampleScope scope;
  const Evaluation first = evaluate(*compiled.expression, scope, kCostMax);
  const Evaluation second = evaluate(*compiled.expression, scope, kCostMax);
  PAWL_CHECK(first.ok == second.ok && first.cost == second.cost && first.error == second.error);
  if (!first.ok) {
    PAWL_CHECK(!first.error.empty());
    return 0;
  }
  PAWL_CHECK(first.cost <= kCostMax);
  PAWL_CHECK(first.value.identical(second.value));
  const std::size_t bytes = first.value.encoded_size();
  PAWL_CHECK(bytes <= 2 * limits::kValueBytesMax);
  std::string encoded;
  first.value.encode(&encoded);
  Value back;
  PAWL_CHECK(encoded.size() == bytes);
  PAWL_CHECK(Value::decode(encoded, &back) && back.identical(first.value));
  return 0;
}
