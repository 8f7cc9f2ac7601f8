// `pawl version`
#include "cli/command.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

class Version : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.footer("Succeeds without a daemon too.");
  }

  int run(Session& session) override {
    const absl::StatusOr<Response> response =
        session.client().call({.target = "/v1/version"}, 2000);
    const bool reached = response.ok() && response->status == 200;
    dsl::Value daemon;
    codecs::JsonError error;
    if (reached) codecs::parse_json(response->body, &daemon, &error);
    if (session.json()) {
      std::string out;
      codecs::JsonWriter writer(&out);
      writer.begin_object().field("pawl", PAWL_VERSION).field("daemon", daemon).end_object();
      session.print_json(out);
      return kDone;
    }
    session.print("pawl " PAWL_VERSION "\n");
    session.print(reached ? "daemon " + printable(text_of(daemon, "version")) + " at " +
                                session.client().socket_path() + "\n"
                          : "no daemon at " + session.client().socket_path() + "\n");
    return kDone;
  }
};

}  // namespace

std::unique_ptr<Command> make_version() { return std::make_unique<Version>(); }

}  // namespace pawl::cli
