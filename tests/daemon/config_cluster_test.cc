// [cluster]: what it means, and that each mistake is named where it stands.
#include "daemon/config_cluster.h"

#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "daemon/text_file.h"

namespace pawl::daemon {
namespace {

ConfigResult from_text(std::string text) {
  ConfigSources sources;
  sources.files.push_back({"c.toml", "schema = 1\n[cluster]\n" + std::move(text)});
  return make_config(sources);
}

std::string errors_of(const ConfigResult& result) {
  std::string out;
  for (const std::string& e : result.errors) out += e;
  return out;
}

std::string box(int node, const std::string& address) {
  return "[[cluster.peer]]\nnode = " + std::to_string(node) + "\naddress = \"" + address + "\"\n";
}

BOOST_AUTO_TEST_SUITE(config_cluster)

BOOST_AUTO_TEST_CASE(a_box_is_alone_by_default) {
  const ConfigResult result = make_config({});
  BOOST_REQUIRE(result.ok);
  BOOST_TEST(result.config.cluster.node == 0);
  BOOST_TEST(result.config.cluster.peers.empty());
}

BOOST_AUTO_TEST_CASE(the_shipped_example_is_three_boxes) {
  const auto text = read_text_file("configs/cluster.toml", 65536);
  BOOST_REQUIRE(text.ok());
  ConfigSources sources;
  sources.files.push_back({"pawld.toml", *read_text_file("configs/pawld.toml", 65536)});
  sources.files.push_back({"cluster.toml", *text});
  for (const char* node : {"1", "2", "3"}) {
    sources.settings = {{"cluster.node", node, "PAWL_CLUSTER__NODE"}};
    const ConfigResult result = make_config(sources);
    BOOST_REQUIRE_MESSAGE(result.ok, errors_of(result));
    const Config::Cluster& cluster = result.config.cluster;
    BOOST_TEST(cluster.peers.size() == 3);
    BOOST_TEST(cluster.keyring == "/etc/pawl/keyring");
    BOOST_TEST(other_boxes(cluster).size() == 2);
    for (const auto& other : other_boxes(cluster)) BOOST_TEST(other.node != cluster.node);
    const std::string listens = listen_address(cluster).text();
    BOOST_TEST(listens ==
               (*node == '3' ? "0.0.0.0:7460" : "10.0.0." + std::string(node) + ":7460"));
  }
}

BOOST_AUTO_TEST_CASE(where_a_box_listens) {
  const auto listens = [](const std::string& own, const std::string& listen) {
    const ConfigResult result =
        from_text("node = 1\nkeyring = \"/k\"\nlisten = \"" + listen + "\"\n" + box(1, own));
    BOOST_REQUIRE_MESSAGE(result.ok, errors_of(result));
    return listen_address(result.config.cluster).text();
  };
  BOOST_TEST(listens("10.0.0.1:7460", "") == "10.0.0.1:7460");
  BOOST_TEST(listens("[fd00::1]:7460", "") == "[fd00::1]:7460");
  BOOST_TEST(listens("box:7460", "") == "0.0.0.0:7460");
  BOOST_TEST(listens("box:7460", "[::]:7461") == "[::]:7461");
}

BOOST_AUTO_TEST_CASE(without_a_keyring_all_is_on_the_loopback) {
  BOOST_TEST(from_text("node = 1\n" + box(1, "127.0.0.1:1") + box(2, "[::1]:2")).ok);
  BOOST_TEST(!from_text("node = 1\n" + box(1, "127.0.0.1:1") + box(2, "10.0.0.2:2")).ok);
  BOOST_TEST(!from_text("node = 1\n" + box(1, "localhost:1")).ok);
  BOOST_TEST(!from_text("node = 1\nlisten = \"0.0.0.0:1\"\n" + box(1, "127.0.0.1:1")).ok);
}

BOOST_AUTO_TEST_CASE(mistakes_name_their_place) {
  BOOST_TEST(errors_of(from_text("node = 4\nkeyring = \"/k\"\n" + box(1, "h:1"))) ==
             "c.toml:3:8: error: node 4 is not among [[cluster.peer]]\n"
             "  node = 4\n         ^\n"
             "  hint: the list names every box, this one too, and is the same on all\n");
  BOOST_TEST(errors_of(from_text("node = 1\nkeyring = \"/k\"\n" + box(1, "h:1") + box(1, "i:1"))) ==
             "c.toml:8:1: error: node 1 is listed twice\n"
             "  [[cluster.peer]]\n  ^~~~~~~~~~~~~~~~\n"
             "  hint: each box has an id of its own, which it never gives up\n");
  BOOST_TEST(errors_of(from_text("node = 1\nkeyring = \"/k\"\n" + box(1, "10.0.0.1"))) ==
             "c.toml:7:11: error: address must be \"HOST:PORT\"\n"
             "  address = \"10.0.0.1\"\n            ^~~~~~~~~~\n");
}

BOOST_AUTO_TEST_CASE(each_kind_of_mistake_is_found) {
  std::string ten = "node = 1\nkeyring = \"/k\"\n";
  for (int i = 1; i <= limits::kVotersMax + 1; ++i) ten += box(i, "h:" + std::to_string(i));
  const std::string sealed = "node = 1\nkeyring = \"/k\"\n";
  const std::pair<std::string, const char*> cases[] = {
      {ten, "there are 10 boxes; a cluster has at most 9"},
      {sealed + box(1, "h:1") + box(2, "h:1"), "node 2 has the address of node 1"},
      {box(1, "127.0.0.1:1"), "cluster.node does not say which of the boxes this is"},
      {"node = 1\n", "node 1 is not among"},
      {"listen = \"10.0.0.1:1\"\n", "cluster.node is not set"},
      {"keyring = \"/k\"\n", "cluster.node is not set"},
      {"node = 1\n" + box(1, "10.0.0.1:1"), "10.0.0.1:1 is not on the loopback, and there is no"},
      {"node = 1\n" + box(1, "10.0.0.1:1"), "pawl cluster init"},
      {"node = -1\n", "between 0 and 9007199254740991"},
      {"node = 9007199254740992\n", "between 0 and 9007199254740991"},
      {"node = \"1\"\n", "is a string"},
      {"listen = \"10.0.0.1\"\n", "HOST:PORT"},
      {"listen = \"box:1\"\n", "must have an address as its host"},
      {sealed + "[[cluster.peer]]\naddress = \"h:1\"\n", "the box has no node"},
      {sealed + "[[cluster.peer]]\nnode = 1\n", "the box has no address"},
      {sealed + "[[cluster.peer]]\nnode = 0\naddress = \"h:1\"\n", "node must be an integer"},
      {sealed + "[[cluster.peer]]\nnode = \"a\"\naddress = \"h:1\"\n", "node must be an integer"},
      {sealed + "[[cluster.peer]]\nnode = 1\naddress = 7\n", "address must be a string"},
      {sealed + "[[cluster.peer]]\nnode = 1\nadress = \"h:1\"\n", "did you mean `address`"},
      {sealed + "peer = [1]\n", "must be a list of tables, is an integer"},
      {sealed + "peer = 1\n", "must be a list of tables"},
      {sealed + "[cluster.peer]\nnode = 1\n", "must be a list of tables"},
      {"nodes = 1\n", "did you mean `node`"},
  };
  for (const auto& c : cases) {
    const ConfigResult result = from_text(c.first);
    BOOST_TEST(!result.ok, c.first);
    BOOST_TEST(errors_of(result).find(c.second) != std::string::npos,
               c.first << " -> " << errors_of(result));
    BOOST_TEST(errors_of(result).starts_with("c.toml:"), errors_of(result));
  }
}

BOOST_AUTO_TEST_CASE(layers_and_the_dump) {
  ConfigSources sources;
  sources.files.push_back({"c.toml", "schema = 1\n[cluster]\nnode = 2\n" + box(1, "127.0.0.1:1")});
  sources.settings = {{"cluster.peer",
                       "[{ node = 1, address = \"127.0.0.1:7\" }, {node=2, address='127.0.0.1:8'}]",
                       "PAWL_CLUSTER__PEER"}};
  const ConfigResult result = make_config(sources);
  BOOST_REQUIRE_MESSAGE(result.ok, errors_of(result));
  BOOST_TEST(result.config.cluster.peers.size() == 2);
  ConfigSources again;
  again.files.push_back({"dump.toml", dump_config(result, true)});
  const ConfigResult read = make_config(again);
  BOOST_REQUIRE_MESSAGE(read.ok, errors_of(read));
  BOOST_TEST((read.config.cluster.peers == result.config.cluster.peers));
  BOOST_TEST((keys_needing_restart(make_config({}), read) ==
              std::vector<std::string>{"cluster.node", "cluster.peer"}));
  // What the setting brings about is told of the setting.
  sources.settings = {{"cluster.peer", "[]", "PAWL_CLUSTER__PEER"}};
  BOOST_TEST(errors_of(make_config(sources)).starts_with("c.toml:3:8: error: node 2 is not among"));
  sources.settings = {{"cluster.node", "5", "PAWL_CLUSTER__NODE"}};
  BOOST_TEST(
      errors_of(make_config(sources)).starts_with("PAWL_CLUSTER__NODE: error: cluster.node: "));
  sources.settings = {{"cluster.peer", "[{node = 1}]", "PAWL_CLUSTER__PEER"}};
  BOOST_TEST(
      errors_of(make_config(sources)).starts_with("PAWL_CLUSTER__PEER: error: cluster.peer must"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
