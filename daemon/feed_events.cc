// The event feed: committed events of all groups, as long as the journal holds them.
#include <algorithm>
#include <charconv>
#include <iterator>

#include "codecs/json.h"
#include "codecs/namespace_json.h"
#include "codecs/problem.h"
#include "codecs/subscription_json.h"
#include "daemon/feed.h"
#include "engine/namespace.h"
#include "log/posix_file_system.h"

namespace pawl::daemon {
namespace {

// The members that the feed puts in front of an event's own.
constexpr std::string_view kFront[] = {"\"run\":", "\"uid\":", "\"workflow\":", "\"namespace\":"};

// An event's JSON, with `event_` before the names of members that are among those.
std::string own_members(std::string_view json) {
  std::string out;
  out.reserve(json.size() + 16);
  int depth = 0;
  bool in_string = false, at_name = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    out.push_back(c);
    if (in_string) {
      if (c == '\\' && i + 1 < json.size()) out.push_back(json[++i]);
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
      const std::string_view rest = json.substr(i);
      const auto is_here = [rest](std::string_view name) { return rest.starts_with(name); };
      if (at_name && std::any_of(std::begin(kFront), std::end(kFront), is_here)) out += "event_";
      at_name = false;
    } else if (c == '{' || c == '[') {
      at_name = ++depth == 1;
    } else if (c == '}' || c == ']') {
      --depth;
    } else if (c == ',' && depth == 1) {
      at_name = true;
    }
  }
  return out;
}

}  // namespace

std::string EventCursor::text() const { return codecs::event_place_text(next); }

bool EventCursor::parse(std::string_view text, std::size_t groups, EventCursor* out) {
  if (!text.starts_with("1-")) return false;
  text.remove_prefix(2);
  EventCursor cursor;
  while (true) {
    const auto dot = text.find('.');
    const std::string_view part = text.substr(0, dot);
    Index index;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index.v, 16);
    if (error != std::errc{} || end != part.data() + part.size() || index.v == 0) return false;
    cursor.next.push_back(index);
    if (dot == std::string_view::npos) break;
    text.remove_prefix(dot + 1);
  }
  if (cursor.next.size() != groups) return false;
  *out = std::move(cursor);
  return true;
}

// The first entry of the group that a segment holds, or will: of a quiet group all may be given up.
Index Feeds::first_event(GroupId group) const {
  const Index first = parts_.journal->first_index(group);
  if (first <= parts_.journal->last_index(group)) return first;
  return std::max(first, parts_.node->group(group).raft().trail().floor().index.next());
}

EventCursor Feeds::oldest_events() const {
  EventCursor oldest;
  for (std::size_t g = 0; g < parts_.node->group_count(); ++g) {
    oldest.next.push_back(first_event(GroupId(static_cast<std::uint16_t>(g))));
  }
  return oldest;
}

std::string Feeds::events_gone_json(const EventCursor& oldest) {
  return codecs::problem_json(
      410, "events-gone", "The events after this cursor are no longer kept",
      "go on from `oldest`; what was before it is gone with the runs that were forgotten",
      [&oldest](codecs::JsonWriter& w) { w.field("oldest", oldest.text()); });
}

std::string Feeds::subscription_lost_json(const std::string& name) {
  return codecs::problem_json(410, "subscription-lost", "The subscription is lost",
                              "events behind its cursor are gone: PUT /v1/subscriptions/" +
                                  std::string(engine::plain_name(name)) +
                                  " with `after` begins it anew");
}

void Feeds::events(RequestId id, EventFeed wanted) {
  if (refused_full(id)) return;
  auto feed = std::make_shared<Feed>();
  feed->id = id;
  feed->kind = kEvents;
  feed->name_space = std::move(wanted.name_space);
  feed->cursor = std::move(wanted.from);
  feed->told = feed->cursor;
  feed->limit = wanted.limit;
  feed->follow = wanted.follow;
  feed->server_sent = wanted.server_sent;
  feed->subscription = std::move(wanted.subscription);
  feed->whole = std::move(wanted.whole);
  feed->keep_alive_mono_ms = mono_ms_ + kKeepAliveMs;
  feeds_[id] = feed;
  event_feeds_.insert(id);
  Response response;
  response.content_type = wanted.server_sent ? "text/event-stream" : "application/x-ndjson";
  feed->streaming = true;
  if (parts_.answers->begin_stream(id, response) == StreamState::kGone) {
    cancel(id);
    return;
  }
  advance_events(feed);
}

// The next slice of events: from the first group that has entries past the cursor.
void Feeds::advance_events(const FeedPtr& feed) {
  if (feed->gone || feed->reading || feed->full) return;
  feed->dirty = false;
  for (std::size_t g = 0; g < feed->cursor.next.size(); ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    const Index applied = parts_.node->group(group).applied();
    const bool subscribed = !feed->subscription.empty();
    // Group 0 has no events: a subscription misses nothing there.
    if (subscribed && g == 0)
      feed->cursor.next[0] = std::max(feed->cursor.next[0], first_event(group));
    const Index next = feed->cursor.next[g];
    if (next > applied || feed->limit == 0) continue;
    if (next < first_event(group)) {
      const std::string gone = subscribed ? subscription_lost_json(feed->subscription)
                                          : events_gone_json(oldest_events());
      write_line(*feed, "{\"error\":" + gone + "}");
      finish(feed);
      return;
    }
    const auto place = parts_.journal->place(group, next);
    if (!place) {
      failed(feed, absl::DataLossError("the journal does not hold all events"));
      return;
    }
    read_events_at(feed, {group, next, applied, *place, {}});
    return;
  }
  if (feed->follow && feed->limit > 0) return tell_cursor(*feed);  // parked
  write_line(*feed, "{\"cursor\":\"" + feed->cursor.text() + "\"}");
  finish(feed);
}

void Feeds::read_events_at(const FeedPtr& feed, EventRead read) {
  run_cold(feed,
           [this, feed, read = std::move(read),
            source = parts_.journal->source()]() -> ColdThread::Completion {
             log::PosixFileSystem files;
             EventSlice slice = read_events(files, source, read.place, read.group, read.from,
                                            read.through, read.scrubbed);
             return
                 [this, feed, read, slice = std::move(slice)] { events_read(feed, read, slice); };
           });
}

// What was read is whole. Where a run's data was deleted meanwhile, or long ago, it is read once
// more without: only here is it known which runs those are.
bool Feeds::shows_deleted(EventRead* read, const EventSlice& slice) const {
  const std::size_t known = read->scrubbed.size();
  for (const EventLine& line : slice.lines) {
    const engine::Tables& tables = parts_.node->group(slice.group).tables();
    if (!tables.runs().contains(line.run) || read->scrubbed.contains(line.run)) continue;
    const engine::KeptRun kept = tables.runs().kept(line.run);
    if (engine::summary_of(kept).status != engine::RunStatus::data_deleted) continue;
    read->scrubbed.emplace(line.run, tables.find(line.run)->identity->salt);
  }
  return read->scrubbed.size() > known;
}

void Feeds::events_read(const FeedPtr& feed, EventRead read, EventSlice slice) {
  feed->reading = false;
  if (feed->gone) return;
  if (!slice.status.ok()) {
    // Given up while it was read: that is told.
    read.from < first_event(read.group) ? advance_events(feed) : failed(feed, slice.status);
    return;
  }
  if (shows_deleted(&read, slice)) {
    read_events_at(feed, std::move(read));
    return;
  }
  for (const EventLine& line : slice.lines) {
    if (feed->limit == 0) break;
    if (is_missing(*feed, slice.group, line)) {
      write_line(*feed, "{\"error\":" + subscription_lost_json(feed->subscription) + "}");
      finish(feed);
      return;
    }
    // Events of one entry stay together, so that a cursor never points into an entry.
    const bool counts = write_event_line(*feed, slice.group, line);
    if (line.last_of_entry) {
      feed->cursor.next[slice.group.v] = line.index.next();
      if (counts) --feed->limit;
    }
    if (feed->gone) {
      cancel(feed->id);
      return;
    }
  }
  if (feed->limit > 0) feed->cursor.next[slice.group.v] = slice.next;
  tell_cursor(*feed);
  if (!feed->full) advance_events(feed);
}

// An event of what was forgotten, though it was to be held for the subscription.
bool Feeds::is_missing(const Feed& feed, GroupId group, const EventLine& line) const {
  if (feed.subscription.empty() || line.index < feed.whole[group.v]) return false;
  const engine::Tables& tables = parts_.node->group(group).tables();
  return !tables.runs().contains(line.run) ||
         line.index < tables.generations().oldest_entry(line.run);
}

// Who reads a subscription is told where it is whenever there was something to acknowledge.
void Feeds::tell_cursor(Feed& feed) {
  if (feed.subscription.empty() || feed.gone) return;
  const auto& now = feed.cursor.next;
  if (std::equal(now.begin() + 1, now.end(), feed.told.next.begin() + 1)) return;
  feed.told = feed.cursor;
  write_line(feed, "{\"cursor\":\"" + feed.cursor.text() + "\"}");
}

// False of an event of another namespace.
bool Feeds::write_event_line(Feed& feed, GroupId group, const EventLine& line) {
  // Not woken if it rests: events of many are read one after the other.
  const engine::Tables& tables = parts_.node->group(group).tables();
  const engine::RunStore& runs = tables.runs();
  const Index run = line.run;
  const bool kept_still =
      runs.contains(run) && line.index >= tables.generations().oldest_entry(run);
  if (!kept_still) return true;  // forgotten, the run or this generation of it
  const std::string id(runs.id_of(run));
  if (engine::namespace_of(id) != feed.name_space) return false;
  const engine::KeptRun kept = runs.kept(run);
  std::string text;
  codecs::JsonWriter w(&text);
  w.begin_object();
  codecs::write_name(w, "run", id);
  w.field("uid", to_string(RunUid{group, run}));
  w.field("workflow", engine::plain_name(engine::summary_of(kept).workflow));
  w.finish();
  text.push_back(',');
  text.append(own_members(line.json).substr(1));  // goes on with the event's own members
  write_line(feed, text);
  return true;
}

}  // namespace pawl::daemon
