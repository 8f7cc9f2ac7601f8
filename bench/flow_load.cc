// Whole workflows: each of a number of clients starts a run, waits for its end and starts the next,
// while workers poll one queue and complete what they get. Prints one line of JSON: runs a second,
// and the 50th and 99th percentile of the time from start to end.
//
//   flow_load --socket PATH [--clients 64] [--workers 8] [--seconds 4] [--warmup 1]
//             --workflow NAME --queue NAME --input JSON [--prefix TEXT] [--runs N]
//
// Run ids are PREFIX, the client's number and a count. A worker takes up to 32 tasks a poll and
// completes them with one batch. With --runs it ends after so many, however long one takes. An
// answer that is no 2xx counts as an error, and the first is printed.
#include "bench/http_loop.h"

namespace pawl::bench {
namespace {

struct Options {
  std::string socket, workflow, queue, input = "{}", prefix = "flow";
  int clients = 64, workers = 8;
  std::uint64_t runs = 0;  // after so many it ends; 0: when the time is over
  double seconds = 4, warmup_seconds = 1;
};

class Flows : public HttpLoop {
 public:
  explicit Flows(const Options& options)
      : options_(options),
        clients_(static_cast<std::size_t>(options.clients)),
        actors_(clients_ + static_cast<std::size_t>(options.workers)) {}

  int run() {
    measured_from_ = Clock::now() + bench::seconds(options_.warmup_seconds);
    HttpLoop::run(options_.socket, actors_.size(),
                  measured_from_ + bench::seconds(options_.seconds));
    const double took = std::chrono::duration<double>(Clock::now() - measured_from_).count();
    std::printf(
        "{\"clients\": %d, \"workers\": %d, \"seconds\": %.3f, \"runs\": %llu, \"runs_per_s\": "
        "%.0f, "
        "\"tasks_per_s\": %.0f, \"p50_us\": %zu, \"p99_us\": %zu, \"errors\": %llu}\n",
        options_.clients, options_.workers, took,
        static_cast<unsigned long long>(latencies_.count()),
        static_cast<double>(latencies_.count()) / took, static_cast<double>(tasks_) / took,
        latencies_.quantile_us(0.50), latencies_.quantile_us(0.99),
        static_cast<unsigned long long>(errors()));
    return errors() == 0 ? 0 : 1;
  }

 private:
  bool finished() const override { return options_.runs > 0 && ended_ >= options_.runs; }

  // A client's or a worker's: what it asks next.
  struct Actor {
    bool second = false;  // a client: to await; a worker: to complete `tokens`
    std::uint64_t runs = 0;
    Clock::time_point started;
    std::vector<std::string> tokens;
  };

  void next(const Connection& connection, std::string* method, std::string* target,
            std::string* body) override {
    Actor& actor = actors_[connection.number];
    *method = "POST";
    if (connection.number >= clients_)
      return next_of_worker(connection.number, actor, target, body);
    const std::string id = options_.prefix + "-" + std::to_string(connection.number) + "-" +
                           std::to_string(actor.runs);
    if (actor.second) {
      *method = "GET";
      *target = "/v1/runs/" + id + "/await?status=completed&wait=60s";
      return;
    }
    actor.started = Clock::now();
    *target = "/v1/runs";
    *body = R"({"workflow":")" + options_.workflow + R"(","id":")" + id + R"(","input":)" +
            options_.input + "}";
  }

  void next_of_worker(std::size_t number, Actor& actor, std::string* target, std::string* body) {
    if (!actor.second) {
      *target = "/v1/queues/" + options_.queue + "/poll?wait=60s";
      *body = R"({"worker":"w)" + std::to_string(number) + R"(","max":32})";
      return;
    }
    *target = "/v1/tasks/batch";
    for (const std::string& token : actor.tokens) {
      body->append(body->empty() ? "[" : ",")
          .append(R"({"token":")" + token + R"(","complete":{}})");
    }
    body->append("]");
  }

  void answered(const Connection& connection, std::string_view answer) override {
    Actor& actor = actors_[connection.number];
    const bool measured = Clock::now() >= measured_from_;
    if (connection.number >= clients_) {
      if (actor.second && measured) tasks_ += actor.tokens.size();
      if (!actor.second) take_tokens(answer, &actor.tokens);
      actor.second = !actor.second && !actor.tokens.empty();
      return;
    }
    if (actor.second) {
      if (options_.runs > 0 && answer.find("\"reached\":false") != std::string_view::npos) return;
      if (answer.find("\"reached\":true") == std::string_view::npos) {
        errno = EPROTO;
        fail("a run has not ended: " + std::string(answer.substr(0, 600)));
      }
      ++actor.runs;
      ++ended_;
      if (measured) {
        const auto took = Clock::now() - actor.started;
        latencies_.record(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
      }
    }
    actor.second = !actor.second;
  }

  static void take_tokens(std::string_view answer, std::vector<std::string>* tokens) {
    constexpr std::string_view kName = "\"token\":\"";
    tokens->clear();
    for (std::size_t at = answer.find(kName); at != std::string_view::npos;
         at = answer.find(kName, at)) {
      at += kName.size();
      tokens->emplace_back(answer.substr(at, answer.find('"', at) - at));
    }
  }

  Options options_;
  std::size_t clients_;
  std::vector<Actor> actors_;  // clients, then workers; as the connections are numbered
  Latencies latencies_;
  Clock::time_point measured_from_;
  std::uint64_t tasks_ = 0, ended_ = 0;
};

bool set(Options* options, std::string_view name, const char* value) {
  if (name == "--socket") {
    options->socket = value;
  } else if (name == "--workflow") {
    options->workflow = value;
  } else if (name == "--queue") {
    options->queue = value;
  } else if (name == "--input") {
    options->input = value;
  } else if (name == "--prefix") {
    options->prefix = value;
  } else if (name == "--clients") {
    options->clients = std::atoi(value);
  } else if (name == "--workers") {
    options->workers = std::atoi(value);
  } else if (name == "--runs") {
    options->runs = static_cast<std::uint64_t>(std::atoll(value));
  } else if (name == "--seconds") {
    options->seconds = std::atof(value);
  } else if (name == "--warmup") {
    options->warmup_seconds = std::atof(value);
  } else {
    return false;
  }
  return true;
}

}  // namespace
}  // namespace pawl::bench

int main(int argc, char** argv) {
  pawl::bench::Options options;
  bool sound = argc % 2 == 1;
  for (int i = 1; sound && i + 1 < argc; i += 2)
    sound = pawl::bench::set(&options, argv[i], argv[i + 1]);
  if (!sound || options.socket.empty() || options.workflow.empty() || options.queue.empty() ||
      options.clients < 1 || options.workers < 1 || options.seconds <= 0) {
    std::fputs(
        "usage: flow_load --socket PATH --workflow NAME --queue NAME [--input JSON] [--prefix "
        "TEXT]\n"
        "                 [--clients N] [--workers N] [--seconds S] [--warmup S] [--runs N]\n",
        stderr);
    return 2;
  }
  return pawl::bench::Flows(options).run();
}
