// Who may do what: the peer's uid and groups, as the kernel reports them, mapped to roles by the
// configuration. No name service: names in the configuration are looked up in /etc/passwd and
// /etc/group when it is read.
//
// Roles include one another as the API page says: reader GETs; client also starts, signals, moves;
// worker polls and answers tasks; operator is a client and has the verbs, incidents and schedules;
// admin has everything.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/http.h"

namespace pawl::daemon {

enum class Role : std::uint8_t { reader = 0, client = 1, worker = 2, operator_ = 3, admin = 4 };
inline constexpr int kRoles = 5;

std::string_view to_string(Role role);  // "reader" ... "operator", "admin"

// A set of roles, closed under inclusion when it comes from RoleMap.
class RoleSet {
 public:
  constexpr RoleSet() = default;
  constexpr bool has(Role role) const { return (bits_ >> static_cast<int>(role) & 1) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  // Adds the role and all it includes.
  void grant(Role role);
  static RoleSet all();
  friend bool operator==(RoleSet, RoleSet) = default;

 private:
  std::uint8_t bits_ = 0;
};

std::string to_string(RoleSet roles);  // "reader,client"; "none"

// Who holds a role: numbers alone, names already resolved.
struct Principals {
  bool anyone = false;
  std::vector<std::uint32_t> uids;
  std::vector<std::uint32_t> gids;
};

class RoleMap {
 public:
  void set(Role role, Principals principals);
  // --dev: the user who runs the daemon administers it.
  void add_uid(Role role, std::uint32_t uid);
  // The roles of a peer; empty: answer 403.
  RoleSet roles_of(const Peer& peer) const;

 private:
  Principals principals_[kRoles];
};

// The accounts of this machine as its files say. Missing files are empty ones.
class Accounts {
 public:
  // Reads the text of passwd(5) and group(5); lines that are not of that form are skipped.
  Accounts(std::string_view passwd, std::string_view group);
  // /etc/passwd and /etc/group.
  static Accounts of_this_machine();
  // False if there is no such name.
  bool uid_of(std::string_view user, std::uint32_t* uid) const;
  bool gid_of(std::string_view group, std::uint32_t* gid) const;

 private:
  std::vector<std::pair<std::string, std::uint32_t>> users_;
  std::vector<std::pair<std::string, std::uint32_t>> groups_;
};

// Adds what `text` names to `out`: "user:NAME", "group:NAME", "uid:N", "gid:N" or "*". False with
// *why on a form that is none of these. A name that does not exist adds nothing and is put into
// *unknown (a package may make the group later), so that the caller can warn.
bool add_principal(std::string_view text, const Accounts& accounts, Principals* out,
                   std::vector<std::string>* unknown, std::string* why);

}  // namespace pawl::daemon
