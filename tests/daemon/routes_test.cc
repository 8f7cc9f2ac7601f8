// The route table: who may do what, and which parameters there are.
#include "daemon/routes.h"

#include <boost/test/unit_test.hpp>

#include "daemon/call.h"

namespace pawl::daemon {
namespace {

// The route of a request, or null.
const Route* route_of(Method method, std::string_view path, Call* call) {
  Request request;
  request.method = method;
  request.path = path;
  Problem problem;
  return find_route(request, call, &problem) ? call->route : nullptr;
}

// "" if the parameters are taken, else why not.
std::string refusal(std::string_view path, std::string_view query) {
  Call call;
  Problem problem;
  BOOST_REQUIRE(route_of(Method::get, path, &call) != nullptr);
  if (!parse_query(query, &call.query, &problem)) return problem.detail;
  return check_parameters(call, &problem) ? "" : problem.detail;
}

BOOST_AUTO_TEST_SUITE(routes_of_the_api)

BOOST_AUTO_TEST_CASE(queues_are_paused_by_operators) {
  for (const char* verb : {"pause", "resume"}) {
    Call call;
    const Route* route = route_of(Method::post, std::string("/v1/queues/a%2Fb/") + verb, &call);
    BOOST_REQUIRE(route != nullptr);
    BOOST_TEST((route->role == Role::operator_));
    BOOST_TEST((route->access == Access::write));
    BOOST_TEST(call.path.at(0) == "a/b");
    Call other;
    BOOST_TEST(route_of(Method::get, std::string("/v1/queues/a/") + verb, &other) == nullptr);
  }
}

BOOST_AUTO_TEST_CASE(consistency_is_one_of_two) {
  BOOST_TEST(refusal("/v1/runs", "consistency=linearizable") == "");
  BOOST_TEST(refusal("/v1/queues", "consistency=local") == "");
  for (const char* wrong : {"consistency=", "consistency=LOCAL", "consistency=locally"}) {
    BOOST_TEST(refusal("/v1/runs", wrong).find("linearizable or local") != std::string::npos);
  }
  BOOST_TEST(refusal("/v1/version", "consistency=local").find("unknown parameter") == 0u);
}

BOOST_AUTO_TEST_CASE(fields_are_whole_names) {
  const codecs::EnvelopeFields two = envelope_fields("vars,waiting_for");
  BOOST_TEST((two.vars && two.waiting_for && !two.input && !two.output));
  const codecs::EnvelopeFields none = envelope_fields("varsity,inputs,out,waiting_for_it,");
  BOOST_TEST((!none.vars && !none.waiting_for && !none.input && !none.output));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
