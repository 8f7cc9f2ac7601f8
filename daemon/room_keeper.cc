#include "daemon/room_keeper.h"

#include <utility>

#include "base/limits.h"
#include "daemon/metrics.h"
#include "daemon/reserve_file.h"

namespace pawl::daemon {
namespace {

constexpr std::int64_t kLookNs = std::int64_t{limits::kRoomLookMs} * 1'000'000;

}  // namespace

RoomKeeper::RoomKeeper(Options options, Logger* logger)
    : options_(std::move(options)), logger_(*logger), room_(options_.segment_bytes) {}

absl::Status RoomKeeper::prepare(const std::string& directory, Logger* logger) {
  const auto look = look_at_room(directory);
  if (!look.ok()) return look.status();
  if (look->reserve_bytes == 0 || look->free_bytes >= limits::kSegmentBytesFirst) {
    return absl::OkStatus();
  }
  logger->write(LogLevel::warning, "disk: full, the reserve is given up",
                {{"free_bytes", look->free_bytes}, {"reserve_bytes", look->reserve_bytes}});
  return give_up_reserve(directory);
}

void RoomKeeper::lacked(std::uint64_t batch_id, const absl::Status& why) {
  if (!watches()) {
    logger_.write(LogLevel::warning, "journal: no room", {{"why", std::string(why.message())}});
    look_at_ns_ = 0;  // what fails in spite of a look waits for the next one
  }
  waiting_ = options_.journal->lacked_room(batch_id);
  const node::RoomLevel before = room_.state().level;
  room_.lacked();
  options_.tell(room_.state());
  report(before);
}

void RoomKeeper::turn(std::int64_t now_ns) {
  if (looking_ || !watches() || look_at_ns_ > now_ns) return;
  look_at_ns_ = now_ns + kLookNs;
  looking_ = options_.cold->submit([this, directory = options_.directory, wish = wish_,
                                    bytes = room_.reserve_bytes()]() -> ColdThread::Completion {
    Found found = carry_out(directory, wish, bytes);
    return [this, found = std::move(found)]() mutable { looked(std::move(found)); };
  });
}

RoomKeeper::Found RoomKeeper::carry_out(const std::string& directory, node::DiskRoom::Reserve wish,
                                        std::uint64_t reserve_bytes) {
  Found found;
  if (wish == node::DiskRoom::Reserve::give_up) found.status = give_up_reserve(directory);
  if (wish == node::DiskRoom::Reserve::make) found.made = make_reserve(directory, reserve_bytes);
  const auto look = look_at_room(directory);
  if (!look.ok()) {
    found.status = look.status();
    return found;
  }
  found.look = *look;
  return found;
}

void RoomKeeper::looked(Found found) {
  looking_ = due_ = false;
  if (!found.status.ok()) {
    expect_room();
    logger_.write(LogLevel::warning, "disk: can't see how much room there is",
                  {{"why", std::string(found.status.message())}});
    return;
  }
  if (!found.made.ok() && !absl::IsResourceExhausted(found.made)) {
    logger_.write(LogLevel::warning, "disk: there can be no reserve",
                  {{"why", std::string(found.made.message())}});
    found.look.reserve_bytes = room_.reserve_bytes();  // it must do without
  }
  const node::RoomLevel before = room_.state().level;
  wish_ = room_.look(found.look);
  if (wish_ == node::DiskRoom::Reserve::keep) {
    expect_room();
  } else {
    due_ = true;  // nothing is tried before that is done
    look_at_ns_ = 0;
  }
  if (before == node::RoomLevel::plenty && before == room_.state().level) return;
  options_.tell(room_.state());
  report(before);
}

void RoomKeeper::expect_room() {
  options_.journal->expect_room();
  try_again_ = waiting_ != nullptr;
}

void RoomKeeper::report(node::RoomLevel before) const {
  const node::RoomChanged& now = room_.state();
  if (now.level == before) return;
  const auto say = [&](LogLevel level, const char* what) {
    logger_.write(level, what,
                  {{"free_bytes", now.free_bytes}, {"needed_bytes", now.needed_bytes}});
  };
  switch (now.level) {
    case node::RoomLevel::plenty:
      return say(LogLevel::notice, "disk: there is room again");
    case node::RoomLevel::little:
      return say(LogLevel::warning,
                 "disk: nearly full, starts, signals and deployments are refused");
    case node::RoomLevel::none:
      return say(LogLevel::error, "disk: full, all that writes is refused");
  }
}

const log::Batch* RoomKeeper::again() {
  if (!std::exchange(try_again_, false)) return nullptr;
  return std::exchange(waiting_, nullptr);
}

std::int64_t RoomKeeper::deadline_ns() const {
  return !looking_ && watches() ? look_at_ns_ : INT64_MAX;
}

void RoomKeeper::append_metrics(std::string* out) const {
  MetricsText text(out);
  text.gauge("pawl_disk_full", "0: room for all, 1: for what ends work alone, 2: for nothing", "",
             static_cast<std::int64_t>(room_.state().level));
}

}  // namespace pawl::daemon
