// `pawl events [--follow]`: what was committed, in all runs; or what a subscription has not
// acknowledged yet.
#include <cstdio>

#include "cli/command.h"
#include "cli/feed.h"
#include "cli/run_view.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

class Events : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.flag("--follow", &follow_, "Go on as events are committed");
    arguments.option("--after", "CURSOR", &after_, "Go on behind this cursor");
    arguments.option("--subscription", "NAME", &subscription_,
                     "Go on behind what this subscription has acknowledged");
    arguments.flag("--ack", &ack_, "Acknowledge what was printed");
    arguments.footer("Events of one run are in order; see the {cursor} lines of --json.");
  }

  int run(Session& session) override {
    const bool colour = session.colour();
    if ((ack_ && !subscription_) || (after_ && subscription_)) {
      return session.refuse(kUsage,
                            "--ack is for --subscription, which goes on by itself\nhint: leave "
                            "--after out");
    }
    FeedOptions options{.path = "/v1/events",
                        .after = after_.value_or(""),
                        .generation = "",
                        .more = "",
                        .follow = follow_,
                        .position = "",
                        .subscribed = subscription_.has_value(),
                        .at_cursor = {}};
    if (subscription_) options.more = "subscription=" + percent_encode(*subscription_);
    Client acks(session.client().socket_path());
    if (ack_) {
      options.at_cursor = [&](const std::string& cursor) { return ack(session, &acks, cursor); };
    }
    return print_feed(session, options, [colour](const dsl::Value& event) {
      return printable(padded(text_of(event, "at"), 24)) + " " +
             printable(padded(text_of(event, "run"), 24)) + " " +
             paint(printable(padded(text_of(event, "seq"), 5)), Colour::dim, colour) + " " +
             paint(printable(padded(text_of(event, "type"), 20)), Colour::bold, colour) + " " +
             printable(fields_line(event, " run seq at type actor cursor "));
    });
  }

 private:
  // On a connection of its own: the other one is a stream.
  int ack(Session& session, Client* acks, const std::string& cursor) const {
    if (std::fflush(stdout) != 0) return session.refuse(kFailed, "stdout can't be written to");
    Request request{.method = "POST",
                    .target = "/v1/subscriptions/" + percent_encode(*subscription_) + "/ack"};
    codecs::JsonWriter(&request.body).begin_object().field("cursor", cursor).end_object();
    const absl::StatusOr<Response> answer = acks->call(request);
    // Who is away comes again, and so do the events.
    if (!answer.ok()) return is_away(answer.status()) ? kDone : session.refuse(answer.status());
    return answer->status < 300 || answer->status == 503 ? kDone : session.refuse(*answer);
  }

  std::optional<std::string> after_, subscription_;
  bool follow_ = false, ack_ = false;
};

}  // namespace

std::unique_ptr<Command> make_events() { return std::make_unique<Events>(); }

}  // namespace pawl::cli
