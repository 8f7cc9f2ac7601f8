// `pawl api METHOD PATH [BODY]`: any request, the answer as it comes.
#include "base/limits.h"
#include "cli/command.h"
#include "cli/problem.h"

namespace pawl::cli {
namespace {

class Api : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("METHOD", &method_, "GET, POST, PUT, DELETE");
    arguments.value("PATH", &path_, "e.g. /v1/runs?status=running");
    arguments.value("BODY", &body_, "The body itself, @FILE or @- (stdin)");
    arguments.option("--type", "TYPE", &type_, "Content-Type of the body");
    arguments.repeated("--header", "'NAME: VALUE'", &headers_, "Another header, e.g. If-Match");
    arguments.footer("Prints the body whatever the status is; the exit status tells them apart.");
  }

  int run(Session& session) override {
    Request request{.method = method_, .target = path_};
    for (char& c : request.method) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    if (const int exit = prepare(session, &request); exit != kDone) return exit;
    const bool stream = request.method == "GET";
    bool printed = false;
    const absl::StatusOr<Response> response =
        stream ? session.client().follow(request,
                                         [&](std::string_view line) {
                                           session.print(line);
                                           session.print("\n");
                                           printed = true;
                                           return true;
                                         })
               : session.client().call(request, kAnswerMs + limits::kWaitSecondsMax * 1000);
    if (!response.ok()) return session.refuse(response.status());
    if (!printed && !response->body.empty()) session.print_json(response->body);
    if (response->status >= 200 && response->status < 300) return kDone;
    session.note("pawl: HTTP status " + std::to_string(response->status));
    return exit_of(response->status);
  }

 private:
  int prepare(Session& session, Request* request) const {
    if (path_.empty() || path_[0] != '/' || path_.find_first_of(" \r\n") != std::string::npos ||
        method_.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") !=
            std::string::npos) {
      return session.refuse(kUsage,
                            "this is no request\nhint: for example `pawl api GET /v1/runs`");
    }
    bool keyed = false;
    for (const std::string& header : headers_) {
      const std::size_t colon = header.find(": ");
      if (colon == std::string::npos || header.find_first_of("\r\n") != std::string::npos) {
        return session.refuse(kUsage, "`" + header + "` is no header\nhint: write 'NAME: VALUE'");
      }
      request->headers.emplace_back(header.substr(0, colon), header.substr(colon + 2));
      keyed = keyed || request->headers.back().first == "Idempotency-Key";
    }
    if (request->method == "POST" && !keyed) {
      request->headers.emplace_back("Idempotency-Key", random_key());
    }
    if (body_ && !body_->empty() && (*body_)[0] == '@') {
      absl::StatusOr<std::string> content = read_file(body_->substr(1), limits::kHttpBodyBytesMax);
      if (!content.ok()) return session.refuse(content.status());
      request->body = *std::move(content);
    } else if (body_) {
      request->body = *body_;
    }
    if (type_) {
      request->content_type = *type_;
    } else if (request->method == "PUT" && path_.rfind("/v1/workflows/", 0) == 0) {
      request->content_type = "application/toml";
    }
    return kDone;
  }

  std::string method_, path_;
  std::optional<std::string> body_, type_;
  std::vector<std::string> headers_;
};

}  // namespace

std::unique_ptr<Command> make_api() { return std::make_unique<Api>(); }

}  // namespace pawl::cli
