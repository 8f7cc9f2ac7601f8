#include "cli/session.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/limits.h"
#include "cli/problem.h"
#include "codecs/json.h"
#include "dsl/expression.h"
#include "engine/namespace.h"

namespace pawl::cli {
namespace {

std::string key_of(const Request& request) {
  for (const auto& [name, value] : request.headers) {
    if (name == "Idempotency-Key") return value;
  }
  return "";
}

}  // namespace

dsl::Value parse_body(const Response& response) {
  dsl::Value value;
  codecs::JsonError error;
  const std::string* type = response.header("content-type");
  if (type == nullptr || type->find("json") == std::string::npos) return value;
  codecs::parse_json(response.body, &value, &error);
  return value;
}

std::string socket_path(const std::string& flag) {
  if (!flag.empty()) return flag;
  const char* from_environment = std::getenv("PAWL_SOCKET");
  if (from_environment != nullptr && *from_environment != '\0') return from_environment;
  return "/run/pawl/pawl.sock";
}

std::string name_space(const std::string& flag) {
  const char* from_environment = std::getenv("PAWL_NAMESPACE");
  std::string name = flag;
  if (flag.empty() && from_environment != nullptr) name = from_environment;
  return name == engine::kDefaultNamespace ? "" : name;
}

Session::Session(const SessionOptions& options)
    : json_(options.json),
      colour_(false),
      error_terminal_(::isatty(STDERR_FILENO) == 1),
      client_(pawl::cli::socket_path(options.socket_path),
              pawl::cli::name_space(options.name_space)) {
  const char* no_color = std::getenv("NO_COLOR");
  const bool wanted = no_color == nullptr || *no_color == '\0';
  const char* terminal = std::getenv("TERM");
  const bool able = terminal != nullptr && std::strcmp(terminal, "dumb") != 0;
  colour_ = wanted && able && ::isatty(STDOUT_FILENO) == 1;
}

Answer Session::call(Request request, int timeout_ms) {
  if (request.method == "POST" && key_of(request).empty()) {
    request.headers.emplace_back("Idempotency-Key", random_key());
  }
  Answer answer;
  const absl::StatusOr<Response> response = client_.call(request, timeout_ms);
  if (!response.ok()) {
    answer.exit = refuse(response.status());
    if (response.status().code() == absl::StatusCode::kAborted && request.method == "POST") {
      note("      its idempotency key was " + key_of(request) + ": with --key it is done once");
    }
    return answer;
  }
  answer.status = response->status;
  answer.body = response->body;
  if (response->status < 200 || response->status >= 300) {
    answer.exit = refuse(*response);
    return answer;
  }
  answer.json = parse_body(*response);
  return answer;
}

void Session::print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Session::print_json(std::string_view body) {
  print(body);
  if (body.empty() || body.back() != '\n') print("\n");
}

void Session::print_items(const dsl::Value& page) {
  const dsl::Value* items = page.field("items");
  if (items == nullptr || items->kind() != dsl::Kind::list) return;
  std::string out;
  for (const dsl::Value& item : items->as_list()) {
    codecs::append_json(item, &out);
    out.push_back('\n');
  }
  print(out);
}

void Session::note(std::string_view text) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

int Session::refuse(Exit exit, std::string_view text) {
  note("pawl: " + std::string(text));
  return exit;
}

int Session::refuse(const absl::Status& status) {
  const std::string_view text(status.message().data(), status.message().size());
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return refuse(kUnreachable, text);
    case absl::StatusCode::kAborted:
      return refuse(kUnreachable,
                    std::string(text) +
                        "\nhint: the daemon may be restarting; whether it was done is not known: "
                        "look, or repeat it");
    case absl::StatusCode::kDeadlineExceeded:
      return refuse(kTimedOut, text);
    case absl::StatusCode::kInvalidArgument:
      return refuse(kUsage, text);
    default:
      return refuse(kFailed, text);
  }
}

int Session::refuse(const Response& response) {
  const dsl::Value problem = parse_body(response);
  return refuse(exit_of(response.status), describe_problem(response, problem));
}

absl::StatusOr<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const bool standard_input = path == "-";
  const int fd = standard_input ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const std::string name = standard_input ? "stdin" : path;
  if (fd < 0) {
    return absl::InvalidArgumentError("cannot read " + name + ": " + std::strerror(errno) +
                                      "\nhint: check the path; `-` reads stdin");
  }
  std::string text;
  std::array<char, 65536> buffer;
  ssize_t n = 0;
  do {
    n = ::read(fd, buffer.data(), buffer.size());
    if (n > 0) text.append(buffer.data(), static_cast<std::size_t>(n));
  } while ((n > 0 && text.size() <= bytes_max) || (n < 0 && errno == EINTR));
  const int error = errno;
  if (!standard_input) ::close(fd);
  if (n < 0) return absl::InvalidArgumentError("cannot read " + name + ": " + std::strerror(error));
  if (text.size() > bytes_max) {
    return absl::InvalidArgumentError(name + " is longer than the " + std::to_string(bytes_max) +
                                      " bytes that can be sent");
  }
  return text;
}

absl::StatusOr<dsl::Value> read_json_argument(const std::string& argument) {
  std::string text = argument;
  std::string source = "the argument";
  if (!argument.empty() && argument[0] == '@') {
    source = argument == "@-" ? "stdin" : argument.substr(1);
    absl::StatusOr<std::string> content = read_file(argument.substr(1), limits::kHttpBodyBytesMax);
    if (!content.ok()) return content.status();
    text = *std::move(content);
  }
  dsl::Value value;
  codecs::JsonError error;
  if (codecs::parse_json(text, &value, &error)) return value;
  return absl::InvalidArgumentError(source + " is not JSON: " + error.message +
                                    "\nhint: strings need quotes, e.g. '\"text\"' or "
                                    "'{\"key\": \"text\"}'; @FILE reads a file, @- stdin");
}

absl::StatusOr<std::int64_t> read_duration_ms(const std::string& text) {
  constexpr std::int64_t year_seconds = 366LL * 24 * 3600;
  dsl::Duration duration;
  if (dsl::parse_duration(text, &duration) && duration.seconds >= 0 && duration.nanos >= 0 &&
      duration.seconds <= year_seconds) {
    return duration.seconds * 1000 + duration.nanos / 1'000'000;
  }
  return absl::InvalidArgumentError("`" + text +
                                    "` is no duration\nhint: write 500ms, 30s, 2m, 1h30m or 7d");
}

std::string run_path(const std::string& id, std::string_view suffix) {
  return "/v1/runs/" + percent_encode(id) + std::string(suffix);
}

}  // namespace pawl::cli
