// Looks for what was deleted in every file of a disk, not only where a reader would: each frame
// that stands anywhere, in a segment, behind its end, in a spare or in a file without a name of
// ours, is read with the number that it says of itself.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "log/compression.h"
#include "log/record.h"
#include "node/node.h"
#include "tests/log/memory_file_system.h"

namespace pawl::node {

class Remnants {
 public:
  // The first entry of a run that still has a value though the node's mark is at or behind the
  // entry that deleted it, as a sentence; "": there is none. Dictionaries are remembered: a segment
  // that was written with one may be there without it.
  std::string find(const log::MemoryFileSystem& files, const log::StoreId& store_id,
                   const Node& node);

 private:
  std::string look(const std::string& path, const std::string& bytes, const log::StoreId& store_id,
                   const Node& node);
  std::map<std::uint32_t, std::shared_ptr<const log::Dictionary>> dictionaries_;
};

}  // namespace pawl::node
