#include "tests/cli/stage.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/check.h"

namespace pawl::cli::testing {
namespace {

std::int64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

// Appends what is there; false at the end of the file.
bool drain(int fd, std::string* out) {
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n == 0) return false;
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    out->append(buffer.data(), static_cast<std::size_t>(n));
  }
}

void close_fd(int* fd) {
  if (*fd >= 0) ::close(*fd);
  *fd = -1;
}

void set_no_wait(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

}  // namespace

Stage::Stage() {
  ::signal(SIGPIPE, SIG_IGN);
  std::string name = "/tmp/pawl-cli-test-XXXXXX";
  PAWL_CHECK(::mkdtemp(name.data()) != nullptr);
  directory_ = name;
  socket_path_ = directory_ + "/pawl.sock";
  on_request = [this](const Got& request) {
    answer(request.connection, 404, R"({"type":"about:blank","title":"not found","status":404})");
  };
  listen();
}

Stage::~Stage() {
  for (const auto& process : processes_) {
    if (!process->ended) {
      ::kill(process->pid, SIGKILL);
      ::waitpid(process->pid, nullptr, 0);
    }
    for (int* fd : {&process->input, &process->output, &process->error, &process->pidfd})
      close_fd(fd);
  }
  vanish();
  std::filesystem::remove_all(directory_);
}

void Stage::listen() {
  ::unlink(socket_path_.c_str());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_path_.data(), socket_path_.size());
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  PAWL_CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  PAWL_CHECK(::listen(listener_, 64) == 0);
}

void Stage::vanish() {
  close_fd(&listener_);
  for (auto& [number, peer] : connections_) ::close(peer.fd);
  connections_.clear();
}

void Stage::drop(int connection) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return;
  ::close(found->second.fd);
  connections_.erase(found);
}

void Stage::answer(int connection, int status, const std::string& json) {
  const std::string type = status >= 400 ? "application/problem+json" : "application/json";
  answer_raw(connection, "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: " + type +
                             "\r\nContent-Length: " + std::to_string(json.size()) + "\r\n\r\n" +
                             json);
}

void Stage::answer_raw(int connection, const std::string& bytes) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return;
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n =
        ::send(found->second.fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) {
      pollfd fd{found->second.fd, POLLOUT, 0};
      ::poll(&fd, 1, 1000);
      continue;
    }
    if (n <= 0) return;
    sent += static_cast<std::size_t>(n);
  }
}

Process& Stage::start(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& environment) {
  std::array<int, 2> in, out, err;
  PAWL_CHECK(::pipe2(in.data(), O_CLOEXEC) == 0 && ::pipe2(out.data(), O_CLOEXEC) == 0 &&
             ::pipe2(err.data(), O_CLOEXEC) == 0);
  std::vector<std::string> texts = {PAWL_UNDER_TEST};
  texts.insert(texts.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = {"PATH=/usr/bin:/bin", "PAWL_SOCKET=" + socket_path_,
                                        "TMPDIR=" + directory_};
  variables.insert(variables.end(), environment.begin(), environment.end());
  std::vector<char*> argv, envp;
  for (std::string& text : texts) argv.push_back(text.data());
  for (std::string& text : variables) envp.push_back(text.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  const pid_t pid = ::fork();
  PAWL_CHECK(pid >= 0);
  if (pid == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    ::dup2(err[1], 2);
    ::dup2(err[1], 77);  // one that is left open by mistake, as shells do
    ::signal(SIGPIPE, SIG_DFL);
    ::execve(PAWL_UNDER_TEST, argv.data(), envp.data());
    ::_exit(126);
  }
  for (const int fd : {in[0], out[1], err[1]}) ::close(fd);
  auto process = std::make_unique<Process>();
  process->pid = pid;
  process->input = in[1];
  process->output = out[0];
  process->error = err[0];
  process->pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  set_no_wait(process->output);
  set_no_wait(process->error);
  PAWL_CHECK(standard_input.size() < 65536);  // a pipe's worth: no need to wait
  if (!standard_input.empty()) {
    PAWL_CHECK(::write(process->input, standard_input.data(), standard_input.size()) ==
               static_cast<ssize_t>(standard_input.size()));
  }
  close_fd(&process->input);
  processes_.push_back(std::move(process));
  return *processes_.back();
}

Process& Stage::pawl(const std::vector<std::string>& arguments,
                     const std::vector<std::string>& environment) {
  Process& process = start(arguments, environment);
  run_until([&] { return process.ended; });
  return process;
}

bool Stage::run_until(const std::function<bool()>& done) {
  const std::int64_t deadline = now_ms() + 30'000;
  while (!done()) {
    if (now_ms() >= deadline) return false;
    turn();
  }
  return true;
}

void Stage::turn() {
  std::vector<pollfd> fds;
  if (listener_ >= 0) fds.push_back({listener_, POLLIN, 0});
  for (const auto& [number, peer] : connections_) fds.push_back({peer.fd, POLLIN, 0});
  for (const auto& process : processes_) {
    if (process->ended) continue;
    for (const int fd : {process->output, process->error, process->pidfd}) {
      if (fd >= 0) fds.push_back({fd, POLLIN, 0});
    }
  }
  // Ten times a second `done` is asked again: it may look at files.
  ::poll(fds.data(), fds.size(), 100);
  accept_all();
  std::vector<int> numbers;
  for (const auto& [number, peer] : connections_) numbers.push_back(number);
  for (const int number : numbers) read_peer(number);
  for (const auto& process : processes_) read_process(*process);
}

void Stage::accept_all() {
  while (listener_ >= 0) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    connections_.emplace(++last_connection_, Peer{fd, {}});
  }
}

void Stage::read_peer(int number) {
  const auto found = connections_.find(number);
  if (found == connections_.end()) return;
  const bool open = drain(found->second.fd, &found->second.in);
  while (connections_.count(number) != 0 && take_request(number)) {
  }
  if (!open) drop(number);
}

bool Stage::take_request(int number) {
  std::string& in = connections_.at(number).in;
  const std::size_t head = in.find("\r\n\r\n");
  if (head == std::string::npos) return false;
  Got request;
  request.connection = number;
  std::istringstream lines(in.substr(0, head + 2));
  std::string line;
  std::getline(lines, line);
  std::istringstream(line) >> request.method >> request.target;
  while (std::getline(lines, line) && line.size() > 1) {
    line.pop_back();
    const std::size_t colon = line.find(": ");
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(), ::tolower);
    request.headers[name] = line.substr(colon + 2);
  }
  const std::size_t length = request.headers.count("content-length") != 0
                                 ? std::stoul(request.headers["content-length"])
                                 : 0;
  if (in.size() < head + 4 + length) return false;
  request.body = in.substr(head + 4, length);
  in.erase(0, head + 4 + length);
  got.push_back(request);
  on_request(request);
  return true;
}

void Stage::read_process(Process& process) {
  if (process.ended) return;
  if (process.output >= 0 && !drain(process.output, &process.out)) close_fd(&process.output);
  if (process.error >= 0 && !drain(process.error, &process.err)) close_fd(&process.error);
  siginfo_t info{};
  ::waitid(P_PIDFD, static_cast<id_t>(process.pidfd), &info, WEXITED | WNOHANG | WNOWAIT);
  if (info.si_pid == 0) return;
  if (process.output >= 0) drain(process.output, &process.out);
  if (process.error >= 0) drain(process.error, &process.err);
  ::waitpid(process.pid, nullptr, 0);
  process.ended = true;
  if (info.si_code == CLD_EXITED) {
    process.exit = info.si_status;
  } else {
    process.signal = info.si_status;
  }
}

std::string Stage::file(const std::string& name, const std::string& content, bool executable) {
  std::string path = directory_ + "/" + name;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << content;
  if (executable) ::chmod(path.c_str(), 0755);
  return path;
}

std::string Stage::read(const std::string& name) const {
  std::ifstream in(directory_ + "/" + name);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

bool Stage::exists(const std::string& name) const {
  return std::filesystem::exists(directory_ + "/" + name);
}

bool is_alive(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(in, line);
  const std::size_t end = line.rfind(") ");
  return end != std::string::npos && line[end + 2] != 'Z' && line[end + 2] != 'X';
}

}  // namespace pawl::cli::testing
