#include "codecs/key_rotation.h"

#include <algorithm>
#include <functional>

#include "base/byte_builder.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"

namespace pawl::codecs {
namespace {

using Reports = std::map<NodeId, KeyReport>;
using Row = KeyReport::Row;

bool is_in(const Row* row, KeyState state) { return row != nullptr && row->state == state; }
bool is_accepted(const Row* row) { return row != nullptr && row->state != KeyState::kRetired; }

KeyId active_of(const KeyReport& report) {
  for (const Row& row : report.keys) {
    if (row.state == KeyState::kActive) return row.id;
  }
  return KeyId();
}

std::vector<NodeId> boxes_where(const Reports& reports,
                                const std::function<bool(const KeyReport&)>& holds) {
  std::vector<NodeId> boxes;
  for (const auto& [box, report] : reports) {
    if (holds(report)) boxes.push_back(box);
  }
  return boxes;
}

KeyStep step_for(KeyStep::What what, KeyId id) {
  KeyStep step;
  step.what = what;
  step.id = id;
  return step;
}

KeyStep install_of(const ClusterKey& key) {
  KeyStep step = step_for(KeyStep::What::install, key.id);
  step.created_seconds = key.created_seconds;
  step.secret = key.secret;
  return step;
}

// All boxes that know of it have the same key under that number, and none has given it up.
bool same_everywhere(const Reports& reports, KeyId id) {
  const Row* first = nullptr;
  for (const auto& [box, report] : reports) {
    const Row* row = report.find(id);
    if (row == nullptr) continue;
    if (first == nullptr) first = row;
    if (!is_accepted(row) || row->fingerprint != first->fingerprint) return false;
  }
  return true;
}

RotationPlan without(const Reports& reports, KeyId id) {
  return {step_for(KeyStep::What::retire, id), boxes_where(reports, [id](const KeyReport& r) {
            return is_in(r.find(id), KeyState::kInstalled);
          })};
}

// Every box is to use this key. It may be that not all have it yet.
RotationPlan towards(const Keyring& own, const Reports& reports, KeyId id) {
  const ClusterKey* key = own.accepted(id);
  const std::vector<NodeId> lacking =
      boxes_where(reports, [id](const KeyReport& r) { return !is_accepted(r.find(id)); });
  if (!lacking.empty() && key != nullptr) return {install_of(*key), lacking};
  return {step_for(KeyStep::What::use, id),
          boxes_where(reports, [id](const KeyReport& r) { return active_of(r) != id; })};
}

}  // namespace

const char* to_string(KeyStep::What what) {
  switch (what) {
    case KeyStep::What::report:
      return "report";
    case KeyStep::What::install:
      return "install";
    case KeyStep::What::use:
      return "use";
    case KeyStep::What::retire:
      return "retire";
  }
  PAWL_UNREACHABLE();
}

const Row* KeyReport::find(KeyId id) const {
  const auto at = std::find_if(keys.begin(), keys.end(), [id](const Row& r) { return r.id == id; });
  return at == keys.end() ? nullptr : &*at;
}

std::string encode(const KeyStep& step) {
  std::string bytes;
  bytes.reserve(80);  // no copy of the secret is left behind by growing
  ByteWriter out(&bytes);
  out.varint(step.number);
  out.varint(step.rotation);
  out.u8(static_cast<std::uint8_t>(step.what));
  out.varint(step.id.v);
  if (step.what == KeyStep::What::install) {
    out.svarint(step.created_seconds);
    out.raw(step.secret.view());
  }
  return bytes;
}

bool decode(std::string_view bytes, KeyStep* step) {
  ByteReader in(bytes);
  step->number = in.varint();
  step->rotation = in.varint();
  const std::uint8_t what = in.u8();
  if (what > static_cast<std::uint8_t>(KeyStep::What::retire)) return false;
  step->what = static_cast<KeyStep::What>(what);
  const std::uint64_t id = in.varint();
  step->id = KeyId(static_cast<std::uint32_t>(id));
  if (id != step->id.v || (id == 0) != (step->what == KeyStep::What::report)) return false;
  if (step->what == KeyStep::What::install) {
    step->created_seconds = in.svarint();
    const std::string_view secret = in.raw(SecretKey::kBytes);
    if (in.ok()) step->secret = SecretKey(secret);
  }
  return in.done();
}

std::string encode(const KeyReport& report) {
  std::string bytes;
  ByteBuilder out(&bytes);
  out.varint(report.number);
  out.varint(report.rotation);
  out.varint(report.keys.size());
  for (const Row& row : report.keys) {
    out.varint(row.id.v);
    out.u8(static_cast<std::uint8_t>(row.state));
    out.str(row.fingerprint);
  }
  out.str(report.refusal);
  out.finish();
  return bytes;
}

bool decode(std::string_view bytes, KeyReport* report) {
  ByteReader in(bytes);
  report->number = in.varint();
  report->rotation = in.varint();
  const std::uint64_t count = in.varint();
  if (count > static_cast<std::uint64_t>(limits::kKeyringKeysMax)) return false;
  report->keys.clear();
  for (std::uint64_t n = 0; n < count && in.ok(); ++n) {
    Row row;
    const std::uint64_t id = in.varint();
    row.id = KeyId(static_cast<std::uint32_t>(id));
    const std::uint8_t state = in.u8();
    const bool in_order = report->keys.empty() || report->keys.back().id < row.id;
    if (id != row.id.v || id == 0 || state > static_cast<std::uint8_t>(KeyState::kRetired))
      return false;
    if (!in_order) return false;
    row.state = static_cast<KeyState>(state);
    row.fingerprint = std::string(in.str());
    if (row.fingerprint.size() > 8) return false;
    report->keys.push_back(std::move(row));
  }
  report->refusal = std::string(in.str());
  return in.done() && report->refusal.size() <= limits::kErrorMessageBytesMax;
}

KeyReport report_of(const Keyring& ring) {
  KeyReport report;
  report.rotation = ring.rotation;
  for (const ClusterKey& key : ring.keys)
    report.keys.push_back({key.id, key.state, key.fingerprint});
  return report;
}

RotationRefusal carry_out(const KeyStep& step, Keyring* ring) {
  switch (step.what) {
    case KeyStep::What::report:
      ring->rotation = std::max(ring->rotation, step.rotation);
      return RotationRefusal::kNone;
    case KeyStep::What::install:
      return install_key(ring, {step.id, KeyState::kInstalled, step.created_seconds,
                                fingerprint(ring->cluster, step.secret), step.secret});
    case KeyStep::What::use:
      return use_key(ring, step.id);
    case KeyStep::What::retire:
      return retire_key(ring, step.id);
  }
  PAWL_UNREACHABLE();
}

RotationPlan plan_rotation(const Keyring& own, const Reports& reports) {
  KeyId newest;    // in use on some box
  KeyId accepted;  // the highest that some box accepts
  bool agreed = true;
  for (const auto& [box, report] : reports) {
    const KeyId active = active_of(report);
    agreed = agreed && (newest.v == 0 || active == newest);
    newest = std::max(newest, active);
    for (const Row& row : report.keys) {
      if (is_accepted(&row)) accepted = std::max(accepted, row.id);
    }
  }
  // Some use a newer one already: it was on every box then.
  if (!agreed) return towards(own, reports, newest);
  if (accepted > newest) {
    // It can't be handed out from here, there are two of one number, or it was being dropped: it
    // goes.
    const bool good = own.accepted(accepted) != nullptr && same_everywhere(reports, accepted);
    return good ? towards(own, reports, accepted) : without(reports, accepted);
  }
  for (const auto& [box, report] : reports) {
    for (const Row& row : report.keys) {
      if (row.state == KeyState::kInstalled) return without(reports, row.id);
    }
  }
  return {};
}

}  // namespace pawl::codecs
