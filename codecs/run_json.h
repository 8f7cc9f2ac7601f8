// How runs, tasks and their neighbours read in the API: one place for each shape, used for answers,
// for replays and for reads. api.md, "The envelope" and "Tasks".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "dsl/definition.h"
#include "engine/event.h"
#include "engine/run.h"

namespace pawl::codecs {

class JsonWriter;

// Which of the large members to write.
struct EnvelopeFields {
  bool input = true;
  bool vars = true;
  bool output = true;
  bool waiting_for = true;
};

// A payload's value, or {"scrubbed": DIGEST}, or {"cold": true, "length": N}.
void write_payload(JsonWriter& w, const engine::Payload& payload);

// Appends the envelope of a run. `definition` (of its version) may be null: then waiting_for lacks
// what only the definition knows.
void append_envelope(const engine::Run& run, const dsl::Definition* definition, std::string* out,
                     const EnvelopeFields& fields = {});

// A box, and whether what was deleted of a run is off its disk.
struct BoxScrubbed {
  NodeId box;
  bool scrubbed = false;
};
bool all_scrubbed(const std::vector<BoxScrubbed>& boxes);

// What deleting a run's data is answered with: {id, uid, status, seq, hash, bytes_on_disk, boxes,
// detail}.
void append_data_deleted(const engine::Run& run, const std::vector<BoxScrubbed>& boxes,
                         std::string* out);
// Adds "boxes" to the envelope of such a run, which `out` ends with.
void append_scrubbed(const std::vector<BoxScrubbed>& boxes, std::string* out);

// "/v1/runs/ID" with '/' in the id as %2F.
std::string run_location(std::string_view id);

// The 409 of a start whose id is taken.
std::string id_taken_problem(const engine::Run& existing);

// One open incident of a run, for lists over runs.
void append_incident(const engine::Run& run, const engine::Incident& incident, std::string* out);

// A task as a poll hands it out.
struct HandedOut {
  const engine::Run* run;
  const engine::Step* step;
  std::string token;
  TimeMs lease_until;
};
// {"tasks": [...]}
void append_tasks(const std::vector<HandedOut>& tasks, std::string* out);
// One open task of a run, for lists: {token?, run, uid, step, type, queue, status, attempt,
// worker?, ...}.
void append_open_task(const engine::Run& run, const engine::Step& step, std::string_view token,
                      std::optional<TimeMs> lease_until, std::string* out);
// {"lease_until": ...}
void append_lease(TimeMs until, std::string* out);

// One item of the answer to POST /v1/tasks/batch.
struct ReportAnswer {
  std::string_view token;
  std::uint16_t status;
  std::string_view problem;  // "" if it was taken
};
// {"items": [{token, status, problem?}]}
void append_report_answers(const std::vector<ReportAnswer>& items, std::string* out);

// The answer to a deployment.
void append_deployed(std::string_view name, std::uint32_t version, const Digest& hash,
                     const std::vector<dsl::Diagnostic>& diagnostics, bool default_changed,
                     std::string* out);
void append_default(std::string_view name, std::uint32_t version, bool changed, std::string* out);
// What pausing or resuming a queue is answered with: {queue, paused, changed}.
void append_queue_pause(std::string_view queue, bool paused, bool changed, std::string* out);
// {box, changed} of a change of the cluster's boxes.
void append_box_change(NodeId box, bool changed, std::string* out);
// The time of the groups after an operator vouched for a clock: {time, changed}.
void append_accepted_time(TimeMs time, bool changed, std::string* out);
// One diagnostic: {severity, file, line, column, length, message, hint, line_text}.
void append_diagnostic(const dsl::Diagnostic& diagnostic, std::string_view file, std::string* out);

}  // namespace pawl::codecs
