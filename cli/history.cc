// `pawl history RUN [--follow | --diff]`, or all of it into a file that `pawl replay` reads.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/command.h"
#include "cli/feed.h"
#include "cli/recorded_run.h"
#include "cli/run_view.h"

namespace pawl::cli {
namespace {

constexpr std::size_t kValueCharacters = 120;  // of one value in a line

// A line each: "state: idle -> work", "+ task 1 do: queued", "- timer 2 after: 2026-..".
std::string changes_of(const dsl::Value& event, bool colour) {
  const dsl::Value* changes = event.field("changes");
  if (changes == nullptr || changes->kind() != dsl::Kind::list) return "";
  std::string out;
  for (const dsl::Value& change : changes->as_list()) {
    const bool is_new = change.field("from") == nullptr, is_gone = change.field("to") == nullptr;
    std::string text = text_of(change, "what");
    for (const char* name : {"id", "name"}) {
      const std::string part = text_of(change, name);
      if (!part.empty()) text += " " + part;
    }
    text += ": ";
    if (!is_new) text += shorten(text_of(change, "from"), kValueCharacters);
    if (!is_new && !is_gone) text += " -> ";
    if (!is_gone) text += shorten(text_of(change, "to"), kValueCharacters);
    const Colour shade = is_new ? Colour::green : is_gone ? Colour::red : Colour::yellow;
    out += "\n      " + std::string(is_new ? "+ " : is_gone ? "- " : "~ ");
    out += paint(printable(text), shade, colour);
  }
  return out;
}

class History : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("RUN", &run_, "The run's id");
    arguments.flag("--follow", &follow_, "Go on until the run has closed");
    arguments.option("--after", "SEQ", &after_, "What came after this event; 0: all there is");
    arguments.option("--generation", "N", &generation_,
                     "Of this generation; without, of the present one");
    arguments.flag("--diff", &diff_, "Below each event what it changed in the run");
    arguments.option("--export", "FILE", &export_,
                     "Write all of it, and its definition, for `pawl replay`; - is stdout");
  }

  int run(Session& session) override {
    if (export_) return write_export(session);
    if (diff_ && follow_) {
      return session.refuse(kUsage, "--diff is of what has happened\nhint: leave --follow out");
    }
    const bool colour = session.colour();
    return print_feed(
        session,
        {.path = run_path(run_, "/history"),
         .after = after_.value_or(""),
         .generation = generation_.value_or(""),
         .more = diff_ ? "diff=true&limit=500" : "",
         .follow = follow_,
         .position = "seq"},
        [colour](const dsl::Value& event) {
          return paint(printable(padded(text_of(event, "seq"), 5)), Colour::dim, colour) + " " +
                 printable(padded(text_of(event, "at"), 24)) + " " +
                 paint(printable(padded(text_of(event, "type"), 20)), Colour::bold, colour) + " " +
                 printable(fields_line(event, " seq at type actor cursor changes ")) +
                 changes_of(event, colour);
        });
  }

 private:
  int write_export(Session& session) const {
    if (follow_ || after_ || generation_ || diff_) {
      return session.refuse(kUsage,
                            "--export writes all there is\nhint: leave --follow, --after, "
                            "--generation and --diff out");
    }
    RecordedRun recorded;
    if (const int exit = RunReader(session).read(run_, &recorded); exit != kDone) return exit;
    const std::string lines = export_lines(recorded);
    if (*export_ == "-") {
      session.print(lines);
      return kDone;
    }
    const absl::Status written = write_new_file(*export_, lines);
    if (!written.ok()) return session.refuse(written);
    session.note(*export_ + ": " + std::to_string(recorded.recording.events.size()) + " events");
    return kDone;
  }

  // What is in a history may be anybody's secret.
  static absl::Status write_new_file(const std::string& path, std::string_view text) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const auto failed = [&path](int error) {
      return absl::InvalidArgumentError("cannot write " + path + ": " + std::strerror(error));
    };
    if (fd < 0) return failed(errno);
    int error = 0;
    while (!text.empty() && error == 0) {
      const ssize_t size = ::write(fd, text.data(), text.size());
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) error = errno;
      if (size > 0) text.remove_prefix(static_cast<std::size_t>(size));
    }
    if (::close(fd) != 0 && error == 0) error = errno;
    return error == 0 ? absl::OkStatus() : failed(error);
  }

  std::string run_;
  std::optional<std::string> after_, generation_, export_;
  bool follow_ = false, diff_ = false;
};

}  // namespace

std::unique_ptr<Command> make_history() { return std::make_unique<History>(); }

}  // namespace pawl::cli
