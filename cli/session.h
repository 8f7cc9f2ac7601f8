// What a command needs to do its work: the client, where and how to print, and one way to turn a
// refusal of the daemon into a message that says what to do next and an exit status.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/output.h"
#include "dsl/value.h"

namespace pawl::cli {

struct SessionOptions {
  std::string socket_path;  // "": PAWL_SOCKET, else /run/pawl/pawl.sock
  std::string
      name_space;  // "": PAWL_NAMESPACE, else `default`; `worker` takes several, with commas
  bool json = false;
};

// An answer of the daemon: exit is kDone for a 2xx, else a message has been printed already.
struct Answer {
  int exit = kDone;
  int status = 0;
  std::string body;
  dsl::Value json;  // of the body, if it is JSON
};

class Session {
 public:
  explicit Session(const SessionOptions& options);

  bool json() const { return json_; }
  bool colour() const { return colour_; }                  // of stdout
  bool error_terminal() const { return error_terminal_; }  // stderr is a terminal
  Client& client() { return client_; }

  // Sends and waits; a POST without an Idempotency-Key gets a random one.
  Answer call(Request request, int timeout_ms = kAnswerMs);

  // --- to stdout ---
  void print(std::string_view text);
  // An answer as it came, ending in a line break: what --json prints.
  void print_json(std::string_view body);
  // Each item of a page {items} on a line of its own.
  void print_items(const dsl::Value& page);

  // --- to stderr; each returns the exit status that fits ---
  // "pawl: TEXT"; a line of TEXT may begin with "hint: ".
  int refuse(Exit exit, std::string_view text);
  int refuse(const absl::Status& status);
  // A problem document (RFC 9457) with its details, its other members and what to do next.
  int refuse(const Response& response);
  void note(std::string_view text);

 private:
  bool json_;
  bool colour_;
  bool error_terminal_;
  Client client_;
};

// An answer's JSON; null if it is none.
dsl::Value parse_body(const Response& response);

// The namespace a session will speak of: the flag, PAWL_NAMESPACE, or "" for `default`.
std::string name_space(const std::string& flag);

// The socket a session will use: the flag, PAWL_SOCKET, or the packaged default.
std::string socket_path(const std::string& flag);

// A JSON argument: the text itself, "@FILE" for a file's content, "@-" for stdin. On failure says
// why.
absl::StatusOr<dsl::Value> read_json_argument(const std::string& argument);
// All of a file ("-" is stdin), at most `bytes_max`.
absl::StatusOr<std::string> read_file(const std::string& path, std::size_t bytes_max);

// "500ms", "30s", "2m", "1h" ... as milliseconds, at least 0 and at most a year.
absl::StatusOr<std::int64_t> read_duration_ms(const std::string& text);

// "/v1/runs/ID" + suffix, the id as one segment.
std::string run_path(const std::string& id, std::string_view suffix = "");

}  // namespace pawl::cli
