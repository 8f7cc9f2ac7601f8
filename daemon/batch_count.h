// How many runs a batch is for: counted, a slice in each turn of the loop, before it begins or, in
// a dry run, instead. What did not exist when it was asked for is not counted.
//
//   asked --barrier--> reading: which runs there are is settled --slice ...--> counted
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "node/node.h"

namespace pawl::daemon {

struct BatchCount {
  node::Request request;  // a ChangeBatch that begins one
  bool dry_run = false;
  bool reading = false;

  // From here on: the groups' logs as they are.
  void begin(const node::Node& node);
  // Looks at some more runs; false once it has seen all.
  bool go_on(const node::Node& node);
  // What a dry run is answered with.
  std::string answer(const node::Node& node) const;
  node::BeginBatch& batch() {
    return std::get<node::BeginBatch>(std::get<node::ChangeBatch>(request.operation).change);
  }
  const node::BeginBatch& batch() const {
    return std::get<node::BeginBatch>(std::get<node::ChangeBatch>(request.operation).change);
  }

 private:
  void look_at(const engine::RunStore& runs, RunUid uid);

  RunUid at_{GroupId(1), Index(0)};  // up to here
  std::map<std::string, std::uint64_t> by_status_;
  std::vector<RunUid> sample_;
};

}  // namespace pawl::daemon
