#include "cli/output.h"

#include <boost/test/unit_test.hpp>

#include "cli/connection.h"
#include "cli/session.h"

namespace pawl::cli {
namespace {

BOOST_AUTO_TEST_SUITE(output)

BOOST_AUTO_TEST_CASE(tables_are_aligned_by_characters) {
  Table table({"A", "LONGER", "C"});
  table.add({"ä", "1", "x"});
  table.add({"four", "", "yy"});
  BOOST_TEST(table.render(false) == "A     LONGER  C\nä     1       x\nfour          yy\n");
}

BOOST_AUTO_TEST_CASE(colour_only_where_it_is_wanted) {
  Table table({"STATUS"});
  table.colour_column(0);
  table.add({"failed"});
  BOOST_TEST(table.render(false).find('\x1b') == std::string::npos);
  BOOST_TEST(table.render(true) == "\x1b[1mSTATUS\x1b[0m\n\x1b[31mfailed\x1b[0m\n");
}

BOOST_AUTO_TEST_CASE(values_cannot_drive_a_terminal) {
  BOOST_TEST(printable("a\x1b[2Jb\nc\x7f") == "a?[2Jb c?");
  BOOST_TEST(printable("\xc2\x9b"
                       "31m") == "?31m");  // CSI as one C1 character
  BOOST_TEST(printable("grün ✓") == "grün ✓");
}

BOOST_AUTO_TEST_CASE(shortened_in_whole_characters) {
  BOOST_TEST(shorten("äöü", 3) == "äöü");
  BOOST_TEST(shorten("äöüx", 3) == "äö…");
}

BOOST_AUTO_TEST_CASE(ids_become_one_segment) {
  BOOST_TEST(run_path("order-42/invoice", "/history") == "/v1/runs/order-42%2Finvoice/history");
  BOOST_TEST(percent_encode("a b?&%ä") == "a%20b%3F%26%25%C3%A4");
}

BOOST_AUTO_TEST_CASE(keys_differ) {
  BOOST_TEST(random_key().size() == 32u);
  BOOST_TEST(random_key() != random_key());
}

BOOST_AUTO_TEST_CASE(durations) {
  BOOST_TEST(*read_duration_ms("1m30s") == 90'000);
  BOOST_TEST(*read_duration_ms("250ms") == 250);
  for (const char* bad : {"", "5", "-1s", "ten", "99999d"}) BOOST_TEST(!read_duration_ms(bad).ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::cli
