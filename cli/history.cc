// `pawl history RUN [--follow]`, or all of it into a file that `pawl replay` reads.
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

class History : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.value("RUN", &run_, "The run's id");
    arguments.flag("--follow", &follow_, "Go on until the run has closed");
    arguments.option("--after", "SEQ", &after_, "What came after this event; 0: all there is");
    arguments.option("--generation", "N", &generation_,
                     "Of this generation; without, of the present one");
    arguments.option("--export", "FILE", &export_,
                     "Write all of it, and its definition, for `pawl replay`; - is stdout");
  }

  int run(Session& session) override {
    if (export_) return write_export(session);
    const bool colour = session.colour();
    return print_feed(
        session,
        {.path = run_path(run_, "/history"),
         .after = after_.value_or(""),
         .generation = generation_.value_or(""),
         .follow = follow_,
         .position = "seq"},
        [colour](const dsl::Value& event) {
          return paint(printable(padded(text_of(event, "seq"), 5)), Colour::dim, colour) + " " +
                 printable(padded(text_of(event, "at"), 24)) + " " +
                 paint(printable(padded(text_of(event, "type"), 20)), Colour::bold, colour) + " " +
                 printable(fields_line(event, " seq at type actor cursor "));
        });
  }

 private:
  int write_export(Session& session) const {
    if (follow_ || after_ || generation_) {
      return session.refuse(kUsage,
                            "--export writes all there is\nhint: leave --follow, --after "
                            "and --generation out");
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
  bool follow_ = false;
};

}  // namespace

std::unique_ptr<Command> make_history() { return std::make_unique<History>(); }

}  // namespace pawl::cli
