// That a catalog is what its bytes say.
#pragma once

#include <boost/test/unit_test.hpp>
#include <string>

#include "engine/catalog.h"

namespace pawl::engine {

// Bytes and back; and every beginning of the bytes is refused, or is a smaller catalog.
inline void check_catalog(const Catalog& catalog) {
  std::string bytes;
  catalog.encode(&bytes);
  Catalog copy;
  BOOST_REQUIRE(copy.decode(bytes));
  BOOST_CHECK(copy == catalog);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    Catalog cut;
    std::string again;
    if (!cut.decode(bytes.substr(0, n))) continue;
    cut.encode(&again);  // ended between two events: a catalog, but a smaller one
    BOOST_CHECK(copy.decode(again) && copy == cut && !(cut == catalog));
  }
}

}  // namespace pawl::engine
