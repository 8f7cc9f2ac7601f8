// Problem documents.
#include <boost/test/unit_test.hpp>

#include "codecs/json.h"
#include "codecs/problem.h"

namespace pawl::codecs {
namespace {

BOOST_AUTO_TEST_SUITE(problem)

BOOST_AUTO_TEST_CASE(a_problem_has_type_title_status_and_detail) {
  BOOST_TEST(problem_json(404, "run-unknown", "No run", "say \"which\"") ==
             R"({"type":"run-unknown","title":"No run","status":404,"detail":"say \"which\""})");
}

BOOST_AUTO_TEST_CASE(a_problem_has_members_of_its_own) {
  const std::string text = problem_json(409, "t", "T", "d", [](JsonWriter& w) {
    w.plain_key("accepted").begin_array().string("a\n").end_array();
  });
  BOOST_TEST(text == R"({"type":"t","title":"T","status":409,"detail":"d","accepted":["a\n"]})");
}

BOOST_AUTO_TEST_CASE(text_that_is_not_utf8_is_replaced) {
  dsl::Value value;
  JsonError error;
  BOOST_TEST(parse_json(problem_json(400, "t", "T", "\xff"), &value, &error));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::codecs
