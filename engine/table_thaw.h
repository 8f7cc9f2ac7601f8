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
  // `verified`: the records are as they were written (a file's hash says so). Runs are then kept
  // as they come, and looked at when they are woken.
  TableThaw(GroupId group, bool verified) : tables_(group), verified_(verified) {}

  // That of the content (snapshot_format), before the first record, unless it is this build's.
  void set_format(std::uint8_t format) { format_ = format; }

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
  std::uint8_t format_ = kSnapshotFormat;
  bool verified_;
  SnapshotRecord last_{};  // its kind
};

}  // namespace pawl::engine
