// `pawl cluster init`: makes the keyring of a new cluster; needs no daemon.
// `pawl cluster status`, `pawl cluster transfer`: who leads what, and handing it over.
// `pawl cluster add`, `promote`, `remove`: boxes come and go.
// `pawl cluster time accept`: an operator vouches for a box's clock.
// `pawl cluster recover`: cluster_recover.cc.
// `pawl cluster keys`, `pawl cluster keys rotate`: who holds which key, and replacing it.
#include <ctime>

#include "base/digest.h"
#include "cli/cluster_recover.h"
#include "cli/command.h"
#include "codecs/json.h"
#include "daemon/keyring_file.h"

namespace pawl::cli {
namespace {

constexpr const char* kDefaultPath = "/etc/pawl/keyring";

class Cluster : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("VERB", &verb_,
                    "status: who is there and leads what; add, promote, remove: boxes come, get a "
                    "vote and go; transfer: hand over what this box leads; init: make the keyring "
                    "of a new cluster; keys: which box holds which key; time: the groups' clock; "
                    "recover: this box goes on alone after the majority is lost for good");
    arguments.value("ACTION", &action_,
                    "keys: `rotate` replaces the key on every box; time: `accept` vouches for this "
                    "box's clock");
    arguments.option("--box", "NODE", &box_, "add, promote, remove: the box's number");
    arguments.option("--address", "HOST:PORT", &address_, "add: where the others reach it");
    arguments.flag("--learner", &learner_, "add: it follows, and gets a vote by `promote` alone");
    arguments.option("--to", "NODE", &to_, "transfer: the box that is to lead");
    arguments.option("--group", "GROUP", &group_, "transfer: this group alone (default: all)");
    arguments.option("--keyring", "PATH", &path_,
                     "The file to write, which must not exist (default: /etc/pawl/keyring)");
    arguments.option("--data", "DIR", &recover_.store.data,
                     "recover: the store's directory (else the configuration's)");
    arguments.option(
        "--config", "FILE", &recover_.store.config,
        "recover: configuration file (else /etc/pawl/pawld.toml and /etc/pawl/conf.d)");
    arguments.option("--in-words", "SENTENCE", &recover_.in_words,
                     "recover: the sentence it asks for; without it nothing is changed");
    arguments.footer(
        "Make it on one box and copy it to the others: the same file is on every box.");
  }

  int run(Session& session) override {
    if (verb_ == "status" && !action_) return status(session);
    if (verb_ == "transfer" && !action_) return transfer(session);
    if (!action_ && (verb_ == "add" || verb_ == "promote" || verb_ == "remove"))
      return change(session);
    if (verb_ == "keys") return keys(session);
    if (verb_ == "time" && action_ == "accept") return accept_time(session);
    if (verb_ == "recover" && !action_) return recover_cluster(session, recover_);
    if (verb_ != "init" || action_) {
      return session.refuse(kUsage,
                            "`cluster` takes `status`, `add`, `promote`, `remove`, `transfer`, "
                            "`keys`, `time accept`, `recover` or `init`\n"
                            "hint: `pawl cluster status` shows who is there and leads what");
    }
    prepare_digests();
    const std::string path = path_.value_or(kDefaultPath);
    codecs::SystemRandomBytes random;
    const codecs::Keyring ring = codecs::new_keyring(&random, std::time(nullptr));
    if (absl::Status s = daemon::write_new_keyring(path, ring); !s.ok()) return session.refuse(s);
    if (session.json()) {
      std::string out;
      codecs::JsonWriter writer(&out);
      writer.begin_object()
          .field("keyring", path)
          .field("key", std::int64_t{ring.active().id.v})
          .field("fingerprint", ring.active().fingerprint)
          .end_object();
      session.print_json(out);
      return kDone;
    }
    session.print("wrote " + printable(path) + ": key " + std::to_string(ring.active().id.v) +
                  ", fingerprint " + ring.active().fingerprint + "\n" + kNext);
    return kDone;
  }

 private:
  static constexpr const char* kNext =
      "Who has this file is a member of the cluster. Next:\n"
      "  1. copy it to the other boxes over a channel you trust, mode 0600, owned by the daemon's "
      "user\n"
      "  2. compare the fingerprint in it on each box\n"
      "  3. set keyring in [cluster] of /etc/pawl/pawld.toml on each box, and start the daemons\n";

  int status(Session& session) {
    const Answer answer = session.call({.target = "/v1/cluster"});
    if (answer.exit != kDone) return answer.exit;
    if (session.json()) {
      session.print_json(answer.body);
      return kDone;
    }
    Table boxes({"BOX", "ROLE", "LINK", "LEADS"});
    for (const dsl::Value& box : answer.json.field("boxes")->as_list()) {
      const bool self = text_of(box, "self") == "true";
      const bool linked = text_of(box, "linked") == "true";
      boxes.add({text_of(box, "node"), text_of(box, "role"),
                 self     ? "this box"
                 : linked ? "up"
                          : "down",
                 text_of(box, "leads")});
    }
    std::string rebuilding;
    Table groups({"GROUP", "LEADER", "TERM", "COMMIT", "APPLIED", "VOTERS"});
    for (const dsl::Value& group : answer.json.field("groups")->as_list()) {
      const std::string leader = text_of(group, "leader");
      std::string voters;
      for (const dsl::Value& voter : group.field("voters")->as_list()) {
        voters += (voters.empty() ? "" : ",") + text_of(voter);
      }
      for (const dsl::Value& learner : group.field("learners")->as_list()) {
        voters += (voters.empty() ? "+" : " +") + text_of(learner);
      }
      if (text_of(group, "rebuilding") == "true") {
        rebuilding += "\ngroup " + text_of(group, "group") +
                      " was damaged on this box and is rebuilt: " + text_of(group, "applied") +
                      " of " + text_of(group, "rebuild_through") + " entries";
      }
      groups.add({text_of(group, "group"), leader.empty() || leader == "null" ? "none" : leader,
                  text_of(group, "term"), text_of(group, "commit"), text_of(group, "applied"),
                  voters});
    }
    session.print(boxes.render(session.colour()) + "\n" + groups.render(session.colour()));
    if (!rebuilding.empty()) session.note(rebuilding.substr(1));
    if (text_of(answer.json, "ready") == "true") return kDone;
    if (!rebuilding.empty()) return kFailed;
    session.note("a group has no leader: a majority of the boxes must be up and reach one another");
    return kFailed;
  }

  static bool is_number(const std::string& text) {
    return !text.empty() && text.size() <= 18 && (text[0] != '0' || text.size() == 1) &&
           text.find_first_not_of("0123456789") == std::string::npos;
  }

  int change(Session& session) {
    const bool adds = verb_ == "add";
    if (!box_ || !is_number(*box_) || adds != address_.has_value() || (learner_ && !adds)) {
      return session.refuse(kUsage, adds ? "`cluster add` takes `--box NODE --address HOST:PORT`, "
                                           "and perhaps `--learner`\nhint: the number is new: one "
                                           "that was used before is never used again"
                                         : "`cluster " + verb_ +
                                               "` takes `--box NODE`\nhint: `pawl cluster status` "
                                               "lists the boxes");
    }
    std::string body;
    codecs::JsonWriter writer(&body);
    writer.begin_object().field("change", verb_).plain_key("box").raw(*box_);
    if (adds) writer.field("address", *address_).field("promote", !learner_);
    writer.end_object();
    Request request{.method = "POST", .target = "/v1/cluster/members"};
    request.body = std::move(body);
    const Answer answer = session.call(std::move(request));
    if (answer.exit != kDone) return answer.exit;
    if (session.json()) {
      session.print_json(answer.body);
      return kDone;
    }
    if (text_of(answer.json, "changed") != "true") {
      session.print("box " + *box_ + ": nothing to do, it is so already\n");
    } else if (adds) {
      session.print("box " + *box_ +
                    " is added. On it, copy the keyring and the [cluster] part of "
                    "another box's pawld.toml, set node = " +
                    *box_ +
                    ", add\n\n"
                    "  [[cluster.peer]]\n  node    = " +
                    *box_ + "\n  address = \"" + printable(*address_) +
                    "\"\n  founder = false\n\nand start the daemon. " +
                    (learner_ ? "`pawl cluster promote` gives it a vote"
                              : "It gets a vote once it has everything") +
                    ": `pawl cluster status` shows it.\n");
    } else if (verb_ == "promote") {
      session.print("box " + *box_ +
                    " gets a vote in one group after the other: `pawl cluster "
                    "status` shows it\n");
    } else {
      session.print(
          "box " + *box_ +
          " leaves one group after the other: when `pawl cluster status` "
          "shows it nowhere as a voter, stop its daemon. Its number is never used again\n");
    }
    return kDone;
  }

  int transfer(Session& session) {
    if (!to_ || !is_number(*to_) || (group_ && !is_number(*group_))) {
      return session.refuse(kUsage,
                            "`cluster transfer` takes `--to NODE` and perhaps `--group GROUP`, "
                            "both numbers\nhint: `pawl cluster status` lists them");
    }
    Request request{.method = "POST", .target = "/v1/cluster/transfer"};
    request.body = "{\"to\":" + *to_ + (group_ ? ",\"group\":" + *group_ : "") + "}";
    const Answer answer = session.call(std::move(request));
    if (answer.exit != kDone) return answer.exit;
    if (session.json()) {
      session.print_json(answer.body);
      return kDone;
    }
    const std::size_t moved = answer.json.field("groups")->as_list().size();
    session.print(std::to_string(moved) + " groups are handed to box " + *to_ + "\n");
    return kDone;
  }

  int accept_time(Session& session) {
    const Answer answer =
        session.call(Request{.method = "POST", .target = "/v1/cluster/time/accept"});
    if (answer.exit != kDone) return answer.exit;
    if (session.json()) {
      session.print_json(answer.body);
      return kDone;
    }
    const std::string time = text_of(answer.json, "time");
    session.print(text_of(answer.json, "changed") == "true"
                      ? "The time of all runs goes on from " + time + ", this box's clock.\n"
                      : "Nothing to do: the time of all runs is " + time +
                            " already, and never goes back.\n");
    return kDone;
  }

  int keys(Session& session) {
    const bool rotates = action_.has_value();
    if (rotates && *action_ != "rotate") {
      return session.refuse(kUsage,
                            "`cluster keys` takes `rotate` or nothing\nhint: `pawl cluster "
                            "keys` shows which box holds which key");
    }
    const Answer answer =
        session.call(rotates ? Request{.method = "POST", .target = "/v1/cluster/keys/rotate"}
                             : Request{.target = "/v1/cluster/keys"});
    if (answer.exit != kDone) return answer.exit;
    if (session.json()) {
      session.print_json(answer.body);
      return kDone;
    }
    Table table({"BOX", "KEY", "STATE", "FINGERPRINT"});
    std::string active;
    for (const dsl::Value& box : answer.json.field("boxes")->as_list()) {
      for (const dsl::Value& key : box.field("keys")->as_list()) {
        const std::string state = text_of(key, "state");
        table.add({text_of(box, "node"), text_of(key, "key"), state, text_of(key, "fingerprint")});
        if (state == "active") active = text_of(key, "key");
      }
    }
    session.print(table.render(session.colour()));
    for (const dsl::Value& box : answer.json.field("missing")->as_list()) {
      session.note("box " + text_of(box) + " did not answer: it is down, or runs an older pawl");
    }
    if (!rotates) return answer.json.field("missing")->as_list().empty() ? kDone : kFailed;
    session.print((text_of(answer.json, "resumed") == "true"
                       ? "A rotation that had been broken off is finished: every box uses key " +
                             active + " alone. To replace that one too, run it again.\n"
                       : "Every box uses key " + active + " alone.\n") +
                  "A box that is added from now on needs the keyring of another box's data "
                  "directory, not the "
                  "file that the cluster began with.\n");
    return kDone;
  }

  std::string verb_;
  std::optional<std::string> action_;
  std::optional<std::string> to_, group_, box_, address_;
  bool learner_ = false;
  RecoverWish recover_;
  std::optional<std::string> path_;
};

}  // namespace

std::unique_ptr<Command> make_cluster() { return std::make_unique<Cluster>(); }

}  // namespace pawl::cli
