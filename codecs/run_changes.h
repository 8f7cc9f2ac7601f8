// What an event changed in a run, for people who look for the event that did it: the run before and
// after it, compared as what the envelope shows and what stands behind it.
#pragma once

#include "engine/run.h"

namespace pawl::codecs {

class JsonWriter;

// Writes [{what, id?, name?, from?, to?}]: `from` is missing of what is new, `to` of what is gone.
// what       id         name                          from, to
// workflow                                            "order, version 3"
// status                                              "running"
// generation                                          2
// state      machine    its path, "" of the root      the state's name
// var        machine    as expressions call it        its value
// task       step       its type                      "queued", "started, attempt 2" ...
// timer      timer      its kind                      when it fires
// incident   incident   where                         the error's type
// undo       undo       its place, and its own name   "waits", "counts" or "runs"
// call       call       the other run's id            "asked", "accepted" ...
// signal     signal     its name                      "waits", "held"
// items      machine    of what it gathers            "2 of 5 over"
// output, error                                       the run's own
// `before` may be a Run{}: all is new then.
void write_changes(JsonWriter& w, const engine::Run& before, const engine::Run& after);

}  // namespace pawl::codecs
