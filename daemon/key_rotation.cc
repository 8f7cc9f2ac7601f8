#include "daemon/key_rotation.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace pawl::daemon {
namespace {

using codecs::KeyReport;
using codecs::KeyStep;

constexpr std::int64_t kMs = 1'000'000;
constexpr int kRaisesMax = 5;
constexpr std::int64_t kAgainNs = 500 * kMs;  // frames may be lost

std::string numbers(const std::vector<NodeId>& boxes) {
  std::string text = boxes.size() == 1 ? "box " : "boxes ";
  for (const NodeId box : boxes) absl::StrAppend(&text, box == boxes.front() ? "" : ", ", box.v);
  return text;
}

std::string named(const KeyStep& step) {
  return step.what == KeyStep::What::report
             ? std::string("what it holds")
             : absl::StrCat("`", to_string(step.what), "` of key ", step.id.v);
}

constexpr char kGoOn[] =
    "; every box still understands every other one, and the next `pawl cluster keys rotate` "
    "goes on from here";

}  // namespace

KeyRotation::KeyRotation(Parts parts, codecs::Keyring ring)
    : parts_(std::move(parts)), ring_(std::move(ring)) {}

void KeyRotation::survey(Done done) {
  Round round;
  round.done = std::move(done);
  begin(std::move(round));
}

bool KeyRotation::rotate(Done done) {
  for (const auto& [number, round] : rounds_) {
    if (round.rotates) return false;
  }
  Round round;
  round.rotates = true;
  round.step.rotation = above_all();
  round.done = std::move(done);
  begin(std::move(round));
  return true;
}

std::uint64_t KeyRotation::draw() {
  std::uint64_t number = 0;
  parts_.random->fill(reinterpret_cast<unsigned char*>(&number), sizeof number);
  return number;
}

// A number for a rotation: higher than all this box has heard of, and nobody else's.
std::uint64_t KeyRotation::above_all() {
  constexpr std::uint64_t kOwn = std::uint64_t{1} << 20;
  highest_ = (highest_ / kOwn + 1) * kOwn + draw() % kOwn;
  return highest_;
}

// Asks everybody, unless it is known whom.
void KeyRotation::begin(Round round) {
  if (round.waiting.empty()) {
    round.waiting.insert(parts_.self);
    for (const NodeId peer : parts_.peers()) round.waiting.insert(peer);
  }
  round.begun_ns = round.sent_ns = 0;
  do round.step.number = draw();
  while (rounds_.contains(round.step.number));
  const std::uint64_t number = round.step.number;
  send(rounds_.emplace(number, std::move(round)).first->second);
}

// This box's own answer may come at once, and end the round.
void KeyRotation::send(Round& round) {
  const KeyStep step = round.step;
  const bool own = round.waiting.contains(parts_.self);
  std::string bytes = encode(step);
  for (const NodeId to : round.waiting) {
    if (to != parts_.self) parts_.send(to, codecs::FrameKind::kKeyStep, bytes);
  }
  codecs::wipe(&bytes);
  if (!own) return;
  obey(step, [this](KeyReport report) { on_report(parts_.self, std::move(report)); });
}

// Does a step to this box's ring. While another one is on its way to the disk nothing is said: the
// leader asks again.
void KeyRotation::obey(const KeyStep& step, Reply reply) {
  if (storing_) return;
  const auto reply_with = [number = step.number, reply = std::move(reply)](
                              const codecs::Keyring& ring, std::string refusal) {
    KeyReport report = report_of(ring);
    report.number = number;
    report.refusal = std::move(refusal);
    reply(std::move(report));
  };
  highest_ = std::max(highest_, step.rotation);
  // Who only wants to know belongs to no rotation; who changes something must.
  const bool asks = step.what == KeyStep::What::report;
  const bool over = asks ? step.rotation != 0 && step.rotation < ring_.rotation
                         : step.rotation == 0 || step.rotation != ring_.rotation;
  if (over) return reply_with(ring_, "another rotation has begun since");
  codecs::Keyring changed = ring_;
  const codecs::RotationRefusal refusal = carry_out(step, &changed);
  if (refusal != codecs::RotationRefusal::kNone || changed == ring_) {
    return reply_with(ring_, explain(refusal));
  }
  store(std::move(changed), step, reply_with);
}

// What is reported is on the disk, a promise to a rotation too.
void KeyRotation::store(
    codecs::Keyring changed, const KeyStep& step,
    std::function<void(const codecs::Keyring& ring, std::string refusal)> reply) {
  storing_ = true;
  parts_.store(changed, [this, changed, reply = std::move(reply), what = step.what,
                         id = step.id](const absl::Status& stored) {
    storing_ = false;
    if (!stored.ok()) {
      parts_.log->write(LogLevel::error, "cluster: the keyring could not be written",
                        {{"why", std::string(stored.message())}});
      return reply(ring_, std::string(stored.message()));
    }
    ring_ = changed;
    if (what != KeyStep::What::report) {
      parts_.use(ring_);
      parts_.log->write(LogLevel::notice, "cluster: the keyring has changed",
                        {{"step", to_string(what)}, {"key", std::uint64_t{id.v}}});
    }
    reply(ring_, "");
  });
}

void KeyRotation::on_frame(NodeId from, codecs::FrameKind kind, std::string_view payload) {
  KeyStep step;
  KeyReport report;
  if (kind == codecs::FrameKind::kKeyStep && decode(payload, &step)) {
    obey(step, [this, from](const KeyReport& answer) {
      parts_.send(from, codecs::FrameKind::kKeyReport, encode(answer));
    });
  } else if (kind == codecs::FrameKind::kKeyReport && decode(payload, &report)) {
    on_report(from, std::move(report));
  }
}

void KeyRotation::on_report(NodeId from, KeyReport report) {
  const auto at = rounds_.find(report.number);
  if (at == rounds_.end() || at->second.waiting.erase(from) == 0) return;
  Round& round = at->second;
  if (!report.refusal.empty() && round.result.failure.empty()) {
    round.result.failure =
        absl::StrCat("box ", from.v, " refused ", named(round.step), ": ", report.refusal, kGoOn);
  }
  round.result.reports[from] = std::move(report);
  if (!round.waiting.empty()) return;
  Round answered = std::move(round);
  rounds_.erase(at);
  next(std::move(answered));
}

// All have answered.
void KeyRotation::next(Round round) {
  if (!round.rotates) return finish(std::move(round));
  const bool asked = round.step.what == KeyStep::What::report;
  for (const auto& [box, report] : round.result.reports) {
    highest_ = std::max(highest_, report.rotation);
  }
  if (asked && highest_ > round.step.rotation && round.raised < kRaisesMax) {
    // Another one, perhaps long over, has a higher number.
    ++round.raised;
    round.step.rotation = above_all();
    round.result = Result();
    return begin(std::move(round));
  }
  if (!round.result.failure.empty()) return finish(std::move(round));
  for (const NodeId peer : parts_.peers()) {
    if (round.result.reports.contains(peer)) continue;
    round.result.failure =
        absl::StrCat("box ", peer.v, " came while the rotation was under way", kGoOn);
    return finish(std::move(round));
  }
  codecs::RotationPlan plan = plan_rotation(ring_, round.result.reports);
  if (plan.boxes.empty()) return conclude(std::move(round));
  round.stepped = true;
  plan.step.rotation = round.step.rotation;
  round.step = std::move(plan.step);
  // This box first: what it has it can hand out again.
  const bool own = std::find(plan.boxes.begin(), plan.boxes.end(), parts_.self) != plan.boxes.end();
  if (own) plan.boxes = {parts_.self};
  round.waiting.insert(plan.boxes.begin(), plan.boxes.end());
  begin(std::move(round));
}

// Nothing is half done.
void KeyRotation::conclude(Round round) {
  if (round.key.v == 0 && !round.stepped) {
    make_key(&round);
    return begin(std::move(round));
  }
  if (round.key.v != 0 && ring_.active().id != round.key) {
    round.result.failure = absl::StrCat(
        "the new key ", round.key.v, " was dropped again: another rotation was under way", kGoOn);
  }
  finish(std::move(round));
}

// A number that no box has seen.
void KeyRotation::make_key(Round* round) {
  codecs::ClusterKey key = new_key(ring_, parts_.random, parts_.wall_seconds());
  for (const auto& [box, report] : round->result.reports) {
    if (!report.keys.empty() && report.keys.back().id >= key.id) {
      key.id = report.keys.back().id.next();
    }
  }
  round->key = key.id;
  round->step.what = KeyStep::What::install;
  round->step.id = key.id;
  round->step.created_seconds = key.created_seconds;
  round->step.secret = key.secret;
  round->waiting = {parts_.self};
}

void KeyRotation::finish(Round round) {
  round.result.resumed = round.stepped && round.key.v == 0;
  round.done(round.result);
}

void KeyRotation::end_turn(std::int64_t now_ns) {
  std::vector<std::uint64_t> late, again;
  for (auto& [number, round] : rounds_) {
    if (round.begun_ns == 0) round.begun_ns = round.sent_ns = now_ns;
    if (now_ns - round.begun_ns >= std::int64_t{limits::kKeyStepMs} * kMs) {
      late.push_back(number);
    } else if (now_ns - round.sent_ns >= kAgainNs) {
      round.sent_ns = now_ns;
      again.push_back(number);
    }
  }
  for (const std::uint64_t number : again) {
    if (const auto at = rounds_.find(number); at != rounds_.end()) send(at->second);
  }
  for (const std::uint64_t number : late) {
    const auto at = rounds_.find(number);
    if (at == rounds_.end()) continue;
    Round round = std::move(at->second);
    rounds_.erase(at);
    round.result.missing.assign(round.waiting.begin(), round.waiting.end());
    if (round.rotates && round.result.failure.empty()) {
      round.result.failure = absl::StrCat(
          numbers(round.result.missing), " did not confirm ", named(round.step), " within ",
          limits::kKeyStepMs / 1000,
          " s: every box must be up and run this version of pawl, or be removed", kGoOn);
    }
    finish(std::move(round));
  }
}

std::int64_t KeyRotation::deadline_ns() const {
  std::int64_t soonest = kNoDeadline;
  for (const auto& [number, round] : rounds_) soonest = std::min(soonest, round.sent_ns + kAgainNs);
  return soonest;
}

}  // namespace pawl::daemon
