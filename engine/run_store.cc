#include "engine/run_store.h"

#include <algorithm>

#include "base/check.h"
#include "base/limits.h"
#include "engine/run_glance.h"

namespace pawl::engine {
namespace {

// Touches that are kept though they are stale, beside one of each run that is awake.
constexpr std::size_t kStaleTouches = 1'024;

// Who has a task is asked for it again and again, and its lease is looked for among the awake.
bool may_rest(const Run& run) { return run.steps.empty() && run.incidents.empty(); }

}  // namespace

RunSummary summary_of(const KeptRun& run) {
  return run.awake != nullptr ? summary_of(*run.awake) : run.packed.summary();
}

RunStore::RunStore() : shapes_(std::make_unique<RunShapes>()) {}
RunStore::RunStore(RunStore&&) noexcept = default;
RunStore::~RunStore() = default;

// Packed runs let go of their shapes: those go first.
RunStore& RunStore::operator=(RunStore&& other) noexcept {
  packed_.clear();
  shapes_ = std::move(other.shapes_);
  awake_ = std::move(other.awake_);
  packed_ = std::move(other.packed_);
  touches_ = std::move(other.touches_);
  may_rest_ = other.may_rest_;
  last_touch_ = other.last_touch_;
  packer_ = std::move(other.packer_);
  now_ = other.now_;
  raw_from_ = other.raw_from_;
  return *this;
}

Index RunStore::first() const { return after(Index()); }

Index RunStore::after(Index run) const {
  Index found;
  if (const auto at = awake_.upper_bound(run); at != awake_.end()) found = at->first;
  const auto at = packed_.upper_bound(run);
  return at == packed_.end() || (found.v > 0 && found < at->first) ? found : at->first;
}

Index RunStore::last() const {
  Index last;
  if (!awake_.empty()) last = awake_.rbegin()->first;
  if (!packed_.empty()) last = std::max(last, packed_.rbegin()->first);
  return last;
}

Index RunStore::before(Index run) const {
  Index found;
  if (const auto at = awake_.lower_bound(run); at != awake_.begin()) found = std::prev(at)->first;
  if (const auto at = packed_.lower_bound(run); at != packed_.begin()) {
    found = std::max(found, std::prev(at)->first);
  }
  return found;
}

std::shared_ptr<Run> RunStore::find(Index run) const {
  if (const auto at = awake_.find(run); at != awake_.end()) return at->second.run;
  const auto at = packed_.find(run);
  if (at == packed_.end()) return nullptr;
  Awake& awake = awake_[run];
  awake.run = unpacked(at->second);
  packed_.erase(at);
  touch(run, &awake);
  return awake.run;
}

KeptRun RunStore::kept(Index run) const {
  if (const auto at = awake_.find(run); at != awake_.end()) return {at->second.run, {}};
  const auto at = packed_.find(run);
  return at == packed_.end() ? KeptRun() : KeptRun{nullptr, at->second};
}

std::string RunStore::id_of(Index run) const {
  const KeptRun kept = this->kept(run);
  if (kept.awake != nullptr) return kept.awake->id();
  PAWL_CHECK(kept.packed);
  std::string bytes;
  RunGlance glance;
  packer_.unpack(kept.packed, &bytes);
  PAWL_CHECK(glance_at(bytes, &glance));
  return std::string(glance.id);
}

void RunStore::set(Index run, std::shared_ptr<Run> next, TimeMs now) {
  now_ = std::max(now_, now);
  const auto [at, added] = awake_.try_emplace(run);
  if (added && !packed_.empty() && run <= packed_.rbegin()->first) packed_.erase(run);
  at->second.run = std::move(next);
  touch(run, &at->second);
}

void RunStore::append_packed(Index run, const RunGlance& glance, std::string_view run_bytes) {
  if (!raw_from_) raw_from_ = run;
  packed_.emplace_hint(packed_.end(), run,
                       packer_.keep(summary_of(glance), run_bytes, shapes_.get()));
}

void RunStore::erase(Index run) {
  if (const auto at = awake_.find(run); at != awake_.end()) {
    may_rest_ -= at->second.touch > 0 ? 1 : 0;
    awake_.erase(at);
  }
  packed_.erase(run);
}

// --- resting ---

std::shared_ptr<Run> RunStore::unpacked(const PackedRun& packed) const {
  return packer_.run(packed);
}

void RunStore::touch(Index run, Awake* awake) const {
  may_rest_ -= awake->touch > 0 ? 1 : 0;
  awake->touch = 0;
  if (!may_rest(*awake->run)) return;
  ++may_rest_;
  awake->touch = ++last_touch_;
  touches_.push_back({run, awake->touch, now_});
  if (touches_.size() <= 2 * may_rest_ + kStaleTouches) return;
  touches_.erase(std::remove_if(touches_.begin(), touches_.end(),
                                [this](const Touch& touch) { return stale(touch); }),
                 touches_.end());
}

bool RunStore::stale(const Touch& touch) const {
  const auto at = awake_.find(touch.run);
  return at == awake_.end() || at->second.touch != touch.number;
}

bool RunStore::rest(const RestOptions& options) {
  now_ = std::max(now_, options.now);
  std::size_t looked_at = raw_from_ && options.compress ? compress_some(options.packed_max) : 0;
  std::size_t packed = looked_at;
  // Those that are busy are put back and looked at another time.
  for (std::size_t left = touches_.size();
       left > 0 && may_rest_ > options.awake_max && looked_at < options.packed_max; --left) {
    const Touch touch = touches_.front();
    if (!stale(touch)) {
      if (touch.at.v > now_.v - options.rest_ms) break;
      const auto at = awake_.find(touch.run);
      ++looked_at;
      if (!options.busy(*at->second.run)) {
        packed_.emplace(touch.run, packed_of(touch.run, *at->second.run, options.compress));
        awake_.erase(at);
        --may_rest_;
        ++packed;
      } else {
        touches_.push_back({touch.run, touch.number, now_});  // looked at again later
      }
    }
    touches_.pop_front();
  }
  return packed > 0 && looked_at >= options.packed_max;
}

PackedRun RunStore::packed_of(Index index, const Run& run, bool compress) {
  bytes_.clear();
  encode_run(run, &bytes_);
  if (compress) return packer_.pack(summary_of(run), bytes_, shapes_.get());
  raw_from_ = raw_from_ ? std::min(*raw_from_, index) : index;
  return packer_.keep(summary_of(run), bytes_, shapes_.get());
}

// Of those that were not. Returns how many were looked at, where one that is compressed already
// counts for little.
std::size_t RunStore::compress_some(std::size_t most) {
  constexpr std::size_t kLooks = 64;  // cost as much as one that is compressed
  std::size_t looks = 0;
  auto at = packed_.lower_bound(*raw_from_);
  for (; at != packed_.end() && looks < most * kLooks; ++at) {
    ++looks;
    if (at->second.compressed()) continue;
    looks += kLooks - 1;
    packer_.unpack(at->second, &bytes_);
    at->second = packer_.pack(at->second.summary(), bytes_, shapes_.get());
  }
  raw_from_ = at == packed_.end() ? std::nullopt : std::optional(at->first);
  return looks / kLooks;
}

}  // namespace pawl::engine
