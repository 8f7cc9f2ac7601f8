// `pawl activate NAME VERSION`
#include <charconv>

#include "cli/command.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

class Activate : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("NAME", &name_, "The workflow");
    arguments.value("VERSION", &version_, "The number of a deployed version");
    arguments.option("--reason", "TEXT", &reason_, "Why; it stays in the events");
    arguments.footer("Open runs keep the version they started on.");
  }

  int run(Session& session) override {
    std::uint32_t version = 0;
    const char* end = version_.data() + version_.size();
    const auto parsed = std::from_chars(version_.data(), end, version);
    if (parsed.ec != std::errc() || parsed.ptr != end || version == 0) {
      return session.refuse(kUsage, "`" + version_ +
                                        "` is no version number\nhint: `pawl api GET " +
                                        "/v1/workflows/" + name_ + "` lists the versions");
    }
    Request request{.method = "POST",
                    .target = "/v1/workflows/" + percent_encode(name_) + "/default"};
    codecs::JsonWriter body(&request.body);
    body.begin_object().field("version", static_cast<std::uint64_t>(version));
    if (reason_) body.field("reason", *reason_);
    body.end_object();
    const Answer answer = session.call(std::move(request));
    if (answer.exit != kDone) return answer.exit;
    if (session.json()) {
      session.print_json(answer.body);
    } else {
      session.print(printable(name_) + " version " + version_ + ": now the default\n");
    }
    return kDone;
  }

 private:
  std::string name_, version_;
  std::optional<std::string> reason_;
};

}  // namespace

std::unique_ptr<Command> make_activate() { return std::make_unique<Activate>(); }

}  // namespace pawl::cli
