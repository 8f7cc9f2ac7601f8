// Boost.Test's own main, in a file of its own so that it is compiled once for each room.
#define BOOST_TEST_MODULE rehearsal
#include <boost/test/unit_test.hpp>
