#include "cli/program.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/limits.h"

namespace pawl::cli {
namespace {

constexpr int kReadsPerTurn = 16;

struct Pipe {
  OwnedFd read, write;
};

bool make_pipe(Pipe* out) {
  std::array<int, 2> fds;
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) return false;
  out->read = OwnedFd(fds[0]);
  out->write = OwnedFd(fds[1]);
  return true;
}

// Each end of a pipe has flags of its own: the child's end still blocks, as programs expect.
void no_wait(const OwnedFd& fd) {
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

struct Child {
  const char* path;
  char* const* arguments;
  char* const* environment;
  int input, output, error, report;
  rlim_t files_max;
  pid_t parent;
};

// Between fork and exec: only what is async-signal-safe (signal-safety(7)).
[[noreturn]] void run_child(const Child& child) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != child.parent) ::_exit(127);
  ::dup2(child.input, STDIN_FILENO);
  ::dup2(child.output, STDOUT_FILENO);
  ::dup2(child.error, STDERR_FILENO);
  if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {  // before Linux 5.11
    for (int fd = 3; fd < 4096; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = child.files_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  for (const int number : {SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCHLD}) {
    ::signal(number, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(child.path, child.arguments, child.environment);
  const int error = errno;
  [[maybe_unused]] const ssize_t n = ::write(child.report, &error, sizeof error);
  ::_exit(127);
}

// glibc 2.36 declares pidfd_open without C linkage.
int open_process(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

std::string why_not_started(int error) {
  if (error == ENOEXEC) return "it is no program: a script needs a first line such as #!/bin/sh";
  return std::strerror(error);
}

// One read: false once there is nothing more to come or nothing yet.
bool read_some(OwnedFd* fd, std::array<char, 65536>* buffer, std::size_t* n) {
  while (true) {
    const ssize_t got = ::read(fd->get(), buffer->data(), buffer->size());
    if (got > 0) {
      *n = static_cast<std::size_t>(got);
      return true;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got == 0 || errno != EAGAIN) fd->reset();
    return false;
  }
}

}  // namespace

OwnedFd& OwnedFd::operator=(OwnedFd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.fd_;
    other.fd_ = -1;
  }
  return *this;
}

void OwnedFd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

absl::StatusOr<std::unique_ptr<Program>> Program::start(const std::string& path,
                                                        const std::vector<std::string>& environment,
                                                        std::string input,
                                                        std::uint64_t files_max) {
  Pipe in, out, err, report;
  if (!make_pipe(&in) || !make_pipe(&out) || !make_pipe(&err) || !make_pipe(&report)) {
    return absl::ResourceExhaustedError("cannot start " + path + ": " + std::strerror(errno));
  }
  const std::vector<std::string> argument_texts = {path};
  const std::vector<char*> arguments = pointers(argument_texts);
  const std::vector<char*> variables = pointers(environment);
  const Child child{
      path.c_str(),    arguments.data(), variables.data(),   in.read.get(),
      out.write.get(), err.write.get(),  report.write.get(), static_cast<rlim_t>(files_max),
      ::getpid()};
  const pid_t pid = ::fork();
  if (pid == 0) run_child(child);
  if (pid < 0)
    return absl::ResourceExhaustedError("cannot start " + path + ": " + std::strerror(errno));

  ::setpgid(pid, pid);  // here too: whoever comes first, the group is there before a signal is
  report.write.reset();
  int error = 0;
  ssize_t n = 0;
  do {
    n = ::read(report.read.get(), &error, sizeof error);  // ends at the exec
  } while (n < 0 && errno == EINTR);
  if (n == sizeof error) {
    ::waitpid(pid, nullptr, 0);
    return absl::FailedPreconditionError("cannot start " + path + ": " + why_not_started(error));
  }
  std::unique_ptr<Program> program(new Program());
  program->pid_ = pid;
  program->process_ = OwnedFd(open_process(pid));
  program->input_fd_ = std::move(in.write);
  program->output_fd_ = std::move(out.read);
  program->error_fd_ = std::move(err.read);
  no_wait(program->input_fd_);
  no_wait(program->output_fd_);
  no_wait(program->error_fd_);
  program->input_ = std::move(input);
  if (!program->process_.is_open()) {  // its destructor kills and reaps
    return absl::ResourceExhaustedError("cannot watch " + path + ": " + std::strerror(errno));
  }
  return program;
}

Program::~Program() {
  if (pid_ < 0 || reaped_) return;
  signal(SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Program::add_fds(std::vector<pollfd>* fds) const {
  if (!ended_) fds->push_back({process_.get(), POLLIN, 0});
  if (input_fd_.is_open()) fds->push_back({input_fd_.get(), POLLOUT, 0});
  if (output_fd_.is_open()) fds->push_back({output_fd_.get(), POLLIN, 0});
  if (error_fd_.is_open()) fds->push_back({error_fd_.get(), POLLIN, 0});
}

void Program::advance() {
  write_input();
  read_output();
  read_error();
  if (ended_) return;
  siginfo_t info{};
  // Not reaped yet: while it is a zombie, its group's number stays its own.
  const int rc =
      ::waitid(P_PIDFD, static_cast<id_t>(process_.get()), &info, WEXITED | WNOHANG | WNOWAIT);
  if (rc != 0 || info.si_pid == 0) return;
  ended_ = true;
  end_.signalled = info.si_code != CLD_EXITED;
  end_.code = info.si_status;
}

// A program need not read its input: a closed pipe is no failure.
void Program::write_input() {
  while (input_fd_.is_open()) {
    if (written_ == input_.size()) {
      input_fd_.reset();
      input_ = {};
      written_ = 0;
      return;
    }
    const ssize_t n = ::write(input_fd_.get(), input_.data() + written_, input_.size() - written_);
    if (n > 0) {
      written_ += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      input_fd_.reset();
    }
  }
}

// Past the limit bytes are counted and dropped: the program goes on to its end, we don't grow.
void Program::read_output() {
  std::array<char, 65536> buffer;
  std::size_t n = 0;
  for (int turn = 0; turn < kReadsPerTurn && output_fd_.is_open(); ++turn) {
    if (!read_some(&output_fd_, &buffer, &n)) return;
    const std::size_t room = limits::kWorkerStdoutBytesMax - end_.output.size();
    end_.output.append(buffer.data(), std::min(n, room));
    end_.output_bytes += n;
  }
}

void Program::read_error() {
  std::array<char, 65536> buffer;
  std::size_t n = 0;
  for (int turn = 0; turn < kReadsPerTurn && error_fd_.is_open(); ++turn) {
    if (!read_some(&error_fd_, &buffer, &n)) return;
    std::string& tail = end_.error_tail;
    tail.append(buffer.data(), n);
    if (tail.size() > limits::kWorkerStderrBytesMax) {
      tail.erase(0, tail.size() - limits::kWorkerStderrBytesMax);
    }
  }
}

void Program::signal(int number) {
  if (pid_ > 0 && !reaped_) ::kill(-pid_, number);
}

ProgramEnd Program::collect() {
  PAWL_CHECK(ended_ && !reaped_);
  // What it left running in its group would hold the pipes open and outlive the task.
  signal(SIGKILL);
  read_output();
  read_error();
  ::waitpid(pid_, nullptr, 0);
  reaped_ = true;
  input_fd_.reset();
  output_fd_.reset();
  error_fd_.reset();
  process_.reset();
  return std::move(end_);
}

}  // namespace pawl::cli
