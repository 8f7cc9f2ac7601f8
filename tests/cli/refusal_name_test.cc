// Refusals are called the same by the tests of definitions and by the API.
#include "rehearsal/refusal_name.h"

#include <boost/test/unit_test.hpp>

#include "node/refusals.h"

namespace pawl::rehearsal {
namespace {

BOOST_AUTO_TEST_CASE(refusals_are_called_as_in_the_api) {
  for (int i = 1; i <= static_cast<int>(engine::Refusal::nothing_to_do); ++i) {
    engine::Decision decision;
    decision.refusal = static_cast<engine::Refusal>(i);
    const node::Answer answer = node::refusal_answer({}, decision, nullptr);
    const std::string name = std::string("\"type\":\"") + refusal_name(decision.refusal) + "\"";
    const bool alike = answer.body.find(name) != std::string::npos;
    BOOST_CHECK_MESSAGE(alike, answer.body << " is not " << name);
  }
}

}  // namespace
}  // namespace pawl::rehearsal
