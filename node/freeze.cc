#include "node/freeze.h"

#include <utility>

#include "base/bytes.h"
#include "codecs/membership_bytes.h"
#include "engine/snapshot_records.h"

namespace pawl::node {

// --- out ---

Freeze::Freeze(engine::Tables* tables, const engine::Catalog* catalog,
               const raft::Membership& members, Index index, Term term)
    : index_(index), term_(term), feature_level_(tables->feature_level()) {
  codecs::encode_membership(members, &members_);
  if (catalog != nullptr) catalog->encode(&catalog_.emplace());
  tables_ = tables->freeze();
}

bool Freeze::next(std::size_t runs_max, std::size_t bytes_max, engine::FrozenSlice* slice) {
  if (tables_->next(runs_max, bytes_max, slice)) return true;
  if (catalog_) {
    engine::append_record(engine::SnapshotRecord::catalog, *catalog_, &slice->records);
  }
  engine::append_record(engine::SnapshotRecord::members, members_, &slice->records);
  tables_->end(&slice->records);
  return false;
}

// --- in ---

bool Thaw::refuse(std::string* error, const char* what) {
  refused_ = true;
  *error = "the snapshot of group " + std::to_string(group_.v) + " can't be read: " + what;
  return false;
}

bool Thaw::feed(std::string_view bytes, std::string* error) {
  if (refused_) return refuse(error, "it was refused before");
  if (records_follow_) {
    records_.feed(bytes);
    return take_records(error);
  }
  start_.append(bytes);
  const std::string prologue = engine::snapshot_prologue();
  if (start_.size() < prologue.size() || start_.front() != prologue.front()) return true;
  const std::optional<std::uint8_t> format = engine::snapshot_format(start_);
  if (!format) return refuse(error, "it is of a format this pawl does not know");
  records_follow_ = true;
  tables_.set_format(*format);
  records_.feed(std::string_view(start_).substr(prologue.size()));
  start_ = std::string();
  return take_records(error);
}

bool Thaw::take_records(std::string* error) {
  std::uint8_t kind = 0;
  std::string_view body;
  while (records_.next(&kind, &body)) {
    if (!tables_.take(kind, body)) return refuse(error, "a record is not one of its tables");
    if (!take_record(static_cast<engine::SnapshotRecord>(kind), body, error)) return false;
  }
  return true;
}

// Those that are not of the tables.
bool Thaw::take_record(engine::SnapshotRecord kind, std::string_view body, std::string* error) {
  if (kind == engine::SnapshotRecord::catalog) {
    const bool sound = group_.v == 0 && !catalog_ && catalog_.emplace().decode(body);
    return sound || refuse(error, "its catalog");
  }
  if (kind == engine::SnapshotRecord::members) {
    raft::Membership members;
    std::string why;
    const bool sound = members_ == nullptr && codecs::decode_membership(body, &members, &why);
    if (!sound) return refuse(error, "its members");
    members_ = std::make_shared<const raft::Membership>(std::move(members));
  }
  return true;
}

std::optional<Thawed> Thaw::finish(std::string* error) && {
  if (refused_) {
    refuse(error, "it was refused before");
    return std::nullopt;
  }
  if (!records_follow_) return finish_format_2(error);
  if (!tables_.done() || records_.left() > 0 || (group_.v == 0) != catalog_.has_value()) {
    refuse(error, "it is not whole");
    return std::nullopt;
  }
  return Thawed{std::move(tables_).tables(), std::move(catalog_), std::move(members_)};
}

std::optional<Thawed> Thaw::finish_format_2(std::string* error) {
  ByteReader in(start_);
  const std::string_view tables = in.str();
  const std::string_view catalog = in.str();
  Thawed thawed{engine::Tables(group_), std::nullopt, nullptr};
  bool sound = in.done() && engine::Tables::decode_format_2(tables, &thawed.tables);
  if (sound && group_.v == 0) sound = thawed.catalog.emplace().decode(catalog);
  if (sound) return thawed;
  refuse(error, "it is not tables and a catalog");
  return std::nullopt;
}

}  // namespace pawl::node
