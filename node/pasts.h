// What begins a generation of another kind needs more than its run.
//
// Resets need what their run was, which is in its history alone: it is read before they are
// decided. The past does not change, so that nothing waits for it but the reset itself.
//
//   submitted --the generation's entries are asked for--> waits --RunLoaded--> submitted again
#pragma once

#include "node/node.h"

namespace pawl::node {

struct Node::Pasts {
  // Of a reset that lacks its past. True: the job is settled, or comes again with it.
  static bool wait(Node* node, Group& group, Job& job);
  // What was asked for has come.
  static void loaded(Node* node, RunLoaded& loaded);
  // Of a migration: the version that the run is to go by, into the context. False: there is none,
  // and the job is settled. Of all else nothing.
  static bool find_version(Node* node, Group& group, const Job& job, const engine::Run& run,
                           engine::Context* context, Assembly* a);
};

}  // namespace pawl::node
