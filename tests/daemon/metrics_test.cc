#include "daemon/metrics.h"

#include <boost/test/unit_test.hpp>

namespace pawl::daemon {
namespace {

BOOST_AUTO_TEST_SUITE(metrics)

BOOST_AUTO_TEST_CASE(times_fall_into_powers_of_two) {
  Histogram h;
  h.record_ns(0);
  h.record_ns(1'000);
  h.record_ns(1'001);
  h.record_ns(2'000);
  h.record_ns(100'000'000'000);
  BOOST_TEST(h.counts[0] == 2);
  BOOST_TEST(h.counts[1] == 2);
  BOOST_TEST(h.counts[Histogram::kBuckets] == 1);
  BOOST_TEST(h.count == 5);
  BOOST_TEST(h.sum_ns == 100'000'004'001);
}

BOOST_AUTO_TEST_CASE(quantiles_are_upper_bounds) {
  Histogram h;
  BOOST_TEST(h.quantile_us(0.5) == 0);
  for (int i = 0; i < 99; ++i) h.record_ns(100'000);
  h.record_ns(5'000'000);
  BOOST_TEST(h.quantile_us(0.5) == 128);
  BOOST_TEST(h.quantile_us(0.98) == 128);
  BOOST_TEST(h.quantile_us(1) == 8192);
}

BOOST_AUTO_TEST_CASE(the_text_is_prometheus) {
  std::string out;
  MetricsText text(&out);
  text.counter("a_total", "All a.", R"(class="x")", 1);
  text.counter("a_total", "All a.", R"(class="y")", 2);
  text.gauge("b", "Now b.", "", -3);
  BOOST_TEST(out ==
             "# HELP a_total All a.\n# TYPE a_total counter\na_total{class=\"x\"} 1\n"
             "a_total{class=\"y\"} 2\n# HELP b Now b.\n# TYPE b gauge\nb -3\n");
}

BOOST_AUTO_TEST_CASE(a_histogram_is_cumulative_and_in_seconds) {
  Metrics m;
  m.disk.batch_time.record_ns(1'500);
  m.disk.batch_time.record_ns(500);
  std::string out;
  append_metrics(m, &out);
  BOOST_TEST(out.find("pawl_disk_batch_seconds_bucket{le=\"1e-06\"} 1\n") != std::string::npos);
  BOOST_TEST(out.find("pawl_disk_batch_seconds_bucket{le=\"2e-06\"} 2\n") != std::string::npos);
  BOOST_TEST(out.find("pawl_disk_batch_seconds_bucket{le=\"+Inf\"} 2\n") != std::string::npos);
  BOOST_TEST(out.find("pawl_disk_batch_seconds_sum 2e-06\n") != std::string::npos);
  BOOST_TEST(out.find("pawl_disk_batch_seconds_count 2\n") != std::string::npos);
  BOOST_TEST(out.find("pawl_http_answers_total{class=\"2xx\"} 0\n") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
