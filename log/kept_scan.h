// Kept files (kept_file.h) looked at from outside, beside a daemon or without one: nothing is
// changed, and no damage ends the reading. Internal to journal_scan.cc, which see.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "log/entry_walk.h"
#include "log/file_system.h"
#include "log/kept_files.h"
#include "log/source.h"

namespace pawl::log {

class KeptScan {
 public:
  // What is wrong with a file, as its readers say it.
  using OnDamage = std::function<void(const std::string& path, const absl::Status&)>;

  KeptScan(FileSystem& files, std::string directory, OnDamage on_damage)
      : files_(files), on_damage_(std::move(on_damage)) {
    source_.directory = std::move(directory);
  }

  // All of every file. Errors are what ends it: the directory can't be read, or a newer pawl wrote
  // a file.
  absl::Status read(const StoreId& store_id, std::uint32_t feature_level,
                    const std::vector<Rebuild>& rebuilds);
  // After read(): the entries of the files, as far as they can be read, without what a newer file
  // has.
  absl::Status entries(const WalkVisitor& visit) const;

  const KeptFiles& kept() const { return kept_; }
  // The index is one that a file speaks for: what segments have of it is on its way out.
  bool speaks_for(GroupId group, Index index) const { return kept_.holder(group, index) != 0; }

 private:
  // False: files came and went meanwhile, look again.
  absl::StatusOr<bool> list(std::uint32_t feature_level, const std::vector<Rebuild>& rebuilds);
  absl::Status walk_file(const KeptFile& file, const WalkVisitor& visit) const;

  FileSystem& files_;
  const OnDamage on_damage_;
  Source source_;
  KeptFiles kept_;
};

}  // namespace pawl::log
