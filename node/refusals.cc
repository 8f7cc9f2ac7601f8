#include "node/refusals.h"

#include "base/check.h"
#include "base/limits_namespaces.h"
#include "codecs/json.h"
#include "codecs/problem.h"
#include "dsl/diagnostic_list.h"
#include "engine/namespace.h"

namespace pawl::node {
namespace {

struct Reading {
  std::uint16_t status;
  const char* type;
  const char* title;
  const char* list;  // the member that Decision::accepted goes into, or null
};

Reading reading_of(engine::Refusal refusal) {
  using engine::Refusal;
  switch (refusal) {
    case Refusal::none:
    case Refusal::nothing_to_do:
      break;
    case Refusal::signal_not_accepted:
      return {409, "signal-not-accepted", "The run does not take this signal now", "accepted"};
    case Refusal::signal_unknown:
      return {409, "signal-unknown", "The workflow declares no such signal", "accepted"};
    case Refusal::signal_forbidden:
      return {403, "signal-forbidden", "The signal is for members of other groups", "groups"};
    case Refusal::signal_buffer_full:
      return {429, "signal-buffer-full", "Too many signals are waiting for this run", nullptr};
    case Refusal::payload_invalid:
      return {422, "payload-invalid", "The payload does not fit its schema", nullptr};
    case Refusal::input_invalid:
      return {422, "input-invalid", "The input does not fit the workflow's schema", nullptr};
    case Refusal::wrong_state:
      return {409, "wrong-state", "The run is in another state", "moves"};
    case Refusal::wrong_seq:
      return {412, "wrong-seq", "The run has changed since", nullptr};
    case Refusal::move_not_allowed:
      return {409, "move-not-allowed", "The state's `moves` do not list this target", "moves"};
    case Refusal::run_closed:
      return {409, "run-closed", "The run is closed", nullptr};
    case Refusal::run_open:
      return {409, "run-open", "The run is not closed", nullptr};
    case Refusal::run_not_paused:
      return {409, "run-not-paused", "The run is not paused", nullptr};
    case Refusal::already_paused:
      return {409, "run-already-paused", "The run is paused already", nullptr};
    case Refusal::no_incident:
      return {404, "no-incident", "The run has no such incident", nullptr};
    case Refusal::task_unknown:
      return {404, "task-unknown", "No such task was ever handed out", nullptr};
    case Refusal::task_withdrawn:
      return {409, "task-withdrawn", "The run no longer wants this task's outcome", nullptr};
    case Refusal::lease_lost:
      return {409, "lease-lost", "The task's lease ended before its outcome came", nullptr};
    case Refusal::reset_impossible:
      return {409, "reset-impossible", "The run can't begin anew from that event", nullptr};
    case Refusal::migration_impossible:
      return {409, "migration-impossible", "The run can't go on by that version", "reasons"};
    case Refusal::too_big:
      return {413, "too-big", "A limit on sizes would be passed", nullptr};
  }
  return {409, "nothing-to-do", "There is nothing to do", nullptr};
}

}  // namespace

Answer refusal_answer(RequestId id, const engine::Decision& decision, const engine::Run* run) {
  PAWL_CHECK(decision.refusal != engine::Refusal::none);
  const Reading reading = reading_of(decision.refusal);
  Answer answer;
  answer.id = id;
  answer.status = reading.status;
  answer.body = codecs::problem_json(reading.status, reading.type, reading.title, decision.detail,
                                     [&](codecs::JsonWriter& w) {
                                       if (reading.list != nullptr) {
                                         w.plain_key(reading.list).begin_array();
                                         for (const std::string& name : decision.accepted)
                                           w.string(name);
                                         w.end_array();
                                       }
                                       if (run != nullptr) {
                                         w.field("state", run->state()).field("seq", run->seq.v);
                                       }
                                     });
  return answer;
}

std::string_view refusal_type(engine::Refusal refusal) { return reading_of(refusal).type; }

std::string room_problem(const RoomChanged& room) {
  const auto mebibytes = [](std::uint64_t bytes) {
    const std::uint64_t tenths = bytes * 10 / limits::MiB;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MiB";
  };
  const std::string detail =
      (room.level == RoomLevel::none
           ? "nothing can be written"
           : std::string("no starts, signals and deployments are taken, outcomes of tasks still "
                         "are")) +
      ": " + mebibytes(room.free_bytes) + " are free on the file system of the store, and " +
      mebibytes(room.needed_bytes) +
      " have to be. Make room there and send the request again: all goes on by itself, and reads "
      "are answered meanwhile";
  return codecs::problem_json(507, "disk-full", "The disk of the leading box is full", detail,
                              [&](codecs::JsonWriter& w) {
                                w.field("free_bytes", room.free_bytes);
                                w.field("needed_bytes", room.needed_bytes);
                              });
}

std::string run_unknown(std::string_view id) {
  return "no run has the id " + dsl::quoted(engine::plain_name(id), limits::kRunIdBytesMax) +
         "; `pawl list` shows the runs, ids are case-sensitive, and a closed run is forgotten once "
         "its retention is over";
}

std::string uid_unknown(const RunUid& uid) {
  return "no run has the uid " + to_string(uid) +
         "; leave ?uid= out for the newest run of the id, and a closed run is forgotten once its "
         "retention is over";
}

std::string workflow_unknown(std::string_view name, std::optional<std::uint32_t> version) {
  std::string text = dsl::quoted(engine::plain_name(name), limits::kNameBytesMax);
  if (version) text += " has no version " + std::to_string(*version) + " here, or";
  text += " is not deployed; `pawl deploy FILE` stores a workflow, GET /v1/workflows lists them";
  return text;
}

std::string schedule_unknown(std::string_view name) {
  return "no workflow's default version has a schedule " +
         dsl::quoted(engine::plain_name(name), 2 * limits::kNameBytesMax + 1) +
         "; `pawl schedules` lists those there are, as WORKFLOW.NAME";
}

std::string namespace_unknown(std::string_view name) {
  const std::string shown(name.substr(0, limits::kNamespaceBytesMax));
  return "there is no namespace `" + shown + "`: `pawl namespaces put " + shown +
         "` (PUT /v1/namespaces/" + shown + ") makes it, `pawl namespaces` lists those there are";
}

std::string namespace_name_problem() {
  return "a namespace's name is 1 to " + std::to_string(limits::kNamespaceBytesMax) +
         " of a-z, 0-9 and -, and does not begin with -";
}

}  // namespace pawl::node
