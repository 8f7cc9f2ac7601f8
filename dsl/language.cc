#include "dsl/language.h"

#include <algorithm>
#include <array>

#include "base/limits_permits.h"

namespace pawl::dsl {
namespace {

using K = TableKind;
using F = Form;

constexpr std::string_view kTaskType = "the task's type: what a worker subscribes to";
constexpr std::string_view kQueue = "the queue of its workers; \"default\" without it";
constexpr std::string_view kRetryOfTask = "a policy's name, or one in place over \"default\"";
constexpr std::string_view kLimits = "names of [limit.NAME]: an attempt waits for a permit of each";
constexpr std::string_view kSave =
    "variables and what they get; `result` is in scope where there is one";
constexpr std::string_view kBranchNext = "the state to go to; without it the run stays where it is";
constexpr std::string_view kIf = "an expression that must hold";

constexpr KeyRule kRoot[] = {
    {"dsl", F::whole, "the version of the language", K::payload, true, {}, 1, 1},
    {"name", F::text, "the workflow's name", K::payload, true},
    {"revision", F::text, "the author's own name of this version, one line"},
    {"doc", F::text, "text for people"},
    {"start", F::state_name, "the first state; may be left out if there is only one"},
    {"timeout", F::duration, "of the whole run"},
    {"on_error", F::state_name, "where to go with an error that nobody takes"},
    {"on_timeout", F::state_name,
     "where to go when the run's time is over; without it the run fails"},
    {"on_cancel", F::state_name, "where to go when a cancel is asked for"},
    {"input", F::table, "the fields a start must bring", K::fields},
    {"vars", F::table, "variables: their types or first values", K::variables},
    {"id", F::table, "what an id that was used already means for a start", K::id},
    {"retention", F::table, "how long closed runs are kept", K::retention},
    {"history", F::table, "when a run continues as new by itself", K::history},
    {"migrate", F::table, "of which versions this one takes runs", K::migrate},
    {"signal", F::table, "the signals that are accepted", K::signals},
    {"retry", F::table, "named retry policies; `default` may be redefined", K::retries},
    {"limit", F::table, "what tasks of all runs may do at once, or in a time", K::limits},
    {"task", F::table, "what every task of a type begins with", K::task_types},
    {"schedule", F::table, "when runs start by themselves", K::schedules},
    {"on", F::table, "handlers of every state", K::signal_handlers},
    {"after", F::table_or_timers, "timers counted from the run's start", K::timers},
    {"every", F::table_or_timers, "repeated timers of every state", K::timers},
    {"state", F::table, "the states", K::states, true},
    {"flow", F::table, "nested machines", K::flows},
};

constexpr KeyRule kFlow[] = {
    {"doc", F::text, "text for people"},
    {"start", F::state_name, "the first state; may be left out if there is only one"},
    {"output", F::data, "what it hands out; without it the last result of its steps"},
    {"vars", F::table, "variables of its own: their types or first values", K::variables},
    {"state", F::table, "its states", K::states, true},
};

constexpr KeyRule kField[] = {
    {"type", F::type, "string, number, int, bool, bytes, list, map, any, timestamp or duration",
     K::payload, true},
    {"optional", F::boolean, "it may be absent"},
    {"default", F::data, "its value where it is absent"},
    {"enum", F::list, "the values that are allowed"},
    {"min", F::number, "the least number, or length", K::payload, false, {}, -1e300, 1e300},
    {"max", F::number, "the largest number, or length", K::payload, false, {}, -1e300, 1e300},
    {"of", F::schema, "of a list's elements or a map's values", K::field},
    {"fields", F::table, "of a map with known fields", K::fields},
};

constexpr KeyRule kSignal[] = {
    {"doc", F::text, "text for people"},
    {"buffer", F::duration,
     "how long it may arrive before a state takes it; without it not at all"},
    {"groups", F::texts, "system groups whose members may send it; without it any client"},
    {"payload", F::shape, "what it must carry; without it anything", K::shape},
};

constexpr KeyRule kRetry[] = {
    {"attempts", F::whole, "hand-outs in all; 1 is no retry", K::payload, false, {}, 1, 1'000'000},
    {"initial", F::duration, "the first interval"},
    {"factor", F::number, "each interval is longer by this", K::payload, false, {}, 1, 1000},
    {"max_interval", F::duration, "the longest interval"},
    {"jitter", F::number, "the share by which an interval may differ", K::payload, false, {}, 0, 1},
    {"never", F::texts, "error types that are not retried: exact, or prefixes and `*`"},
    {"exhausted", F::choice, "what follows the last attempt", K::payload, false,
     "auto incident fail"},
    {"again", F::duration, "an incident retries by itself after this"},
};

constexpr KeyRule kTaskTypeKeys[] = {
    {"doc", F::text, "text for people"},
    {"queue", F::text_or_expression, kQueue},
    {"with", F::shape, "what it must be given", K::shape},
    {"result", F::shape, "what it must give", K::shape},
    {"limits", F::texts, kLimits},
    {"retry", F::text_or_table, kRetryOfTask, K::retry},
    {"timeout", F::table, "its timeouts", K::timeouts},
};

constexpr KeyRule kLimit[] = {
    {"doc", F::text, "text for people"},
    {"concurrency",
     F::whole,
     "tasks that workers may have at once",
     K::payload,
     false,
     {},
     1,
     static_cast<double>(limits::kLimitConcurrencyMax)},
    {"rate", F::text, "hand-outs in any window of time: \"100/1m\""},
    {"key", F::text_or_expression, "each of its values has a limit of its own"},
};

constexpr KeyRule kSchedule[] = {
    {"cron", F::text, "minute, hour, day of the month, month, day of the week; or @daily ..."},
    {"every", F::duration, "an interval, counted from 1970-01-01T00:00:00Z"},
    {"tz", F::text, "the time zone of `cron`; UTC without it"},
    {"jitter", F::duration, "each firing is later by up to this, drawn by its time"},
    {"overlap", F::choice, "what a firing does while a run is open; skip without it", K::payload,
     false, "skip buffer_one buffer_all cancel_other terminate_other allow_all"},
    {"missed", F::choice, "which firings that nobody was there for are made up", K::payload, false,
     "latest all none"},
    {"catchup", F::duration, "how far back those are looked for; 7d without it"},
    {"id", F::text_or_expression, "the run's id; `schedule` is in scope"},
    {"with", F::data, "the run's input; `schedule` is in scope"},
    {"enabled", F::boolean, "false: it is there and does not fire"},
};

constexpr KeyRule kTimeouts[] = {
    {"queue", F::duration, "from offered to handed out"},
    {"attempt", F::duration, "from handed out to the outcome"},
    {"total", F::duration, "over all attempts"},
    {"heartbeat", F::duration, "the lease; 30s without it"},
};

constexpr KeyRule kState[] = {
    {"doc", F::text, "text for people"},
    {"set", F::table, "variables that are assigned on entry", K::assignments},
    {"task", F::text, kTaskType},
    {"sleep", F::delay_or_table, "waits for a time", K::sleep_until},
    {"choose", F::tables, "goes to the first branch whose `if` holds", K::choose_branch},
    {"raise", F::table, "an error from here", K::raise},
    {"end", F::choice, "ends the run", K::payload, false, "completed failed cancelled"},
    {"flow", F::text, "runs the nested machine of this name"},
    {"parallel", F::table, "runs branches at once", K::branches},
    {"join", F::data, "how many branches must complete: \"all\", \"any\", or a number"},
    {"map", F::data, "runs the same for each item of a list"},
    {"as", F::text, "what expressions call the item; \"item\" without it"},
    {"do", F::table, "what is run for each item: { flow = \"NAME\" }, or a state", K::state},
    {"concurrency", F::whole_or_expression, "items at once; 100 without it"},
    {"batch",
     F::whole,
     "items in groups of so many, one after the other",
     K::payload,
     false,
     {},
     1,
     limits::kMapConcurrencyMax},
    {"tolerate", F::data, "failed items allowed: a count, a share such as \"5%\"; 0 without it"},
    {"keep", F::data, "what an item leaves; its result without it; false: nothing"},
    {"call", F::text, "starts a run of this workflow"},
    {"id", F::text_or_expression, "the child's id; made of the run's own without it"},
    {"wait", F::boolean, "false: only until the child runs"},
    {"on_close", F::choice, "what becomes of the child when the state is left", K::payload, false,
     "cancel abandon"},
    {"send", F::table, "signals another run", K::send},
    {"compensate", F::boolean, "undoes what was done, newest first"},
    {"continue", F::table, "begins a new generation, with new input", K::anew},
    {"output", F::data, "what the run gives"},
    {"error", F::table, "why the run failed", K::raise},
    {"queue", F::text_or_expression, kQueue},
    {"with", F::data, "what the worker gets, or the child's input"},
    {"key", F::text_or_expression, "replaces the idempotency key"},
    {"priority", F::whole_or_expression, "1 to 5, higher first; 3 without it"},
    {"limits", F::texts, kLimits},
    {"retry", F::text_or_table, kRetryOfTask, K::retry},
    {"timeout", F::table, "of the task, over those of its type", K::timeouts},
    {"save", F::table, kSave, K::assignments},
    {"undo", F::table, "what takes the task or the call back", K::undo},
    {"forget", F::texts, "names of undos that are dropped on entry"},
    {"on", F::table, "handlers by signal", K::signal_handlers},
    {"after", F::table_or_timers, "timers, once, from the state's entry", K::timers},
    {"every", F::table_or_timers, "timers, again and again", K::timers},
    {"catch", F::table_or_tables, "where errors go: the first entry that matches", K::catch_entry},
    {"moves", F::state_names, "states to which a client may move the run from here"},
    {"next", F::state_name, "the state to go to then, or \"end\""},
};

constexpr std::string_view kVerbKeys[] = {"task", "sleep", "choose",     "raise",
                                          "end",  "flow",  "parallel",   "map",
                                          "call", "send",  "compensate", "continue"};

constexpr KeyRule kComputedTimer[] = {
    {"in", F::delay, "how long from now", K::payload, true},
    {"if", F::condition, kIf},
    {"next", F::state_name, kBranchNext},
    {"save", F::table, kSave, K::assignments},
    {"task", F::table, "a task that runs beside the state", K::handler_task},
};

constexpr KeyRule kHandler[] = {
    {"if", F::condition, kIf},
    {"next", F::state_name, kBranchNext},
    {"save", F::table, kSave, K::assignments},
    {"task", F::table, "a task that runs beside the state", K::handler_task},
};

constexpr KeyRule kHandlerTask[] = {
    {"task", F::text, kTaskType, K::payload, true},
    {"queue", F::text_or_expression, kQueue},
    {"with", F::data, "what the worker gets; without it null"},
    {"key", F::text_or_expression, "replaces the idempotency key"},
    {"priority", F::whole_or_expression, "1 to 5, higher first; 3 without it"},
    {"limits", F::texts, kLimits},
    {"retry", F::text_or_table, kRetryOfTask, K::retry},
    {"timeout", F::table, "of the task, over those of its type", K::timeouts},
};

constexpr KeyRule kCatch[] = {
    {"errors", F::texts, "exact types, or prefixes that end in `*`; without it all of them"},
    {"next", F::state_name, "the state to go to", K::payload, true},
    {"save", F::table, "variables and what they get; `error` is in scope", K::assignments},
};

constexpr KeyRule kChooseBranch[] = {
    {"if", F::condition, kIf},
    {"next", F::state_name, "the state to go to", K::payload, true},
    {"save", F::table, kSave, K::assignments},
};

constexpr KeyRule kUndo[] = {
    {"task", F::text, kTaskType, K::payload, true},
    {"name", F::text, "what `forget` calls it"},
    {"when", F::choice, "recorded at the first hand-out, or at completion", K::payload, false,
     "completed started"},
    {"queue", F::text_or_expression, kQueue},
    {"with", F::data, "what the worker gets; without it null"},
    {"key", F::text_or_expression, "replaces the idempotency key"},
    {"priority", F::whole_or_expression, "1 to 5, higher first; 3 without it"},
    {"limits", F::texts, kLimits},
    {"retry", F::text_or_table, kRetryOfTask, K::retry},
    {"timeout", F::table, "of the task, over those of its type", K::timeouts},
};

constexpr KeyRule kSend[] = {
    {"to", F::text_or_expression, "the id of a run", K::payload, true},
    {"signal", F::text_or_expression, "the signal's name", K::payload, true},
    {"with", F::data, "its payload"},
};

constexpr KeyRule kAnew[] = {
    {"with", F::data, "the input; as it was without it"},
    {"version", F::choice, "of the workflow", K::payload, false, "same latest"},
};

constexpr KeyRule kSleep[] = {
    {"until", F::time_or_expression, "a timestamp", K::payload, true},
};

constexpr KeyRule kRaise[] = {
    {"type", F::text_or_expression, "the error's type", K::payload, true},
    {"message", F::text_or_expression, "for people"},
    {"data", F::data, "for programs"},
};

constexpr KeyRule kId[] = {
    {"reuse", F::choice, "of the id of a closed run", K::payload, false,
     "allow failed_only reject"},
    {"conflict", F::choice, "with an open run", K::payload, false,
     "fail use_existing terminate_existing"},
};

constexpr KeyRule kRetention[] = {
    {"closed", F::duration, "how long a closed run and its history are kept"},
};

constexpr KeyRule kHistory[] = {
    {"max_events",
     F::whole,
     "past this many events a run continues as new",
     K::payload,
     false,
     {},
     limits::kHistoryEventsMin,
     limits::kHistoryEventsMax},
    {"max_bytes", F::bytes, "past this many bytes a run continues as new"},
};

constexpr KeyRule kMigrate[] = {
    {"from", F::texts, "revisions or hashes of versions whose runs may be moved to this one",
     K::payload, true},
    {"state", F::table, "states that have another name now", K::migrated_states},
};

constexpr std::span<const KeyRule> kNone;

const std::array kTables = {
    TableRule{K::root, "definition", "a workflow definition of Pawl", kRoot, {}},
    TableRule{K::fields, "fields", "fields by name; \"*\" = \"any\" allows others too", kNone,
              KeyRule{"*", F::schema, "a field", K::field}},
    TableRule{K::field, "field", "the long form of a schema", kField, {}},
    TableRule{K::shape, "shape", "the long form of a schema, or fields by name", kNone,
              KeyRule{"*", F::data, "a key of the long form, or a field"}},
    TableRule{K::variables, "variables", "variables by name", kNone,
              KeyRule{"*", F::variable, "its type or its first value", K::field}},
    TableRule{K::signals, "signals", "signals by name", kNone,
              KeyRule{"*", F::table, "a signal", K::signal}},
    TableRule{K::signal, "signal", "a signal that is accepted", kSignal, {}},
    TableRule{K::retries, "retries", "retry policies by name", kNone,
              KeyRule{"*", F::table, "a policy", K::retry}},
    TableRule{K::retry, "retry", "a retry policy", kRetry, {}},
    TableRule{K::task_types, "task_types", "task types by name", kNone,
              KeyRule{"*", F::table, "a task type", K::task_type}},
    TableRule{
        K::task_type, "task_type", "what every task of a type begins with", kTaskTypeKeys, {}},
    TableRule{K::limits, "limits", "limits by name", kNone,
              KeyRule{"*", F::table, "a limit", K::limit}},
    TableRule{K::limit, "limit", "what tasks of all runs may do at once, or in a time", kLimit, {}},
    TableRule{K::schedules, "schedules", "schedules by name", kNone,
              KeyRule{"*", F::table, "a schedule", K::schedule}},
    TableRule{K::schedule, "schedule", "when runs start by themselves", kSchedule, {}},
    TableRule{K::timeouts, "timeouts", "a task's timeouts", kTimeouts, {}},
    TableRule{K::states, "states", "states by name", kNone,
              KeyRule{"*", F::table, "a state", K::state}},
    TableRule{K::state, "state", "a state: at most one verb, and what leads out of it", kState, {}},
    TableRule{K::signal_handlers, "signal_handlers", "handlers by signal", kNone,
              KeyRule{"*", F::table_or_tables, "a handler; of several the first whose `if` holds",
                      K::handler}},
    TableRule{K::timers, "timers", "handlers by duration", kNone,
              KeyRule{"*", F::table_or_tables, "a handler; of several the first whose `if` holds",
                      K::handler}},
    TableRule{
        K::computed_timer, "computed_timer", "a timer whose delay is computed", kComputedTimer, {}},
    TableRule{K::handler, "handler", "what a signal or a timer does", kHandler, {}},
    TableRule{K::handler_task, "handler_task", "a task beside the state", kHandlerTask, {}},
    TableRule{K::catch_entry, "catch_entry", "where some errors go", kCatch, {}},
    TableRule{K::choose_branch, "choose_branch", "a branch of `choose`", kChooseBranch, {}},
    TableRule{K::undo, "undo", "what takes a task back", kUndo, {}},
    TableRule{K::flows, "flows", "nested machines by name", kNone,
              KeyRule{"*", F::table, "a nested machine", K::flow}},
    TableRule{K::flow, "flow", "a nested machine", kFlow, {}},
    TableRule{K::branches, "branches", "branches by name", kNone,
              KeyRule{"*", F::table, "{ flow = \"NAME\" }, or a state", K::state}},
    TableRule{K::send, "send", "a signal to another run", kSend, {}},
    TableRule{K::anew, "anew", "a new generation", kAnew, {}},
    TableRule{K::sleep_until, "sleep_until", "a moment to sleep until", kSleep, {}},
    TableRule{K::raise, "raise", "an error", kRaise, {}},
    TableRule{K::id, "id", "what an id that was used already means", kId, {}},
    TableRule{K::retention, "retention", "how long closed runs are kept", kRetention, {}},
    TableRule{K::history, "history", "when a run continues as new by itself", kHistory, {}},
    TableRule{K::migrate, "migrate", "of which versions this one takes runs", kMigrate, {}},
    TableRule{K::migrated_states, "migrated_states", "states by the names they had", kNone,
              KeyRule{"*", F::state_name, "what it is called here"}},
    TableRule{K::assignments, "assignments", "variables and their new values", kNone,
              KeyRule{"*", F::data, "its new value"}},
    TableRule{K::payload, "payload", "data", kNone, KeyRule{"*", F::data, "data"}},
};

}  // namespace

const KeyRule* TableRule::find(std::string_view key) const {
  const std::size_t at = rank(key);
  if (at < keys.size()) return &keys[at];
  return others ? &*others : nullptr;
}

std::size_t TableRule::rank(std::string_view key) const {
  const auto it =
      std::find_if(keys.begin(), keys.end(), [&](const KeyRule& rule) { return rule.key == key; });
  return static_cast<std::size_t>(it - keys.begin());
}

std::span<const std::string_view> verb_keys() { return kVerbKeys; }

const TableRule& table_rule(TableKind kind) {
  return *std::find_if(kTables.begin(), kTables.end(),
                       [&](const TableRule& rule) { return rule.kind == kind; });
}

std::span<const TableRule> table_rules() { return kTables; }

}  // namespace pawl::dsl
