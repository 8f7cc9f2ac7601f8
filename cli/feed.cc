#include "cli/feed.h"

#include <poll.h>

#include "codecs/json.h"

namespace pawl::cli {
namespace {

constexpr std::int64_t kAwayMsMax = 60'000;
constexpr int kPauseMs = 200;

class Feed {
 public:
  Feed(Session& session, const FeedOptions& options,
       const std::function<std::string(const dsl::Value&)>& line)
      : session_(session), options_(options), line_(line), after_(options.after) {}

  int pages() {
    std::string cursor;
    do {
      const Answer answer = session_.call({.target = target(cursor)});
      if (answer.exit != kDone) return answer.exit;
      const dsl::Value* items = answer.json.field("items");
      if (items == nullptr) {  // lines, not a page
        lines(answer.body);
        return exit_;
      }
      if (items->kind() == dsl::Kind::list) {
        for (const dsl::Value& item : items->as_list()) show(item, codecs::to_json(item));
        if (items->as_list().empty()) return kDone;
      }
      const std::string next = text_of(answer.json, "next_cursor");
      if (next == cursor) return kDone;
      cursor = next;
    } while (!cursor.empty());
    return kDone;
  }

  int stream() {
    std::int64_t away_since = -1;
    while (true) {
      const absl::StatusOr<Response> response =
          session_.client().follow({.target = target("")}, [&](std::string_view text) {
            away_since = -1;
            return take(text);
          });
      if (ended_ || exit_ != kDone) return exit_;
      const bool away = response.ok()
                            ? response->status == 503 || response->status == 200
                            : is_away(response.status()) ||
                                  response.status().code() == absl::StatusCode::kDeadlineExceeded;
      if (!away)
        return response.ok() ? session_.refuse(*response) : session_.refuse(response.status());
      const std::int64_t now = monotonic_ms();
      if (away_since < 0) {
        if (session_.error_terminal()) session_.note("the daemon went away; trying again");
        away_since = now;
      }
      if (!connected_ || now - away_since > kAwayMsMax) {
        return response.ok() ? session_.refuse(*response) : session_.refuse(response.status());
      }
      ::poll(nullptr, 0, kPauseMs);
    }
  }

 private:
  std::string target(const std::string& cursor) const {
    std::string query;
    if (!cursor.empty()) {
      query = "&cursor=" + percent_encode(cursor);
    } else if (!after_.empty() && !options_.subscribed) {
      query = "&after=" + percent_encode(after_);
    }
    if (!options_.generation.empty()) {
      query += "&generation=" + percent_encode(options_.generation);
    }
    if (!options_.more.empty()) query += "&" + options_.more;
    if (options_.follow) query += "&follow=true";
    if (!query.empty()) query[0] = '?';
    return options_.path + query;
  }

  void lines(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      if (end > 0 && !take(text.substr(0, end))) return;
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  // One line of a stream: an item, {cursor} or {end}. False at the end.
  bool take(std::string_view text) {
    connected_ = true;
    dsl::Value value;
    codecs::JsonError error;
    if (!codecs::parse_json(text, &value, &error) || value.kind() != dsl::Kind::map) {
      session_.print_json(text);  // it is not passed over
      return true;
    }
    const std::string cursor = text_of(value, "cursor");
    if (!cursor.empty()) after_ = cursor;
    if (!options_.position.empty() && value.field(options_.position) != nullptr) {
      after_ = text_of(value, options_.position);
    }
    ended_ = value.field("end") != nullptr;
    const bool position_only = !cursor.empty() && value.as_map().size() == 1;
    if (session_.json()) {
      session_.print_json(text);
    } else if (!position_only && !ended_) {
      show(value, text);
    }
    if (position_only && options_.at_cursor) exit_ = options_.at_cursor(cursor);
    return !ended_ && exit_ == kDone;
  }

  void show(const dsl::Value& item, std::string_view text) {
    if (session_.json()) {
      session_.print_json(text);
    } else {
      session_.print(line_(item) + "\n");
    }
  }

  Session& session_;
  const FeedOptions& options_;
  const std::function<std::string(const dsl::Value&)>& line_;
  std::string after_;
  bool connected_ = false;
  bool ended_ = false;
  int exit_ = kDone;
};

}  // namespace

int print_feed(Session& session, const FeedOptions& options,
               const std::function<std::string(const dsl::Value&)>& line) {
  Feed feed(session, options, line);
  return options.follow ? feed.stream() : feed.pages();
}

}  // namespace pawl::cli
