// One API call: an HTTP request whose route is known, its path and query decoded, its body read as
// JSON. Handlers take what they need and refuse the rest with a problem document.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codecs/run_json.h"
#include "daemon/http.h"
#include "daemon/roles.h"
#include "dsl/value.h"
#include "engine/namespace.h"
#include "node/request.h"

namespace pawl::daemon {

// What went wrong with a request before the node saw it.
struct Problem {
  std::uint16_t status = 400;
  std::string type, title, detail;
  std::string allow = {};  // of a 405: the methods the path takes, as the header lists them
};

struct Route;

struct Call {
  RequestId id;
  const Route* route = nullptr;
  std::string name_space{engine::kDefaultNamespace};  // of a path below /v1/ns/{ns}
  std::vector<std::string> path;  // the decoded parts that the route's {names} match, in order
  std::vector<std::pair<std::string, std::string>> query;  // decoded
  std::string accept;
  std::string last_event_id;
  engine::Actor actor;
  RoleSet roles;
  bool head = false;
  bool waited = false;  // this box has all that was committed before it came (Api::request_later)

  // Live only until the HTTP layer's request() returns.
  const Request* http = nullptr;

  // What a name that the client gave is kept as.
  std::string kept(std::string_view name) const { return engine::qualified(name_space, name); }
  // A query parameter's value, or null.
  const std::string* parameter(std::string_view name) const;
};

// Decodes %XX once; nullopt on a malformed escape, NUL or invalid UTF-8.
std::optional<std::string> percent_decode(std::string_view text);

// "a=b&c=d", decoded; false with a problem on a malformed or repeated parameter.
bool parse_query(std::string_view text, std::vector<std::pair<std::string, std::string>>* query,
                 Problem* problem);

// What a comma-separated `fields` parameter asks for of an envelope's larger parts: whole names of
// "input", "vars", "output", "waiting_for"; others ask for nothing.
codecs::EnvelopeFields envelope_fields(std::string_view names);

// The fields of a JSON body. After the first mistake `ok()` is false, `problem()` says which, and
// every further read gives the default.
class BodyReader {
 public:
  // Parses `body`; an empty one is {} . `allowed` are all fields there may be.
  BodyReader(std::string_view body, std::initializer_list<std::string_view> allowed);
  // An object within a body, e.g. an item of a list; `where` names it in messages.
  BodyReader(dsl::Value object, std::string where, std::initializer_list<std::string_view> allowed);

  bool ok() const { return ok_; }
  const Problem& problem() const { return problem_; }
  [[gnu::cold]] void fail(std::string detail);
  // Takes over the mistake of a part of this body.
  void adopt(const BodyReader& part);

  bool has(std::string_view name) const { return object_.field(name) != nullptr; }
  // The value, or null; any kind.
  dsl::Value value(std::string_view name) const;
  std::string text(std::string_view name, std::size_t bytes_max);
  // A text that must be there and not be empty.
  std::string required_text(std::string_view name, std::size_t bytes_max);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t min, std::int64_t max);
  std::optional<bool> boolean(std::string_view name);
  std::vector<std::string> texts(std::string_view name, std::size_t items_max,
                                 std::size_t bytes_max);
  // A list of objects.
  dsl::List list(std::string_view name, std::size_t items_max);

 private:
  void check_fields(std::initializer_list<std::string_view> allowed);
  const dsl::Value* find(std::string_view name, dsl::Kind kind, const char* what);

  dsl::Value object_;
  std::string where_;
  bool ok_ = true;
  Problem problem_;
};

// A body that is a JSON list of 1 to `items_max` items; false with a problem if it is not.
bool parse_list_body(std::string_view body, std::size_t items_max, dsl::Value* list,
                     Problem* problem);

// Query parameters; the same manners.
class QueryReader {
 public:
  explicit QueryReader(const Call& call) : call_(call) {}
  bool ok() const { return ok_; }
  const Problem& problem() const { return problem_; }
  [[gnu::cold]] void fail(std::string detail);

  std::optional<std::string> text(std::string_view name);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t min, std::int64_t max);
  bool flag(std::string_view name);
  // A duration ("30s") up to limits::kWaitSecondsMax, in ms; absent: 0.
  std::int64_t wait_ms();

 private:
  const Call& call_;
  bool ok_ = true;
  Problem problem_;
};

}  // namespace pawl::daemon
