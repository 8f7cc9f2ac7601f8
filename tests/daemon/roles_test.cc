#include "daemon/roles.h"

#include <boost/test/unit_test.hpp>

namespace pawl::daemon {
namespace {

const Accounts kAccounts(
    "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbroken\n::5:\n"
    "odd:x:notanumber:1:\nhuge:x:4294967295:1:\nlast:x:77:1",
    "root:x:0:\npawl:x:200:ann,bob\npawl-admin:x:201:\n\n");

Peer peer(std::uint32_t uid, std::uint32_t gid, std::vector<std::uint32_t> groups = {}) {
  return Peer{uid, gid, 1, std::move(groups)};
}

BOOST_AUTO_TEST_SUITE(roles)

BOOST_AUTO_TEST_CASE(roles_include_what_is_below_them) {
  RoleSet set;
  BOOST_TEST(to_string(set) == "none");
  set.grant(Role::worker);
  BOOST_TEST(to_string(set) == "worker");
  set.grant(Role::operator_);
  BOOST_TEST(to_string(set) == "reader,client,worker,operator");
  BOOST_TEST(to_string(RoleSet::all()) == "reader,client,worker,operator,admin");
}

BOOST_AUTO_TEST_CASE(accounts_are_read_from_the_files) {
  std::uint32_t id = 9;
  BOOST_TEST(kAccounts.uid_of("ann", &id));
  BOOST_TEST(id == 1000);
  BOOST_TEST(kAccounts.uid_of("last", &id));
  BOOST_TEST(id == 77);
  BOOST_TEST(kAccounts.gid_of("pawl", &id));
  BOOST_TEST(id == 200);
  for (const char* name : {"nobody", "broken", "odd", "huge", ""}) {
    BOOST_TEST(!kAccounts.uid_of(name, &id), name);
  }
}

BOOST_AUTO_TEST_CASE(principals_have_five_forms) {
  Principals p;
  std::vector<std::string> unknown;
  std::string why;
  for (const char* text : {"user:ann", "group:pawl", "uid:5", "gid:6", "user:gone", "group:gone"}) {
    BOOST_TEST(add_principal(text, kAccounts, &p, &unknown, &why), text);
  }
  BOOST_TEST((p.uids == std::vector<std::uint32_t>{1000, 5}));
  BOOST_TEST((p.gids == std::vector<std::uint32_t>{200, 6}));
  BOOST_TEST((unknown == std::vector<std::string>{"user:gone", "group:gone"}));
  BOOST_TEST(!p.anyone);
  BOOST_TEST(add_principal("*", kAccounts, &p, &unknown, &why));
  BOOST_TEST(p.anyone);
  for (const char* text : {"", "ann", "user:", "uid:", "uid:x", "uid:-1", "uid:4294967295",
                           "uid:4294967296", "gid:1 ", "pid:1", "**"}) {
    why.clear();
    BOOST_TEST(!add_principal(text, kAccounts, &p, &unknown, &why), text);
    BOOST_TEST(!why.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_peer_has_the_roles_of_its_uid_and_of_all_its_groups) {
  RoleMap map;
  Principals admins;
  admins.uids = {0};
  admins.gids = {201};
  map.set(Role::admin, admins);
  Principals pawl;
  pawl.gids = {200};
  map.set(Role::client, pawl);
  map.set(Role::worker, pawl);
  BOOST_TEST((map.roles_of(peer(0, 0)) == RoleSet::all()));
  BOOST_TEST((map.roles_of(peer(1000, 1000, {5, 201, 300})) == RoleSet::all()));
  BOOST_TEST(to_string(map.roles_of(peer(1000, 200))) == "reader,client,worker");
  BOOST_TEST(to_string(map.roles_of(peer(1000, 1000, {200}))) == "reader,client,worker");
  BOOST_TEST(map.roles_of(peer(1000, 1000, {199, 202})).empty());
  map.add_uid(Role::operator_, 1000);
  BOOST_TEST(to_string(map.roles_of(peer(1000, 1000))) == "reader,client,operator");
  Principals all;
  all.anyone = true;
  map.set(Role::reader, all);
  BOOST_TEST(to_string(map.roles_of(peer(5, 5))) == "reader");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
