// Decides a recorded history again, and says where a definition would decide otherwise.
//
// Events hold what came of things; what was asked for is read from them: a decision's first event
// says which command it was. Each command is decided in the state that the events before it left,
// at its entry's time, and what comes of it is compared with what was recorded, event by event, as
// the API shows them. What a draw decided is taken from the record: salts, and a retry's moment,
// which must lie within its policy's jitter.
//
// Who was allowed to send a signal is not asked again: the groups of its sender are not recorded.
// What other runs answered is taken from the record, and so is where they are.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "dsl/definition.h"
#include "dsl/value.h"

namespace pawl::rehearsal {

struct Recording {
  std::vector<dsl::Value> events;  // from the run's start; each as codecs::append_event writes it
  // What the run was decided by. Tells what a worker said of an error that its event does not
  // (`retryable`); may be null.
  std::shared_ptr<const dsl::Definition> original;
};

struct ReplayResult {
  enum class Kind : std::uint8_t {
    same,
    differs,
    impossible,  // `what` says why
  };
  Kind kind = Kind::same;
  std::uint64_t events = 0;  // that were found the same
  std::string what;          // a sentence
  // Of the first difference.
  Seq seq;
  std::string state;             // where the run was
  int line = 0;                  // of that state in the definition; 0: there is none
  dsl::Value recorded, decided;  // events; null: none
};

ReplayResult replay(const Recording& recording, std::shared_ptr<const dsl::Definition> definition);

}  // namespace pawl::rehearsal
