// `pawl namespaces`: list them; show, put and delete one.
#include "cli/command.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

std::string number_of(const dsl::Value& item, std::string_view name) {
  const dsl::Value* value = item.field(name);
  return value != nullptr && value->kind() == dsl::Kind::int64 ? std::to_string(value->as_int())
                                                               : "-";
}

class Namespaces : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("VERB", &verb_,
                    "show, put (make, or give another quota), delete; without: list");
    arguments.value("NAME", &name_, "The namespace");
    arguments.option("--max-runs", "N", &max_runs_, "put: open runs at most");
    arguments.option("--max-payload-bytes", "N", &max_payload_bytes_,
                     "put: bytes that open runs hold at most");
    arguments.option("--starts-per-second", "N", &starts_per_second_,
                     "put: runs that start a second at most");
    arguments.option("--reason", "TEXT", &reason_, "put: why");
    arguments.footer(
        "`put` replaces the quota: what is not given has no bound from then on.\n"
        "Other commands are told their namespace with --namespace or PAWL_NAMESPACE.");
  }

  int run(Session& session) override {
    if (!verb_) return list(session);
    const bool puts = *verb_ == "put";
    const bool known = puts || *verb_ == "show" || *verb_ == "delete";
    const bool has_quota = max_runs_ || max_payload_bytes_ || starts_per_second_ || reason_;
    if (!known || !name_ || (has_quota && !puts)) {
      return session.refuse(kUsage,
                            "`namespaces` takes nothing, `show NAME`, `put NAME [--max-runs N] "
                            "[--max-payload-bytes N] [--starts-per-second N]` or `delete NAME`\n"
                            "hint: `pawl namespaces` lists them");
    }
    Request request{.target = "/v1/namespaces/" + percent_encode(*name_)};
    if (puts && !write_quota(session, &request)) return kUsage;
    if (*verb_ == "delete") request.method = "DELETE";
    const Answer answer = session.call(std::move(request));
    if (answer.exit != kDone) return answer.exit;
    if (session.json()) {
      session.print_json(answer.body);
    } else if (*verb_ == "show") {
      Table table = header();
      add(answer.json, &table);
      session.print(table.render(session.colour()));
    } else {
      session.print(printable(*name_) + (puts ? ": put\n" : ": deleted\n"));
    }
    return kDone;
  }

 private:
  bool write_quota(Session& session, Request* request) {
    request->method = "PUT";
    codecs::JsonWriter body(&request->body);
    body.begin_object();
    for (const auto& [name, text] :
         {std::pair("max_runs", &max_runs_), std::pair("max_payload_bytes", &max_payload_bytes_),
          std::pair("starts_per_second", &starts_per_second_)}) {
      if (!text->has_value()) continue;
      const std::string& digits = **text;
      if (digits.empty() || digits.size() > 18 ||
          digits.find_first_not_of("0123456789") != std::string::npos) {
        session.refuse(kUsage,
                       "`" + digits + "` is no whole number\nhint: bytes are given as such");
        return false;
      }
      body.field(name, std::int64_t{std::stoll(digits)});
    }
    if (reason_) body.field("reason", *reason_);
    body.end_object();
    return true;
  }

  static Table header() {
    return Table({"NAME", "OPEN RUNS", "MAX", "PAYLOAD BYTES", "MAX", "STARTS/S"});
  }
  static void add(const dsl::Value& item, Table* table) {
    const dsl::Value* usage = item.field("usage");
    const dsl::Value none;
    const dsl::Value& used = usage == nullptr ? none : *usage;
    table->add({text_of(item, "name"), number_of(used, "open_runs"), number_of(item, "max_runs"),
                number_of(used, "payload_bytes"), number_of(item, "max_payload_bytes"),
                number_of(item, "starts_per_second")});
  }

  static int list(Session& session) {
    const Answer answer = session.call({.target = "/v1/namespaces?limit=500"});
    if (answer.exit != kDone) return answer.exit;
    if (session.json()) {
      session.print_items(answer.json);
      return kDone;
    }
    Table table = header();
    const dsl::Value* items = answer.json.field("items");
    if (items != nullptr && items->kind() == dsl::Kind::list) {
      for (const dsl::Value& item : items->as_list()) add(item, &table);
    }
    session.print(table.render(session.colour()));
    return kDone;
  }

  std::optional<std::string> verb_, name_, max_runs_, max_payload_bytes_, starts_per_second_,
      reason_;
};

}  // namespace

std::unique_ptr<Command> make_namespaces() { return std::make_unique<Namespaces>(); }

}  // namespace pawl::cli
