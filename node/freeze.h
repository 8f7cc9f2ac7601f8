// A group's applied state on its way into a snapshot, and back. A Freeze is a copy of the state at
// one index, taken in slices while the group goes on; a Thaw takes the content in whatever pieces
// it is read in. The content: engine/snapshot_records.h. A Freeze must not outlive its node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "engine/catalog.h"
#include "engine/frozen_tables.h"
#include "engine/table_thaw.h"
#include "raft/membership.h"

namespace pawl::node {

class Freeze {
 public:
  // `catalog`: of group 0, else null. It is copied at once: definitions are few. `members`: those
  // in force at `index`.
  Freeze(engine::Tables* tables, const engine::Catalog* catalog, const raft::Membership& members,
         Index index, Term term);

  Index index() const { return index_; }  // the last entry that is in it
  Term term() const { return term_; }     // of that entry
  std::uint16_t feature_level() const { return feature_level_; }

  // Appends the next slice (FrozenTables::next); false if it was the last one: the content is
  // whole.
  bool next(std::size_t runs_max, std::size_t bytes_max, engine::FrozenSlice* slice);

 private:
  Index index_;
  Term term_;
  std::uint16_t feature_level_;
  std::optional<std::string> catalog_;
  std::string members_;
  std::unique_ptr<engine::FrozenTables, engine::Unfreeze> tables_;
};

// What a snapshot held.
struct Thawed {
  engine::Tables tables;
  std::optional<engine::Catalog> catalog;  // of group 0
  raft::MembershipPtr members;             // null: it did not say
};

class Thaw {
 public:
  // `verified`: as TableThaw.
  Thaw(GroupId group, bool verified) : group_(group), tables_(group, verified) {}

  // False with a reason if this is no content of the group's. What is fed further is not looked at.
  bool feed(std::string_view bytes, std::string* error);
  // After all of it. nullopt with a reason likewise.
  std::optional<Thawed> finish(std::string* error) &&;

 private:
  bool refuse(std::string* error, const char* what);
  bool take_records(std::string* error);
  bool take_record(engine::SnapshotRecord kind, std::string_view body, std::string* error);
  std::optional<Thawed> finish_format_2(std::string* error);

  GroupId group_;
  std::string start_;  // until the format is known; of format 2 everything
  bool records_follow_ = false, refused_ = false;
  engine::RecordSplitter records_;
  engine::TableThaw tables_;
  std::optional<engine::Catalog> catalog_;
  raft::MembershipPtr members_;
};

}  // namespace pawl::node
