#include "daemon/metrics.h"

#include <bit>
#include <cstdio>

namespace pawl::daemon {
namespace {

std::string seconds_text(double seconds) {
  char text[32];
  const int n = std::snprintf(text, sizeof text, "%.9g", seconds);
  return std::string(text, static_cast<std::size_t>(n));
}

}  // namespace

void Histogram::record_ns(std::int64_t ns) {
  const std::uint64_t positive = ns > 0 ? static_cast<std::uint64_t>(ns) : 0;
  // The bucket's bound is the least power of two of microseconds that is not below the time.
  const std::uint64_t us = (positive + 999) / 1000;
  const int bucket = us <= 1 ? 0 : static_cast<int>(std::bit_width(us - 1));
  ++counts[static_cast<std::size_t>(bucket < kBuckets ? bucket : kBuckets)];
  ++count;
  sum_ns += positive;
}

std::uint64_t Histogram::quantile_us(double q) const {
  if (count == 0) return 0;
  const auto rank = static_cast<std::uint64_t>(q * static_cast<double>(count - 1)) + 1;
  std::uint64_t seen = 0;
  for (int i = 0; i < kBuckets; ++i) {
    seen += counts[static_cast<std::size_t>(i)];
    if (seen >= rank) return std::uint64_t{1} << i;
  }
  return std::uint64_t{1} << kBuckets;
}

void MetricsText::head(std::string_view name, std::string_view help, std::string_view type) {
  if (name == last_) return;
  last_ = name;
  out_->append("# HELP ").append(name).append(" ").append(help);
  out_->append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

void MetricsText::counter(std::string_view name, std::string_view help, std::string_view labels,
                          std::uint64_t x) {
  head(name, help, "counter");
  out_->append(name);
  if (!labels.empty()) out_->append("{").append(labels).append("}");
  out_->append(" ").append(std::to_string(x)).append("\n");
}

void MetricsText::gauge(std::string_view name, std::string_view help, std::string_view labels,
                        std::int64_t x) {
  head(name, help, "gauge");
  out_->append(name);
  if (!labels.empty()) out_->append("{").append(labels).append("}");
  out_->append(" ").append(std::to_string(x)).append("\n");
}

void MetricsText::histogram(std::string_view name, std::string_view help, const Histogram& x) {
  head(name, help, "histogram");
  std::uint64_t below = 0;
  for (int i = 0; i < Histogram::kBuckets; ++i) {
    below += x.counts[static_cast<std::size_t>(i)];
    const double bound = static_cast<double>(std::uint64_t{1} << i) / 1e6;
    out_->append(name).append("_bucket{le=\"").append(seconds_text(bound)).append("\"} ");
    out_->append(std::to_string(below)).append("\n");
  }
  out_->append(name).append("_bucket{le=\"+Inf\"} ").append(std::to_string(x.count)).append("\n");
  out_->append(name).append("_sum ");
  out_->append(seconds_text(static_cast<double>(x.sum_ns) / 1e9)).append("\n");
  out_->append(name).append("_count ").append(std::to_string(x.count)).append("\n");
}

void append_metrics(const Metrics& metrics, std::string* out) {
  MetricsText text(out);
  const HttpMetrics& http = metrics.http;
  text.gauge("pawl_http_connections", "Open connections.", "", http.connections);
  text.counter("pawl_http_accepted_total", "Connections accepted.", "", http.accepted);
  text.counter("pawl_http_turned_away_total", "Connections over the limit.", "", http.turned_away);
  text.counter("pawl_http_timed_out_total", "Connections closed as too slow or idle.", "",
               http.timed_out);
  text.counter("pawl_http_requests_total", "Well-formed requests.", "", http.requests);
  text.counter("pawl_http_refused_total", "Malformed requests.", "", http.refused);
  text.counter("pawl_http_cancelled_total", "Requests whose client went away.", "", http.cancelled);
  for (std::size_t i = 2; i < http.answers.size(); ++i) {
    const std::string label = "class=\"" + std::to_string(i) + "xx\"";
    text.counter("pawl_http_answers_total", "Answers by class of status.", label, http.answers[i]);
  }
  text.counter("pawl_http_received_bytes_total", "Bytes read.", "", http.bytes_in);
  text.counter("pawl_http_sent_bytes_total", "Bytes written.", "", http.bytes_out);
  text.counter("pawl_http_reads_total", "Read calls.", "", http.reads);
  text.counter("pawl_http_writes_total", "Write calls.", "", http.writes);
  const DiskMetrics& disk = metrics.disk;
  text.counter("pawl_disk_batches_total", "Batches carried out by the disk thread.", "",
               disk.batches);
  text.counter("pawl_disk_operations_total", "Operations of those batches.", "", disk.operations);
  text.counter("pawl_disk_written_bytes_total", "Bytes of those batches.", "", disk.bytes);
  text.counter("pawl_disk_failures_total", "Batches that failed.", "", disk.failures);
  text.histogram("pawl_disk_batch_seconds", "Time of a batch on the disk thread.", disk.batch_time);
}

}  // namespace pawl::daemon
