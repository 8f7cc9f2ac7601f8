#include "daemon/api.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/limits.h"
#include "codecs/problem.h"
#include "codecs/run_json.h"
#include "daemon/batch_count.h"
#include "daemon/routes.h"

namespace pawl::daemon {
namespace {

engine::Actor actor_of(const Peer& peer, NodeId box) {
  engine::Actor actor;
  actor.box = box;
  actor.uid = peer.uid;
  actor.gids = peer.groups;
  const auto at = std::lower_bound(actor.gids.begin(), actor.gids.end(), peer.gid);
  if (at == actor.gids.end() || *at != peer.gid) actor.gids.insert(at, peer.gid);
  return actor;
}

// The same key with another request is refused: this is what "another" means.
Digest digest_of(const Request& request) {
  std::string text(to_string(request.method));
  for (const std::string_view part : {request.path, request.query, request.body}) {
    text.push_back('\n');
    text.append(part);
  }
  return digest(text);
}

bool parse_if_match(std::string_view text, std::optional<node::IfMatch>* out) {
  if (text.empty() || text == "*") return true;
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return false;
  text = text.substr(1, text.size() - 2);
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return false;
  node::IfMatch match;
  if (!parse_run_uid(std::string(text.substr(0, dot)), &match.uid)) return false;
  const std::string_view seq = text.substr(dot + 1);
  const auto [end, error] = std::from_chars(seq.data(), seq.data() + seq.size(), match.seq.v);
  if (error != std::errc{} || end != seq.data() + seq.size()) return false;
  *out = match;
  return true;
}

std::string minted_key(Random* random) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string key;
  for (int word = 0; word < 2; ++word) {
    std::uint64_t bits = random->next();
    for (int i = 0; i < 16; ++i, bits >>= 4) key.push_back(kDigits[bits & 15]);
  }
  return key;
}

}  // namespace

Api::Api(Parts parts)
    : parts_(std::move(parts)),
      random_(parts_.seed),
      feeds_({parts_.node, parts_.journal, parts_.answers, parts_.cold}) {}

Api::~Api() = default;

void Api::request(const Request& request) { serve(request, false); }

void Api::serve(const Request& request, bool waited) {
  auto owned = std::make_unique<Call>();
  Call& call = *owned;
  call.id = request.id;
  call.head = request.head;
  call.waited = waited;
  call.http = &request;
  Problem problem;
  if (!find_route(request, &call, &problem) ||
      (!request.query.empty() && !parse_query(request.query, &call.query, &problem)) ||
      !check_parameters(call, &problem)) {
    refuse(call.id, problem);
    return;
  }
  call.roles = roles_->roles_of(*request.peer);
  if (!call.roles.has(call.route->role)) {
    refuse(call.id, 403, "forbidden", "Your roles do not allow this",
           "it takes the role " + std::string(to_string(call.route->role)) + ", you have " +
               to_string(call.roles) + "; [roles] in pawld.toml maps users and groups to roles");
    return;
  }
  call.actor = actor_of(*request.peer, parts_.box);
  if (call.route->access != Access::read) {
    if (!has_namespace(call)) {
      waited ? refuse_namespace(call) : request_later(request);
      return;
    }
    (this->*call.route->handler)(call);
    return;
  }
  call.accept = std::string(request.accept);
  call.last_event_id = std::string(request.last_event_id);
  node::Request barrier;
  barrier.id = node::RequestId(call.id.v);
  node::Barrier wanted;
  if (call.route->pattern.starts_with("/v1/runs/{id}")) {
    node::RunRef ref;
    if (!run_ref(call, &ref)) return;
    wanted.run = std::move(ref);
  }
  barrier.operation = std::move(wanted);
  call.http = nullptr;
  reads_.emplace(call.id, std::move(owned));
  waiting_.push_back(std::move(barrier));
}

void Api::cancelled(RequestId id) {
  reads_.erase(id);
  awaits_.cancel(id);
  feeds_.cancel(id);
  counts_.erase(id);
  after_barrier_.erase(id);
  handle(node::Cancelled{node::RequestId(id.v)});
}

void Api::stream_writable(RequestId id) { feeds_.writable(id); }

void Api::handle(node::Input input) {
  work();
  handle_all({&input, 1});
}

void Api::work() {
  if (waiting_.empty()) return;
  std::vector<node::Input> inputs;  // delivering may come back here
  inputs.swap(waiting_);
  waiting_.reserve(inputs.size());
  handle_all(inputs);
}

void Api::handle_all(std::span<node::Input> inputs) {
  // Answering may give the node further inputs (an undelivered poll), so outputs are not shared.
  std::unique_ptr<node::Outputs> outputs;
  if (spare_outputs_.empty()) {
    outputs = std::make_unique<node::Outputs>();
  } else {
    outputs = std::move(spare_outputs_.back());
    spare_outputs_.pop_back();
  }
  const node::Now now = parts_.now();
  for (node::Input& input : inputs) {
    if (outputs->fatal.empty()) parts_.node->handle(now, std::move(input), outputs.get());
  }
  deliver(*outputs);
  outputs->clear();
  spare_outputs_.push_back(std::move(outputs));
}

void Api::deliver(node::Outputs& outputs) {
  if (!outputs.fatal.empty()) fatal_ = outputs.fatal;
  if (!fatal_.empty()) return;
  if (outputs.peers) parts_.set_peers(*outputs.peers);
  for (const std::string& text : outputs.notices) parts_.notice(text);
  for (const node::OutgoingFrame& frame : outputs.frames) parts_.send(frame);
  for (const node::ReadEntries& wanted : outputs.entry_reads) parts_.read_entries(wanted);
  for (node::SnapshotWork& work : outputs.snapshot_work) parts_.snapshot_work(std::move(work));
  for (node::Answer& answer : outputs.answers) {
    // Of a barrier that was refused.
    if (!counts_.empty()) counts_.erase(RequestId(answer.id.v));
    if (!after_barrier_.empty()) after_barrier_.erase(RequestId(answer.id.v));
    respond(answer);
  }
  for (const node::ReadReady& ready : outputs.reads) {
    const auto it = reads_.find(RequestId(ready.id.v));
    if (it == reads_.end()) {
      go_on(RequestId(ready.id.v));
      continue;
    }
    const std::unique_ptr<Call> call = std::move(it->second);
    reads_.erase(it);
    if (!has_namespace(*call)) {
      refuse_namespace(*call);
      continue;
    }
    (this->*call->route->handler)(*call);
  }
  for (const node::LoadRun& load : outputs.loads)
    feeds_.load(load, [this](node::RunLoaded loaded) { handle(std::move(loaded)); });
  for (const GroupId group : outputs.installed) {
    std::set<Index> runs = awaits_.runs_of(group);
    runs.merge(feeds_.runs_of(group));
    for (const Index run : runs) changed(group, run);
  }
  for (const auto& [group, run] : outputs.changed) {
    if (run.v != 0) changed(group, run);
  }
}

// What a change has waited for is read.
void Api::go_on(RequestId id) {
  const auto at = after_barrier_.find(id);
  if (at == after_barrier_.end()) return count_batch(id);
  const std::function<void()> then = std::move(at->second);
  after_barrier_.erase(at);
  then();
}

void Api::changed(GroupId group, Index run) {
  feeds_.changed(group, run);
  if (awaits_.empty()) return;
  const engine::Run* now = parts_.node->group(group).tables().find(run);
  if (now == nullptr) return;  // forgotten: who waited for it heard when it closed
  for (const Await& await : awaits_.take_settled(group, *now)) {
    answer_await(await, *now, await.reached(*now));
  }
}

void Api::respond(node::Answer& answer, std::string_view allow) {
  HeaderField headers[3];
  std::size_t count = 0;
  std::string etag;
  if (!answer.etag.empty()) {
    etag = "\"" + answer.etag + "\"";
    headers[count++] = {"ETag", etag};
  }
  if (!answer.location.empty()) headers[count++] = {"Location", answer.location};
  if (answer.status == 429 || answer.status == 503) headers[count++] = {"Retry-After", "1"};
  if (!allow.empty()) headers[count++] = {"Allow", allow};
  Response response;
  response.status = answer.status;
  response.body = answer.body;
  if (answer.status >= 400) response.content_type = kProblemType;
  response.headers = {headers, count};
  const bool sent = parts_.answers->respond(RequestId(answer.id.v), response);
  if (!sent && !answer.tokens.empty()) handle(node::Undelivered{std::move(answer.tokens)});
}

void Api::refuse(RequestId id, const Problem& problem) {
  node::Answer answer;
  answer.id = node::RequestId(id.v);
  answer.status = problem.status;
  answer.body = codecs::problem_json(problem.status, problem.type, problem.title, problem.detail);
  respond(answer, problem.allow);
}

void Api::refuse(RequestId id, std::uint16_t status, std::string_view type, std::string_view title,
                 std::string_view detail) {
  refuse(id, Problem{status, std::string(type), std::string(title), std::string(detail)});
}

void Api::respond_json(RequestId id, int status, std::string_view body) {
  Response response;
  response.status = status;
  response.body = body;
  parts_.answers->respond(id, response);
}

// What every write may carry: Idempotency-Key and If-Match.
bool Api::read_common(Call& call, node::Request* request, Problem* problem) {
  const Request& http = *call.http;
  request->id = node::RequestId(call.id.v);
  request->actor = std::move(call.actor);
  request->deadline_ms = parts_.now().mono_ms + std::int64_t{limits::kRequestSecondsMax} * 1000;
  if (http.idempotency_key.size() > limits::kIdempotencyKeyBytesMax) {
    *problem = {400, "bad-header", "The request is not understood",
                "the Idempotency-Key is longer than " +
                    std::to_string(limits::kIdempotencyKeyBytesMax) + " bytes"};
    return false;
  }
  request->key = engine::qualified_key(call.name_space, http.idempotency_key);
  if (!request->key.empty()) request->digest = digest_of(http);
  if (!parse_if_match(http.if_match, &request->if_match)) {
    *problem = {400, "bad-header", "The request is not understood",
                "If-Match must be an ETag as an envelope's response gives it: \"uid.seq\""};
    return false;
  }
  return true;
}

void Api::submit(Call& call, node::Operation operation) {
  node::Request request;
  Problem problem;
  if (!read_common(call, &request, &problem)) {
    refuse(call.id, problem);
    return;
  }
  if (std::holds_alternative<node::StartRun>(operation) && request.key.empty()) {
    request.minted_key = minted_key(&random_);
  }
  request.operation = std::move(operation);
  waiting_.push_back(std::move(request));
}

void Api::answer_await(const Await& await, const engine::Run& run, bool reached) {
  std::string body = reached ? R"({"reached":true,"run":)" : R"({"reached":false,"run":)";
  codecs::append_envelope(run, definition_of(run), &body);
  body.push_back('}');
  respond_json(await.id, 200, body);
}

void Api::tick(std::int64_t mono_ms) {
  for (const Await& await : awaits_.take_expired(mono_ms)) {
    const engine::Run* run = parts_.node->group(await.group).tables().find(await.run);
    answer_await(await, *run, false);
  }
  feeds_.tick(mono_ms);
  count_batches();
}

std::int64_t Api::next_wake_mono_ms() const {
  if (counts_batches()) return 0;
  return std::min(awaits_.next_wake_mono_ms(), feeds_.next_wake_mono_ms());
}

void Api::stop() {
  for (const Await& await : awaits_.take_expired(INT64_MAX)) {
    const engine::Run* run = parts_.node->group(await.group).tables().find(await.run);
    answer_await(await, *run, false);
  }
  feeds_.stop();
  handle(node::AnswerPolls{});
}

const dsl::Definition* Api::definition_of(const engine::Run& run) {
  return parts_.node->definitions().find(run.workflow(), run.version());
}

}  // namespace pawl::daemon
