// How a run's envelope reads: one line after a change, all of it for `pawl show`.
#pragma once

#include <string>
#include <string_view>

#include "cli/session.h"
#include "dsl/value.h"

namespace pawl::cli {

bool is_closed_status(std::string_view status);

// "order-42: running in reserve (seq 7)", with a line break.
std::string run_line(const dsl::Value& envelope);

// The envelope over several lines.
std::string run_details(const dsl::Value& envelope, bool colour);

// Prints the answer to a change: with --json the envelope, else its line. Returns the exit status.
int print_change(Session& session, const Answer& answer);

// "key=value key=value" of a map's fields but those in `hidden` (names between blanks, e.g.
// " seq at type "); long values are cut.
std::string fields_line(const dsl::Value& map, std::string_view hidden);

}  // namespace pawl::cli
