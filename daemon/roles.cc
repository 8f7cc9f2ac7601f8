#include "daemon/roles.h"

#include <algorithm>
#include <charconv>

#include "base/limits.h"
#include "daemon/text_file.h"

namespace pawl::daemon {
namespace {

constexpr std::string_view kNames[kRoles] = {"reader", "client", "worker", "operator", "admin"};

bool parse_id(std::string_view text, std::uint32_t* out) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, *out);
  // 2^32-1 is "no id" to the kernel.
  return result.ec == std::errc() && result.ptr == end && *out != UINT32_MAX;
}

// name:password:id:... of passwd(5) and group(5).
std::vector<std::pair<std::string, std::uint32_t>> parse_accounts(std::string_view text) {
  std::vector<std::pair<std::string, std::uint32_t>> out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t first = line.find(':');
    if (first == std::string_view::npos || first == 0) continue;
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::size_t third = line.find(':', second + 1);
    if (third == std::string_view::npos) continue;
    std::uint32_t id = 0;
    if (!parse_id(line.substr(second + 1, third - second - 1), &id)) continue;
    out.emplace_back(line.substr(0, first), id);
  }
  return out;
}

bool lookup(const std::vector<std::pair<std::string, std::uint32_t>>& accounts,
            std::string_view name, std::uint32_t* id) {
  for (const auto& account : accounts) {
    if (account.first != name) continue;
    *id = account.second;
    return true;
  }
  return false;
}

bool holds(const Principals& principals, const Peer& peer) {
  if (principals.anyone) return true;
  for (const std::uint32_t uid : principals.uids) {
    if (uid == peer.uid) return true;
  }
  for (const std::uint32_t gid : principals.gids) {
    if (gid == peer.gid) return true;
    if (std::binary_search(peer.groups.begin(), peer.groups.end(), gid)) return true;
  }
  return false;
}

}  // namespace

std::string_view to_string(Role role) { return kNames[static_cast<int>(role)]; }

void RoleSet::grant(Role role) {
  bits_ = static_cast<std::uint8_t>(bits_ | 1 << static_cast<int>(role));
  switch (role) {
    case Role::admin:
      grant(Role::operator_);
      grant(Role::worker);
      return;
    case Role::operator_:
      grant(Role::client);
      return;
    case Role::client:
      grant(Role::reader);
      return;
    case Role::worker:
    case Role::reader:
      return;
  }
}

RoleSet RoleSet::all() {
  RoleSet set;
  set.grant(Role::admin);
  return set;
}

std::string to_string(RoleSet roles) {
  std::string out;
  for (int i = 0; i < kRoles; ++i) {
    if (!roles.has(static_cast<Role>(i))) continue;
    if (!out.empty()) out.push_back(',');
    out.append(kNames[i]);
  }
  return out.empty() ? "none" : out;
}

void RoleMap::set(Role role, Principals principals) {
  principals_[static_cast<int>(role)] = std::move(principals);
}

void RoleMap::add_uid(Role role, std::uint32_t uid) {
  principals_[static_cast<int>(role)].uids.push_back(uid);
}

RoleSet RoleMap::roles_of(const Peer& peer) const {
  RoleSet set;
  for (int i = 0; i < kRoles; ++i) {
    if (holds(principals_[i], peer)) set.grant(static_cast<Role>(i));
  }
  return set;
}

Accounts::Accounts(std::string_view passwd, std::string_view group)
    : users_(parse_accounts(passwd)), groups_(parse_accounts(group)) {}

Accounts Accounts::of_this_machine() {
  const auto passwd = read_text_file("/etc/passwd", limits::kAccountsBytesMax);
  const auto group = read_text_file("/etc/group", limits::kAccountsBytesMax);
  return Accounts(passwd.ok() ? *passwd : std::string(), group.ok() ? *group : std::string());
}

bool Accounts::uid_of(std::string_view user, std::uint32_t* uid) const {
  return lookup(users_, user, uid);
}

bool Accounts::gid_of(std::string_view group, std::uint32_t* gid) const {
  return lookup(groups_, group, gid);
}

bool add_principal(std::string_view text, const Accounts& accounts, Principals* out,
                   std::vector<std::string>* unknown, std::string* why) {
  if (text == "*") return out->anyone = true;
  const std::size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  const std::string_view name =
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  std::uint32_t id = 0;
  if (name.empty()) {
    // falls through to the message
  } else if (kind == "uid" || kind == "gid") {
    if (!parse_id(name, &id)) {
      *why = "is not a number the kernel uses as an id";
      return false;
    }
    (kind == "uid" ? out->uids : out->gids).push_back(id);
    return true;
  } else if (kind == "user" || kind == "group") {
    const bool user = kind == "user";
    if (user ? accounts.uid_of(name, &id) : accounts.gid_of(name, &id)) {
      (user ? out->uids : out->gids).push_back(id);
    } else {
      unknown->emplace_back(text);
    }
    return true;
  }
  *why = "must be \"user:NAME\", \"group:NAME\", \"uid:N\", \"gid:N\" or \"*\"";
  return false;
}

}  // namespace pawl::daemon
