// How the engine's refusals read as problem documents.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/decide.h"
#include "engine/run.h"
#include "node/inputs.h"
#include "node/request.h"

namespace pawl::node {

// The answer to a request whose decision was a refusal (not Refusal::none). `run` may be null.
Answer refusal_answer(RequestId id, const engine::Decision& decision, const engine::Run* run);

// The type of the problem that it is told as; not of Refusal::none.
std::string_view refusal_type(engine::Refusal refusal);

// Status 507: the disk lacks room for what was asked.
std::string room_problem(const RoomChanged& room);

// The details of "run-unknown", "workflow-unknown" and "schedule-unknown": they name what was asked
// for, shortened where it is no name anyone could have meant. Without a version: none was asked
// for.
std::string run_unknown(std::string_view id);
std::string uid_unknown(const RunUid& uid);
std::string workflow_unknown(std::string_view name, std::optional<std::uint32_t> version);
std::string schedule_unknown(std::string_view name);
std::string namespace_unknown(std::string_view name);
// What a namespace's name is.
std::string namespace_name_problem();

}  // namespace pawl::node
