// Configuration: layers, types, mistakes with their places, and the shipped file.
#include "daemon/config.h"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <sstream>

#include "base/limits.h"
#include "daemon/config_keys.h"
#include "daemon/text_file.h"
#include "socket_client.h"

namespace pawl::daemon {
namespace {

ConfigResult from_text(std::string text) {
  ConfigSources sources;
  sources.files.push_back({"a.toml", std::move(text)});
  return make_config(sources);
}

std::string all_errors(const ConfigResult& result) {
  std::string out;
  for (const std::string& e : result.errors) out += e;
  return out;
}

void check_error(std::string text, std::string_view expected) {
  const ConfigResult result = from_text(text);
  BOOST_TEST(!result.ok);
  BOOST_TEST(all_errors(result) == expected);
}

const ConfigOrigin& origin_of(const ConfigResult& result, std::string_view key) {
  for (const ConfigOrigin& o : result.origins) {
    if (o.key == key) return o;
  }
  BOOST_FAIL("no such key");
  return result.origins[0];
}

BOOST_AUTO_TEST_SUITE(config)

BOOST_AUTO_TEST_CASE(defaults_stand_without_any_layer) {
  const ConfigResult result = make_config({});
  BOOST_REQUIRE_MESSAGE(result.ok, all_errors(result));
  BOOST_TEST(result.config.server.data == "/var/lib/pawl");
  BOOST_TEST(result.config.server.socket_mode == 0660);
  BOOST_TEST(result.config.store.groups == 8);
  BOOST_TEST((result.config.roles.of[4] == std::vector<std::string>{"uid:0", "group:pawl-admin"}));
  BOOST_TEST((result.config.log.level == LogLevel::info));
}

BOOST_AUTO_TEST_CASE(closed_runs_are_kept_for_a_month_or_as_long_as_it_says) {
  const auto kept = [](const std::string& text) {
    const ConfigResult result = from_text("schema = 1\n[history]\nclosed = \"" + text + "\"\n");
    BOOST_REQUIRE_MESSAGE(result.ok, all_errors(result));
    return result.config.history.closed_ms;
  };
  BOOST_TEST((make_config({}).config.history.closed_ms == limits::kRetentionMsDefault));
  BOOST_TEST((kept("90s") == 90'000));
  BOOST_TEST(!kept("forever").has_value());
  for (const std::string wrong : {"", "0s", "-1d", "30", "a month"}) {
    const ConfigResult result = from_text("schema = 1\n[history]\nclosed = \"" + wrong + "\"\n");
    BOOST_TEST(!result.ok);
    BOOST_TEST(all_errors(result).starts_with(
        "a.toml:3:10: error: history.closed must be a duration such as \"30d\", or \"forever\"\n"));
  }
}

BOOST_AUTO_TEST_CASE(the_shipped_file_is_the_defaults) {
  const auto text = read_text_file("configs/pawld.toml", 65536);
  BOOST_REQUIRE(text.ok());
  const ConfigResult shipped = from_text(*text);
  BOOST_REQUIRE_MESSAGE(shipped.ok, all_errors(shipped));
  const ConfigResult defaults = make_config({});
  for (std::size_t i = 0; i < defaults.origins.size(); ++i) {
    BOOST_TEST(shipped.origins[i].value == defaults.origins[i].value);
    // Every key stands in the file.
    BOOST_TEST(shipped.origins[i].origin.starts_with("a.toml:"), shipped.origins[i].key);
    // And says so if it needs a restart.
    const std::string line_number = shipped.origins[i].origin.substr(7);
    std::istringstream lines(*text);
    std::string line;
    for (int n = 0; n < std::stoi(line_number); ++n) std::getline(lines, line);
    BOOST_TEST((line.find("(restart)") != std::string::npos) == shipped.origins[i].restart, line);
  }
}

BOOST_AUTO_TEST_CASE(layers_go_over_one_another) {
  ConfigSources sources;
  sources.files.push_back({"a.toml",
                           "schema = 1\n[server]\ndata = \"/a\"\nsocket = \"/a.sock\"\n"
                           "[roles]\nreader = [\"uid:1\", \"uid:2\"]\n"});
  sources.files.push_back(
      {"b.toml", "schema = 1\nserver.socket = \"/b.sock\"\nroles.reader = [\"uid:3\"]\n"});
  sources.settings.push_back({"store.groups", "4", "PAWL_STORE__GROUPS"});
  sources.settings.push_back({"roles.client", "[\"uid:5\", 'uid:6']", "PAWL_ROLES__CLIENT"});
  sources.settings.push_back({"store.groups", "5", "--groups"});
  const ConfigResult result = make_config(sources);
  BOOST_REQUIRE_MESSAGE(result.ok, all_errors(result));
  BOOST_TEST(result.config.server.data == "/a");
  BOOST_TEST(result.config.server.socket == "/b.sock");
  BOOST_TEST((result.config.roles.of[0] == std::vector<std::string>{"uid:3"}));
  BOOST_TEST((result.config.roles.of[1] == std::vector<std::string>{"uid:5", "uid:6"}));
  BOOST_TEST(result.config.store.groups == 5);
  BOOST_TEST(origin_of(result, "server.data").origin == "a.toml:3");
  BOOST_TEST(origin_of(result, "server.socket").origin == "b.toml:2");
  BOOST_TEST(origin_of(result, "store.groups").origin == "--groups");
  BOOST_TEST(origin_of(result, "log.level").origin == "default");
  const std::string dump = dump_config(result, true);
  BOOST_TEST(dump.find("[server]\ndata = \"/a\"  # from a.toml:3\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_dump_is_a_configuration) {
  const ConfigResult first = from_text("schema = 1\n[server]\ndata = \"/x \\\"y\\\"\"\n");
  BOOST_REQUIRE(first.ok);
  const ConfigResult again = from_text(dump_config(first, true));
  BOOST_REQUIRE_MESSAGE(again.ok, all_errors(again));
  BOOST_TEST(again.config.server.data == "/x \"y\"");
}

BOOST_AUTO_TEST_CASE(mistakes_name_their_place) {
  check_error("schema = 1\n[server]\nsockte = \"/x\"\n",
              "a.toml:3:1: error: unknown key `sockte` in [server]\n"
              "  sockte = \"/x\"\n  ^~~~~~\n  hint: did you mean `socket`?\n");
  check_error("schema = 1\n[store]\ngroups = 65\n",
              "a.toml:3:10: error: store.groups must be an integer between 1 and 64\n"
              "  groups = 65\n           ^~\n");
  check_error("schema = 1\n[store]\ngroups = \"8\"\n",
              "a.toml:3:10: error: store.groups must be an integer between 1 and 64, is a string\n"
              "  groups = \"8\"\n           ^~~\n");
}

BOOST_AUTO_TEST_CASE(each_kind_of_mistake_is_found) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "the key `schema` is missing"},
      {"schema = 2\n", "schema must be 1"},
      {"schema = \"1\"\n", "schema must be 1"},
      {"schema = 1\n[servre]\n", "unknown key `servre`"},
      {"schema = 1\nserver = 1\n", "server must be a table"},
      {"schema = 1\n[[server]]\n", "server must be a table"},
      {"schema = 1\n[server]\nsocket = 1\n", "must be a string"},
      {"schema = 1\n[server]\nsocket = \"\"\n", "must be a path"},
      {"schema = 1\n[server]\nsocket_mode = 660\n", "must be a string"},
      {"schema = 1\n[server]\nsocket_mode = \"0888\"\n", "octal digits"},
      {"schema = 1\n[server]\nsocket_mode = \"7777\"\n", "permission bits"},
      {"schema = 1\n[journal]\nsegment_bytes = 1\n", "between 65536 and 1073741824"},
      {"schema = 1\n[journal]\nsegment_bytes = 70000\n", "multiple of 4096"},
      {"schema = 1\n[journal]\npreallocate = \"no\"\n", "\"zero\" or \"fallocate\""},
      {"schema = 1\n[journal]\nscrub_pause = \"2d\"\n", "at most a day"},
      {"schema = 1\n[journal]\nscrub_pause = \"-1s\"\n", "at most a day"},
      {"schema = 1\n[roles]\nreader = \"*\"\n", "list of strings"},
      {"schema = 1\n[roles]\nreader = [1]\n", "list of strings"},
      {"schema = 1\n[roles]\nreader = [\"ann\"]\n", "holds \"ann\", which must be"},
      {"schema = 1\n[roles]\nreaders = []\n", "did you mean `reader`"},
      {"schema = 1\n[log]\nlevel = \"loud\"\n", "\"warning\""},
      {"schema = 1\nschema = 1\n", "redefine"},
      {"schema = \n", "a.toml:1:"},
      {"schema = 1\n\xff\n", "a.toml:2:1"},
      {"schema = 1\n\xc3\xa9 = 1\n", "a.toml:2:1"},
  };
  for (const auto& c : cases) {
    const ConfigResult result = from_text(c.first);
    BOOST_TEST(!result.ok, c.first);
    BOOST_TEST(all_errors(result).find(c.second) != std::string::npos,
               c.first << " -> " << all_errors(result));
  }
}

BOOST_AUTO_TEST_CASE(hostile_files_are_refused_quickly) {
  std::string dotted = "schema = 1\na";
  for (int i = 0; i < 30'000; ++i) dotted += ".a";
  BOOST_TEST(!from_text(dotted + " = 1\n").ok);
  BOOST_TEST(!from_text("schema = 1\nx = " + std::string(30'000, '[')).ok);
  BOOST_TEST(!from_text("schema = 1\n# " + std::string(1'000'000, 'x')).ok);
}

BOOST_AUTO_TEST_CASE(all_mistakes_are_reported_at_once) {
  ConfigSources sources;
  sources.files.push_back({"a.toml", "schema = 1\n[server]\nx = 1\ny = 2\n"});
  sources.files.push_back({"b.toml", "schema = 1\n[log]\nlevel = 1\n"});
  sources.settings.push_back({"store.groups", "many", "PAWL_STORE__GROUPS"});
  sources.settings.push_back({"store.group", "1", "PAWL_STORE__GROUP"});
  const ConfigResult result = make_config(sources);
  BOOST_TEST(result.errors.size() == 5);
  BOOST_TEST(result.errors[3] ==
             "PAWL_STORE__GROUPS: error: store.groups must be an integer between 1 and 64\n");
  BOOST_TEST(result.errors[4] ==
             "PAWL_STORE__GROUP: error: there is no key `store.group`\n"
             "  hint: did you mean `store.groups`?\n");
}

BOOST_AUTO_TEST_CASE(layers_are_collected_from_the_machine) {
  ScratchDirectory scratch;
  const std::string path = scratch.path("c.toml");
  std::ofstream(path) << "schema = 1\n";
  const char* environment[] = {"PAWL_SOCKET=/x", "PAWL_LOG__LEVEL=debug", "HOME=/",
                               "PAWL_RUN__X",    "XPAWL_A__B=1",          nullptr};
  const auto sources = collect_config(path, environment, {{"server.data", "/d", "--data"}});
  BOOST_REQUIRE(sources.ok());
  BOOST_TEST(sources->files.size() == 1);
  BOOST_REQUIRE_EQUAL(sources->settings.size(), 2);
  BOOST_TEST(sources->settings[0].key == "log.level");
  BOOST_TEST(sources->settings[0].origin == "PAWL_LOG__LEVEL");
  BOOST_TEST(sources->settings[1].key == "server.data");
  BOOST_TEST(absl::IsNotFound(collect_config(scratch.path("none"), nullptr, {}).status()));
  std::ofstream(path) << std::string(100'000, '#');
  BOOST_TEST(absl::IsResourceExhausted(collect_config(path, nullptr, {}).status()));
  BOOST_TEST(!collect_config(scratch.path("."), nullptr, {}).ok());
}

BOOST_AUTO_TEST_CASE(what_needs_a_restart_is_known) {
  const ConfigResult before = make_config({});
  const ConfigResult after = from_text(
      "schema = 1\n[server]\ndata = \"/new\"\n[log]\nlevel = \"debug\"\n[store]\ngroups = 8\n");
  BOOST_TEST((keys_needing_restart(before, after) == std::vector<std::string>{"server.data"}));
}

BOOST_AUTO_TEST_CASE(roles_are_resolved_with_the_machines_accounts) {
  const ConfigResult result = make_config({});
  const Accounts accounts("", "pawl:x:200:\n");
  std::vector<std::string> unknown;
  const RoleMap roles = make_roles(result.config, accounts, &unknown);
  BOOST_TEST(to_string(roles.roles_of(Peer{7, 200, 1, {}})) == "reader,client,worker");
  BOOST_TEST(unknown.empty());  // the built-in names are no mistake of anybody
}

BOOST_AUTO_TEST_CASE(names_that_someone_wrote_and_nobody_has_are_told) {
  const ConfigResult result =
      from_text("schema = 1\n[roles]\nadmin = [\"group:pawl-admin\", \"user:nix\", \"uid:0\"]\n");
  BOOST_REQUIRE(result.ok);
  std::vector<std::string> unknown;
  make_roles(result.config, Accounts("", ""), &unknown);
  BOOST_TEST((unknown == std::vector<std::string>{"group:pawl-admin", "user:nix"}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
