#include "cli/recorded_run.h"

#include "base/limits.h"
#include "codecs/json.h"
#include "dsl/definition.h"

namespace pawl::cli {
namespace {

absl::Status no_history(const std::string& path, const std::string& why) {
  return absl::InvalidArgumentError(path + ": " + why +
                                    "\nhint: `pawl history RUN --export FILE` writes one");
}

// One line of a file: an export's head, an event, or an entry of a journal with its events.
void take_line(const dsl::Value& line, RecordedRun* run) {
  if (line.field("export") != nullptr) {
    run->id = text_of(line, "run");
    run->uid = text_of(line, "uid");
    run->workflow = text_of(line, "workflow");
    run->version = text_of(line, "version");
    run->text = text_of(line, "definition");
  } else if (line.field("seq") != nullptr) {
    run->recording.events.push_back(line);
  } else if (const dsl::Value* events = line.field("events");
             events != nullptr && events->kind() == dsl::Kind::list) {
    for (const dsl::Value& event : events->as_list()) run->recording.events.push_back(event);
  }
}

// What the events say of the run where no head does.
absl::Status name_run(const std::string& path, RecordedRun* run) {
  int starts = 0;
  for (const dsl::Value& event : run->recording.events) {
    if (text_of(event, "type") != "run.started") continue;
    ++starts;
    run->id = text_of(event, "id");
    run->workflow = text_of(event, "workflow");
    run->version = text_of(event, "version");
  }
  if (run->recording.events.empty()) return no_history(path, "has no events");
  if (starts <= 1) return absl::OkStatus();
  return no_history(path, "has the histories of " + std::to_string(starts) +
                              " runs; `pawl journal dump --run ID` shows one");
}

}  // namespace

Answer RunReader::call(const std::string& target) {
  if (!quiet_) return session_.call({.target = target});
  Answer answer;
  const absl::StatusOr<Response> response = session_.client().call({.target = target});
  if (!response.ok()) {
    answer.exit = session_.refuse(response.status());
  } else if (response->status == 404) {
    answer.exit = kNotFound;
  } else if (response->status != 200) {
    answer.exit = session_.refuse(*response);
  } else {
    answer.body = response->body;
    answer.json = parse_body(*response);
  }
  return answer;
}

int RunReader::definition(RecordedRun* run) {
  auto& [text, parsed] = known_[{run->workflow, run->version}];
  if (text.empty()) {
    const Answer answer = call("/v1/workflows/" + percent_encode(run->workflow) + "/versions/" +
                               percent_encode(run->version));
    if (answer.exit != kDone) return answer.exit;
    text = text_of(answer.json, "text");
    parsed = dsl::parse_definition(text).definition;
  }
  run->text = text;
  run->recording.original = parsed;
  return kDone;
}

int RunReader::read(const std::string& id, RecordedRun* run) {
  const Answer envelope = call(run_path(id, "?fields=output"));
  if (envelope.exit != kDone) return envelope.exit;
  return read_history(id, text_of(envelope.json, "uid"), run);
}

int RunReader::read_listed(const std::string& id, const std::string& uid, RecordedRun* run) {
  quiet_ = true;
  const int exit = read_history(id, uid, run);
  quiet_ = false;
  return exit;
}

int RunReader::read_history(const std::string& id, const std::string& uid, RecordedRun* run) {
  run->id = id;
  run->uid = uid;
  std::string cursor;
  do {
    const std::string position = cursor.empty() ? "?after=0" : "?cursor=" + percent_encode(cursor);
    const Answer page =
        call(run_path(id, "/history") + position + "&limit=500&uid=" + percent_encode(uid));
    if (page.exit != kDone) return page.exit;
    const dsl::Value* items = page.json.field("items");
    const bool any = items != nullptr && items->kind() == dsl::Kind::list;
    if (any) {
      for (const dsl::Value& event : items->as_list()) run->recording.events.push_back(event);
    }
    const std::string next = text_of(page.json, "next_cursor");
    cursor = next == cursor || !any || items->as_list().empty() ? "" : next;
  } while (!cursor.empty());
  if (const absl::Status named = name_run(id, run); !named.ok()) return session_.refuse(named);
  run->id = id;
  return run->workflow.empty() ? kDone : definition(run);
}

absl::StatusOr<RecordedRun> read_recorded_run(const std::string& path) {
  const absl::StatusOr<std::string> text = read_file(path, limits::kClientBodyBytesMax);
  if (!text.ok()) return text.status();
  RecordedRun run;
  std::size_t start = 0, number = 0;
  while (start < text->size()) {
    const std::size_t end = std::min(text->find('\n', start), text->size());
    const std::string_view line = std::string_view(*text).substr(start, end - start);
    start = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    dsl::Value value;
    codecs::JsonError error;
    if (!codecs::parse_json(line, &value, &error) || value.kind() != dsl::Kind::map) {
      return no_history(path, "line " + std::to_string(number) + " is no JSON object");
    }
    take_line(value, &run);
  }
  if (const absl::Status named = name_run(path, &run); !named.ok()) return named;
  if (!run.text.empty()) run.recording.original = dsl::parse_definition(run.text).definition;
  return run;
}

std::string export_lines(const RecordedRun& run) {
  std::string out;
  codecs::JsonWriter(&out)
      .begin_object()
      .field("export", 1)
      .field("run", run.id)
      .field("uid", run.uid)
      .field("workflow", run.workflow)
      .field("version", run.version)
      .field("definition", run.text)
      .end_object();
  out.push_back('\n');
  for (const dsl::Value& event : run.recording.events) {
    codecs::append_json(event, &out);
    out.push_back('\n');
  }
  return out;
}

}  // namespace pawl::cli
