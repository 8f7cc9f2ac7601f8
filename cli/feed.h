// Lists that may go on for ever: a run's history and the events of all runs. Without `follow` the
// pages {items, next_cursor} are read to their end; with it the answer is a stream of lines
// (ndjson), and when the daemon goes away it is asked again from the last position it named.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "cli/session.h"
#include "dsl/value.h"

namespace pawl::cli {

struct FeedOptions {
  std::string path;        // "/v1/events"
  std::string after;       // "": from the beginning
  std::string generation;  // "": the present one, or those behind `after`
  std::string more;        // of the query: "diff=true"
  bool follow = false;
  // The member of an item that may be given as `after` ("seq" of a history); "" if only {cursor}
  // lines name positions.
  std::string position;
  // The daemon knows the position itself: `after` is not sent.
  bool subscribed = false;
  // Told of each {cursor} line, once all before it was printed; an exit status but kDone ends the
  // feed with it. May be empty.
  std::function<int(const std::string& cursor)> at_cursor;
};

// Prints every item: as it came with --json, else as `line` says. Returns the exit status.
int print_feed(Session& session, const FeedOptions& options,
               const std::function<std::string(const dsl::Value& item)>& line);

}  // namespace pawl::cli
