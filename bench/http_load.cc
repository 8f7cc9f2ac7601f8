// The same request again and again, from each of a number of connections (http_loop.h). Prints one
// line of JSON: operations a second, and the 50th and 99th percentile of the time from send to
// answer.
//
//   http_load --socket PATH --clients 16 --seconds 4 --method POST --target
//   '/v1/runs/b-{client}/...'
//
// In target and body `{client}` is the connection's number and `{n}` counts its requests; each
// `{word}` of the body is eight random letters and digits, since a constant body would compress to
// nothing.
// An answer that is no 2xx counts as an error, and the first is printed.
#include "bench/http_loop.h"

namespace pawl::bench {
namespace {

struct Options {
  std::string socket;
  std::string method = "POST";
  std::string target = "/";
  std::string body;
  int clients = 1;
  double seconds = 4;
  double warmup_seconds = 1;
};

class Load : public HttpLoop {
 public:
  explicit Load(const Options& options) : options_(options) {}

  int run() {
    measured_from_ = Clock::now() + seconds(options_.warmup_seconds);
    HttpLoop::run(options_.socket, static_cast<std::size_t>(options_.clients),
                  measured_from_ + seconds(options_.seconds));
    report(std::chrono::duration<double>(Clock::now() - measured_from_).count());
    return errors() == 0 ? 0 : 1;
  }

 private:
  void next(const Connection& connection, std::string* method, std::string* target,
            std::string* body) override {
    *method = options_.method;
    *target = options_.target;
    *body = options_.body;
    for (std::string* text : {target, body}) {
      replace_all(text, "{client}", connection.number);
      replace_all(text, "{n}", connection.sent);
    }
    for (std::size_t at = 0; (at = body->find("{word}", at)) != std::string::npos;) {
      body->replace(at, 6, word());
    }
  }

  void answered(const Connection& connection, std::string_view) override {
    const auto now = Clock::now();
    if (now < measured_from_) return;
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now - connection.begun);
    latencies_.record(us.count());
  }

  // Base 32 of 40 random bits (splitmix64).
  std::string word() {
    static constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyz234567";
    std::uint64_t x = (random_ += 0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    x ^= x >> 31;
    std::string letters;
    for (int i = 0; i < 8; ++i) letters += kLetters[(x >> (5 * i)) & 31];
    return letters;
  }

  void report(double took) const {
    std::uint64_t sent = 0;
    for (const Connection& connection : connections()) sent += connection.sent;
    std::printf(
        "{\"clients\": %d, \"seconds\": %.3f, \"operations\": %llu, \"ops_per_s\": %.0f, "
        "\"p50_us\": %zu, \"p99_us\": %zu, \"errors\": %llu, \"sent\": %llu}\n",
        options_.clients, took, static_cast<unsigned long long>(latencies_.count()),
        static_cast<double>(latencies_.count()) / took, latencies_.quantile_us(0.50),
        latencies_.quantile_us(0.99), static_cast<unsigned long long>(errors()),
        static_cast<unsigned long long>(sent));
  }

  Options options_;
  std::uint64_t random_ = 1;
  Latencies latencies_;
  Clock::time_point measured_from_;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--socket")
      options.socket = value;
    else if (name == "--method")
      options.method = value;
    else if (name == "--target")
      options.target = value;
    else if (name == "--body")
      options.body = value;
    else if (name == "--clients")
      options.clients = std::atoi(value);
    else if (name == "--seconds")
      options.seconds = std::atof(value);
    else if (name == "--warmup")
      options.warmup_seconds = std::atof(value);
    else
      options.clients = 0;
  }
  return options;
}

}  // namespace
}  // namespace pawl::bench

int main(int argc, char** argv) {
  const pawl::bench::Options options = pawl::bench::parse(argc, argv);
  if (argc % 2 == 0 || options.socket.empty() || options.clients < 1 || options.seconds <= 0) {
    std::fputs(
        "usage: http_load --socket PATH [--clients N] [--seconds S] [--warmup S] [--method M]\n"
        "                 [--target PATH] [--body TEXT]\n",
        stderr);
    return 2;
  }
  return pawl::bench::Load(options).run();
}
