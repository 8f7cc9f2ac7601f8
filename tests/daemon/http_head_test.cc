// The pure functions below the connection: the scan for a head's end, and chunks.
#include <boost/test/unit_test.hpp>

#include "daemon/http_chunks.h"
#include "daemon/http_head.h"

namespace pawl::daemon {
namespace {

BOOST_AUTO_TEST_SUITE(http_head)

BOOST_AUTO_TEST_CASE(the_end_is_found_wherever_the_head_is_cut) {
  const std::string head = "GET / HTTP/1.1\r\nHost: pawl\r\nA: b\tc\r\n\r\n";
  const std::string text = head + "body\n\x01";
  for (std::size_t cut = 0; cut < head.size(); ++cut) {
    const HeadScan first = scan_head(std::string_view(text).substr(0, cut), 0);
    BOOST_REQUIRE(first.kind == HeadScan::Kind::more);
    const HeadScan second = scan_head(text, first.position);
    BOOST_REQUIRE(second.kind == HeadScan::Kind::end);
    BOOST_REQUIRE_EQUAL(second.position, head.size());
  }
}

BOOST_AUTO_TEST_CASE(bad_characters_are_found_wherever_the_head_is_cut) {
  for (const std::string& text : {std::string("GET / HTTP/1.1\nHost: pawl\r\n\r\n"),
                                  std::string("GET / HTTP/1.1\r\nHost: pa\0wl\r\n\r\n", 30),
                                  std::string("GET / HTTP/1.1\r\nHost: pawl\r\n folded\r\n\r\n"),
                                  std::string("GET / HTTP/1.1\r\nHost: pawl\r\n\tfolded\r\n\r\n"),
                                  std::string("GET / HTTP/1.1\r\nHost: pa\rwl\r\n\r\n"),
                                  std::string("GET / HTTP/1.1\r\nHost: pawl\r\n\r\rX: y\r\n\r\n"),
                                  std::string("GET / HTTP/1.1\r\nHost: \x7f\r\n\r\n")}) {
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      HeadScan scan = scan_head(std::string_view(text).substr(0, cut), 0);
      if (scan.kind == HeadScan::Kind::more) scan = scan_head(text, scan.position);
      BOOST_REQUIRE(scan.kind == HeadScan::Kind::bad);
    }
  }
}

struct Decoded {
  ChunkDecoder::Result result = ChunkDecoder::Result::more;
  std::string body;
  std::size_t used = 0;
};

// Feeds `text` in pieces of `step` bytes, as a connection would.
Decoded decode(std::string_view text, std::size_t step, std::size_t max = 100) {
  ChunkDecoder decoder;
  Decoded out;
  for (std::size_t end = step; out.result == ChunkDecoder::Result::more; end += step) {
    std::size_t used = 0;
    const std::size_t upto = std::min(end, text.size());
    out.result = decoder.feed(text.substr(out.used, upto - out.used), max, &out.body, &used);
    out.used += used;
    if (upto == text.size()) break;
  }
  return out;
}

BOOST_AUTO_TEST_CASE(chunks_are_joined_however_they_arrive) {
  const std::string text = "4\r\npawl\r\nA;x=\"y\"\r\n0123456789\r\n0;last\r\nTrailer: t\r\n\r\n";
  for (std::size_t step = 1; step <= text.size() + 4; ++step) {
    const Decoded d = decode(text + "NEXT", step);
    BOOST_REQUIRE(d.result == ChunkDecoder::Result::done);
    BOOST_REQUIRE_EQUAL(d.body, "pawl0123456789");
    BOOST_REQUIRE_EQUAL(d.used, text.size());
  }
}

BOOST_AUTO_TEST_CASE(malformed_chunks_are_refused) {
  for (const char* bad :
       {"\r\n", "x\r\n", "-1\r\n", "0x4\r\npawl\r\n", " 4\r\npawl\r\n", "4 \r\npawl\r\n",
        "4\npawl\r\n", "4\r\npawlX\r\n0\r\n\r\n", "4\r\npawl\n0\r\n\r\n", "123456789\r\n",
        "4;\x01\r\npawl\r\n", "0\r\nBad\x01: x\r\n\r\n", "0\r\n\n"}) {
    for (const std::size_t step : {std::size_t{1}, std::string_view(bad).size()}) {
      BOOST_TEST((decode(bad, step).result == ChunkDecoder::Result::bad), bad);
    }
  }
  BOOST_TEST((decode("4;" + std::string(2000, 'x'), 1).result == ChunkDecoder::Result::bad));
  std::string trailers = "0\r\n";
  for (int i = 0; i < 40; ++i) trailers += "T: " + std::string(900, 'x') + "\r\n";
  BOOST_TEST((decode(trailers, 64).result == ChunkDecoder::Result::bad));
}

BOOST_AUTO_TEST_CASE(chunks_past_the_bound_are_refused_before_they_arrive) {
  BOOST_TEST((decode("64\r\n", 1, 100).result == ChunkDecoder::Result::more));
  BOOST_TEST((decode("65\r\n", 1, 100).result == ChunkDecoder::Result::too_large));
  BOOST_TEST((decode("4\r\npawl\r\n61\r\n", 1, 100).result == ChunkDecoder::Result::too_large));
  BOOST_TEST((decode("ffffffff\r\n", 1, 100).result == ChunkDecoder::Result::too_large));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
