// Tables out of the records of a snapshot (snapshot_records.h), one after the other: no more than a
// record of it is in memory beside the tables it becomes.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/ids.h"
#include "engine/snapshot_records.h"
#include "engine/tables.h"

namespace pawl::engine {

class TableThaw {
 public:
  explicit TableThaw(GroupId group) : tables_(group) {}

  // False if it is malformed, or not what comes next. A catalog is not the tables': it is passed
  // over, where it may stand.
  bool take(std::uint8_t kind, std::string_view body);
  // The end record was taken.
  bool done() const { return last_ == SnapshotRecord::end; }
  // Once done.
  Tables tables() && { return std::move(tables_); }

 private:
  bool take_head(std::string_view body);
  bool take_end(std::string_view body);

  Tables tables_;
  SnapshotRecord last_{};  // its kind
};

}  // namespace pawl::engine
