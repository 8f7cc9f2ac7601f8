// The one route table: what the API answers to, who may ask, and what it is for. The OpenAPI
// document is written from the same rows.
#pragma once

#include <string_view>
#include <vector>

#include "daemon/call.h"
#include "daemon/http.h"
#include "daemon/roles.h"

namespace pawl::daemon {

class Api;

// How a route is served.
enum class Access : std::uint8_t {
  write,      // handed to the node, which answers
  read,       // after a barrier: linearizable
  immediate,  // of this process alone: health, metrics, versions
};

struct Route {
  Method method;
  std::string_view pattern;  // "/v1/runs/{id}/history"
  Access access;
  Role role;
  void (Api::*handler)(Call&);
  std::string_view parameters;  // query parameters, separated by spaces
  std::string_view summary;
};

// All routes, in the order of the documentation.
const std::vector<Route>& routes();

// Whether it stands under /v1/ns/{ns} as well: all below /v1 but what is of the boxes, of the
// process, or of all namespaces.
bool is_of_namespaces(const Route& route);

// Finds the route of a request and fills in call->route, call->path and call->name_space. False
// with a problem: 400 (a malformed path), 404 or 405.
bool find_route(const Request& request, Call* call, Problem* problem);

// False with a problem if the query has a parameter that the route does not know.
bool check_parameters(const Call& call, Problem* problem);

}  // namespace pawl::daemon
