// Counters, gauges and histograms as plain fields: whoever counts holds a pointer to its struct,
// main owns them, GET /metrics renders them as Prometheus text (exposition format 0.0.4). Loop
// thread only.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace pawl::daemon {

// Times in powers of two from 1 us to about 67 s: recording is one bit scan and three additions.
struct Histogram {
  static constexpr int kBuckets = 27;                // upper bounds 2^0 .. 2^26 us
  std::array<std::uint64_t, kBuckets + 1> counts{};  // the last: above all bounds
  std::uint64_t count = 0;
  std::uint64_t sum_ns = 0;

  void record_ns(std::int64_t ns);
  // An upper bound of the quantile q in [0, 1], in microseconds; 0 if empty.
  std::uint64_t quantile_us(double q) const;
};

struct HttpMetrics {
  std::uint64_t requests = 0;
  std::array<std::uint64_t, 6> answers{};  // by the status code's first digit
  std::uint64_t refused = 0;               // malformed: never reached the application
  std::uint64_t cancelled = 0;             // the client went away before its answer
  std::uint64_t accepted = 0;
  std::uint64_t turned_away = 0;  // over the connection limit
  std::uint64_t timed_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::int64_t connections = 0;
};

struct DiskMetrics {
  std::uint64_t batches = 0;
  std::uint64_t operations = 0;
  std::uint64_t bytes = 0;
  std::uint64_t failures = 0;
  Histogram batch_time;
};

struct Metrics {
  HttpMetrics http;
  DiskMetrics disk;
};

// Appends lines of the exposition format; the building blocks for other rooms' figures.
class MetricsText {
 public:
  explicit MetricsText(std::string* out) : out_(out) {}
  // `labels` as they stand between the braces: R"(class="2xx")"; may be empty. HELP and TYPE are
  // written once, when the name differs from the one before.
  void counter(std::string_view name, std::string_view help, std::string_view labels,
               std::uint64_t x);
  void gauge(std::string_view name, std::string_view help, std::string_view labels, std::int64_t x);
  // In seconds, as Prometheus wants it.
  void histogram(std::string_view name, std::string_view help, const Histogram& x);

 private:
  void head(std::string_view name, std::string_view help, std::string_view type);
  std::string* out_;
  std::string last_;
};

void append_metrics(const Metrics& metrics, std::string* out);

}  // namespace pawl::daemon
