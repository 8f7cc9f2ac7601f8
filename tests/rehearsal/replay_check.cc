#include "replay_check.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "codecs/event_json.h"
#include "codecs/json.h"

namespace pawl::rehearsal {

Recording record(const std::vector<HistoryEvent>& history,
                 std::shared_ptr<const dsl::Definition> original) {
  Recording recording;
  recording.original = std::move(original);
  for (std::size_t i = 0; i < history.size(); ++i) {
    std::string text;
    codecs::append_event(history[i].event, Seq(i + 1), history[i].at, {}, &text);
    codecs::JsonError error;
    BOOST_REQUIRE(codecs::parse_json(text, &recording.events.emplace_back(), &error));
  }
  return recording;
}

void check_replay(std::vector<HistoryEvent> history,
                  std::shared_ptr<const dsl::Definition> definition) {
  const auto deleted = std::find_if(history.begin(), history.end(), [](const HistoryEvent& item) {
    return std::holds_alternative<engine::RunDataDeleted>(item.event);
  });
  history.erase(deleted, history.end());
  if (history.empty()) return;
  const ReplayResult result = replay(record(history), definition);
  BOOST_REQUIRE_MESSAGE(result.kind == ReplayResult::Kind::same,
                        "seq " << result.seq.v << ", state " << result.state << ": " << result.what
                               << "\nrecorded " << result.recorded.debug_string() << "\ndecided  "
                               << result.decided.debug_string());
  BOOST_REQUIRE_EQUAL(result.events, history.size());
}

}  // namespace pawl::rehearsal
