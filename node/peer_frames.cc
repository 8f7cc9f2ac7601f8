#include "node/peer_frames.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/byte_builder.h"
#include "base/bytes.h"
#include "base/digest.h"
#include "base/limits.h"

namespace pawl::node {
namespace {

template <class T>
struct IsStrong : std::false_type {};
template <class Tag, class T>
struct IsStrong<Strong<Tag, T>> : std::true_type {};

// An enumeration's greatest value; the first is 0.
BoxStatus::Verdict last_of(BoxStatus::Verdict) { return BoxStatus::Verdict::other_store; }
ChangeBoxes::What last_of(ChangeBoxes::What) { return ChangeBoxes::What::remove; }
ChangeSchedule::What last_of(ChangeSchedule::What) { return ChangeSchedule::What::backfill; }
engine::BatchVerb last_of(engine::BatchVerb) { return engine::kLastBatchVerb; }

// Writes members. It only reads what it is given; see members().
class Writer {
 public:
  explicit Writer(std::string* out) : out_(out) {}

  template <class... T>
  void operator()(T&... all) {
    (put(all), ...);
  }

 private:
  template <class T>
  void put(T& x) {
    if constexpr (IsStrong<T>::value) {
      put(x.v);
    } else if constexpr (std::is_same_v<T, bool>) {
      out_.u8(x ? 1 : 0);
    } else if constexpr (std::is_enum_v<T>) {
      out_.u8(static_cast<std::uint8_t>(x));
    } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
      out_.svarint(x);
    } else if constexpr (std::is_integral_v<T>) {
      out_.varint(x);
    } else {
      members(*this, x);
    }
  }
  void put(std::string& x) { out_.str(x); }
  template <std::size_t n>
  void put(std::array<unsigned char, n>& x) {
    out_.raw({reinterpret_cast<const char*>(x.data()), n});
  }
  void put(dsl::Value& x) {
    out_.varint(x.encoded_size());
    x.encode(&out_);
  }
  template <class T>
  void put(std::optional<T>& x) {
    out_.u8(x ? 1 : 0);
    if (x) put(*x);
  }
  template <class T>
  void put(std::vector<T>& x) {
    out_.varint(x.size());
    for (T& item : x) put(item);
  }
  template <class A, class B>
  void put(std::pair<A, B>& x) {
    put(x.first);
    put(x.second);
  }
  template <class... T>
  void put(std::variant<T...>& x) {
    out_.varint(x.index());
    std::visit([this](auto& alternative) { this->put(alternative); }, x);
  }

  ByteBuilder out_;
};

// Reads members. After the first mistake everything reads as zero or empty.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}

  template <class... T>
  void operator()(T&... all) {
    (get(all), ...);
  }
  bool done() const { return in_.done(); }

 private:
  template <class T>
  void get(T& x) {
    if constexpr (IsStrong<T>::value) {
      get(x.v);
    } else if constexpr (std::is_same_v<T, bool>) {
      const std::uint8_t n = in_.u8();
      if (n > 1) in_.fail();
      x = n == 1;
    } else if constexpr (std::is_enum_v<T>) {
      const std::uint8_t n = in_.u8();
      if (n > static_cast<std::uint8_t>(last_of(x))) in_.fail();
      x = static_cast<T>(n);
    } else if constexpr (std::is_integral_v<T>) {
      number(x);
    } else {
      members(*this, x);
    }
  }
  template <class T>
  void number(T& x) {
    if constexpr (std::is_signed_v<T>) {
      const std::int64_t n = in_.svarint();
      x = static_cast<T>(n);
      if (x != n) in_.fail();
    } else {
      const std::uint64_t n = in_.varint();
      x = static_cast<T>(n);
      if (x != n) in_.fail();
    }
  }
  void get(std::string& x) { x = in_.str(); }
  template <std::size_t n>
  void get(std::array<unsigned char, n>& x) {
    const std::string_view bytes = in_.raw(n);
    if (in_.ok()) std::memcpy(x.data(), bytes.data(), x.size());
  }
  void get(dsl::Value& x) {
    const std::string_view bytes = in_.str();
    if (in_.ok() && !dsl::Value::decode(bytes, &x)) in_.fail();
  }
  template <class T>
  void get(std::optional<T>& x) {
    bool has = false;
    get(has);
    if (has) get(x.emplace());
  }
  template <class T>
  void get(std::vector<T>& x) {
    const std::uint64_t n = in_.varint();
    if (n > in_.remaining()) return in_.fail();  // an item takes a byte at least
    for (std::uint64_t i = 0; i < n && in_.ok(); ++i) get(x.emplace_back());
  }
  template <class A, class B>
  void get(std::pair<A, B>& x) {
    get(x.first);
    get(x.second);
  }
  template <class... T>
  void get(std::variant<T...>& x) {
    const std::uint64_t index = in_.varint();
    if (index >= sizeof...(T)) return in_.fail();
    alternative(x, index, std::index_sequence_for<T...>());
  }
  template <class V, std::size_t... i>
  void alternative(V& x, std::uint64_t index, std::index_sequence<i...>) {
    ((index == i ? get(x.template emplace<i>()) : void()), ...);
  }

  ByteReader in_;
};

// --- the members of each, in the order they are sent; new ones at the end of a new kind only ---

template <class Io>
void members(Io& io, engine::Actor& x) {
  io(x.box, x.uid, x.gids);
}
template <class Io>
void members(Io& io, engine::Error& x) {
  io(x.type, x.message, x.data);
}
template <class Io>
void members(Io& io, engine::Start& x) {
  io(x.id, x.version, x.input, x.tags, x.start_at);
}
template <class Io>
void members(Io& io, engine::Signal& x) {
  io(x.name, x.payload, x.dedupe_id, x.expect_state, x.expect_seq);
}
template <class Io>
void members(Io& io, engine::Move& x) {
  io(x.from, x.to, x.reason, x.seq, x.vars);
}
template <class Io>
void members(Io& io, engine::Cancel& x) {
  io(x.reason);
}
template <class Io>
void members(Io& io, engine::Terminate& x) {
  io(x.reason);
}
template <class Io>
void members(Io& io, engine::Pause& x) {
  io(x.reason);
}
template <class Io>
void members(Io& io, engine::Resume& x) {
  io(x.reason);
}
template <class Io>
void members(Io& io, engine::RetryIncident& x) {
  io(x.incident, x.reason);
}
template <class Io>
void members(Io& io, engine::HandOut& x) {
  io(x.step, x.worker, x.poll_key);
}
template <class Io>
void members(Io& io, engine::ReturnTask& x) {
  io(x.step, x.attempt);
}
template <class Io>
void members(Io& io, engine::CompleteTask& x) {
  io(x.step, x.attempt, x.result);
}
template <class Io>
void members(Io& io, engine::FailTask& x) {
  io(x.step, x.attempt, x.error, x.retryable);
}
template <class Io>
void members(Io& io, engine::ProgressTask& x) {
  io(x.step, x.attempt, x.details);
}
template <class Io>
void members(Io& io, engine::LoseLease& x) {
  io(x.step, x.attempt);
}
template <class Io>
void members(Io&, engine::FireTimers&) {}
template <class Io>
void members(Io&, engine::Checkpoint&) {}
template <class Io>
void members(Io& io, engine::AnswerCall& x) {
  io(x.call, x.group, x.index, x.error);
}
template <class Io>
void members(Io& io, engine::EndCall& x) {
  io(x.call, x.status, x.output, x.error);
}
template <class Io>
void members(Io& io, engine::AnswerSignal& x) {
  io(x.call, x.error);
}
template <class Io>
void members(Io&, engine::TellCaller&) {}
// The past is read by whoever carries it out.
template <class Io>
void members(Io& io, engine::Reset& x) {
  io(x.to, x.reason);
}
template <class Io>
void members(Io& io, engine::Migrate& x) {
  io(x.version, x.dry_run, x.reason);
}
template <class Io>
void members(Io& io, engine::TakePermit& x) {
  io(x.permit, x.limit, x.key);
}
template <class Io>
void members(Io& io, engine::DropPermit& x) {
  io(x.permit);
}
template <class Io>
void members(Io& io, engine::DeleteData& x) {
  io(x.reason);
}

template <class Io>
void members(Io& io, RunUid& x) {
  io(x.group, x.index);
}
template <class Io>
void members(Io& io, RunRef& x) {
  io(x.id, x.uid);
}
template <class Io>
void members(Io& io, IfMatch& x) {
  io(x.uid, x.seq);
}
template <class Io>
void members(Io& io, StartRun& x) {
  io(x.workflow, x.version, x.id, x.input, x.tags, x.start_at);
}
template <class Io>
void members(Io& io, engine::CalledBy& x) {
  io(x.group, x.index, x.run, x.call, x.depth, x.wait);
}
template <class Io>
void members(Io& io, CallRun& x) {
  io(x.start, x.start.caller);
}
template <class Io>
void members(Io& io, CommandRun& x) {
  io(x.run, x.command);
}
template <class Io>
void members(Io& io, ReportTask& x) {
  io(x.token, x.command);
}
template <class Io>
void members(Io& io, ReportTasks& x) {
  io(x.items);
}
template <class Io>
void members(Io& io, HeartbeatTask& x) {
  io(x.token, x.details);
}
template <class Io>
void members(Io& io, PollTasks& x) {
  io(x.queue, x.worker, x.types, x.max, x.wait_ms);
}
template <class Io>
void members(Io& io, DeployWorkflow& x) {
  io(x.name, x.text, x.activate);
}
template <class Io>
void members(Io& io, SetDefault& x) {
  io(x.workflow, x.version, x.reason);
}
template <class Io>
void members(Io& io, PauseQueue& x) {
  io(x.queue, x.reason);
}
template <class Io>
void members(Io& io, ResumeQueue& x) {
  io(x.queue, x.reason);
}
template <class Io>
void members(Io& io, ChangeBoxes& x) {
  io(x.what, x.box, x.address, x.promote);
}
template <class Io>
void members(Io& io, ChangeSchedule& x) {
  io(x.name, x.what, x.reason, x.from, x.to);
}
template <class Io>
void members(Io& io, SurveyRuns& x) {
  io(x.group, x.workflow, x.list, x.before);
}
template <class Io>
void members(Io& io, AcceptTime& x) {
  io(x.wall);
}
template <class Io>
void members(Io& io, engine::RunFilter& x) {
  io(x.workflow, x.status, x.state, x.id_prefix, x.started_after, x.started_before, x.closed_after,
     x.closed_before, x.tags);
}
template <class Io>
void members(Io& io, engine::BatchSpec& x) {
  io(x.filter, x.verb, x.signal, x.from, x.to, x.args, x.reason, x.rate);
}
template <class Io>
void members(Io& io, engine::BatchRefusal& x) {
  io(x.uid, x.run, x.type, x.detail);
}
template <class Io>
void members(Io& io, engine::BatchCounts& x) {
  io(x.changed, x.unchanged, x.refused, x.refusals);
}
template <class Io>
void members(Io& io, BeginBatch& x) {
  io(x.spec, x.through, x.matching);
}
template <class Io>
void members(Io& io, StopBatch& x) {
  io(x.batch, x.reason);
}
template <class Io>
void members(Io& io, EndBatchPart& x) {
  io(x.batch, x.group, x.counts);
}
template <class Io>
void members(Io& io, ChangeBatch& x) {
  io(x.change);
}
template <class Io>
void members(Io& io, PutSubscription& x) {
  io(x.name, x.has_place, x.next, x.whole, x.max_lag_ms);
}
template <class Io>
void members(Io& io, AckSubscription& x) {
  io(x.name, x.next);
}
template <class Io>
void members(Io& io, DeleteSubscription& x) {
  io(x.name);
}
template <class Io>
void members(Io& io, ChangeSubscription& x) {
  io(x.change);
}
template <class Io>
void members(Io& io, engine::PermitId& x) {
  io(x.run, x.number);
}
template <class Io>
void members(Io& io, engine::PermitAsk& x) {
  io(x.permit, x.concurrency, x.rate, x.window_ms, x.priority, x.run);
}
template <class Io>
void members(Io& io, ChangePermit& x) {
  io(x.group, x.limit, x.ask, x.gives_back);
}
template <class Io>
void members(Io& io, engine::NamespaceQuota& x) {
  io(x.max_runs, x.max_payload_bytes, x.starts_per_second);
}
template <class Io>
void members(Io& io, engine::NamespaceShare& x) {
  io(x.runs, x.payload_bytes);
}
template <class Io>
void members(Io& io, PutNamespace& x) {
  io(x.name, x.quota, x.reason);
}
template <class Io>
void members(Io& io, DeleteNamespace& x) {
  io(x.name);
}
template <class Io>
void members(Io& io, WantShare& x) {
  io(x.name, x.group, x.need, x.starts);
}
template <class Io>
void members(Io& io, ChangeNamespace& x) {
  io(x.change);
}
template <class Io>
void members(Io& io, SurveyNamespace& x) {
  io(x.group, x.name, x.change);
}
template <class Io>
void members(Io& io, Barrier& x) {
  io(x.run);
}
template <class Io>
void members(Io& io, Request& x) {
  io(x.actor, x.key, x.minted_key, x.digest, x.if_match, x.operation);
}
template <class Io>
void members(Io& io, Answer& x) {
  io(x.status, x.body, x.etag, x.location, x.tokens);
}
template <class Io>
void members(Io& io, ForwardedRequest& x) {
  io(x.base, x.number, x.open_from, x.group, x.term, x.left_ms, x.request);
}
template <class Io>
void members(Io& io, ForwardedAnswer& x) {
  io(x.id, x.term, x.not_leader, x.answer);
}
template <class Io>
void members(Io& io, ReadAsk& x) {
  io(x.group, x.context);
}
template <class Io>
void members(Io& io, ReadReply& x) {
  io(x.group, x.context, x.index);
}
template <class Io>
void members(Io& io, QueueDemand& x) {
  io(x.queue);
}
template <class Io>
void members(Io& io, ReturnedTasks& x) {
  io(x.tokens);
}
template <class Io>
void members(Io& io, Delivery& x) {
  io(x.from, x.to, x.message.number, x.message.name, x.message.version);
}
template <class Io>
void members(Io& io, DeliveryTaken& x) {
  io(x.from, x.to, x.through);
}
template <class Io>
void members(Io& io, BoxStatus& x) {
  io(x.feature_level, x.wall_ms, x.wall_trusted, x.disk_ms, x.sync_ms, x.round_trip_ms, x.store,
     x.make, x.heard, x.caught_up, x.verdict, x.roster, x.boxes);
}

template <class Io>
void members(Io& io, ScrubStatus& x) {
  io(x.through);
}

template <class T>
std::string to_bytes(const T& frame) {
  std::string bytes;
  {
    Writer writer(&bytes);
    members(writer, const_cast<T&>(frame));  // one list of members for both directions
  }
  return bytes;
}

template <class T>
bool from_bytes(std::string_view bytes, T* frame) {
  Reader reader(bytes);
  members(reader, *frame);
  return reader.done();
}

bool is_group(GroupId group) { return group.v < limits::kGroupsMax; }

}  // namespace

std::uint64_t cluster_make(const std::vector<NodeId>& founders, std::uint16_t run_groups) {
  std::string text = std::to_string(run_groups);
  for (const NodeId box : founders) text += "," + std::to_string(box.v);
  const Digest hash = digest(text);
  std::uint64_t make = 0;
  std::memcpy(&make, hash.data(), sizeof make);
  return make;
}

std::string encode(const ForwardedRequest& frame) { return to_bytes(frame); }
std::string encode(const ForwardedAnswer& frame) { return to_bytes(frame); }
std::string encode(const ReadAsk& frame) { return to_bytes(frame); }
std::string encode(const ReadReply& frame) { return to_bytes(frame); }
std::string encode(const QueueDemand& frame) { return to_bytes(frame); }
std::string encode(const ReturnedTasks& frame) { return to_bytes(frame); }
std::string encode(const Delivery& frame) { return to_bytes(frame); }
std::string encode(const DeliveryTaken& frame) { return to_bytes(frame); }
std::string encode(const BoxStatus& frame) { return to_bytes(frame); }
std::string encode(const ScrubStatus& frame) { return to_bytes(frame); }

bool decode(std::string_view bytes, ForwardedRequest* frame) {
  return from_bytes(bytes, frame) && is_group(frame->group) && frame->base != 0 &&
         frame->open_from <= frame->number;
}
bool decode(std::string_view bytes, ForwardedAnswer* frame) { return from_bytes(bytes, frame); }
bool decode(std::string_view bytes, ReadAsk* frame) {
  return from_bytes(bytes, frame) && is_group(frame->group);
}
bool decode(std::string_view bytes, ReadReply* frame) {
  return from_bytes(bytes, frame) && is_group(frame->group);
}
bool decode(std::string_view bytes, QueueDemand* frame) { return from_bytes(bytes, frame); }
bool decode(std::string_view bytes, ReturnedTasks* frame) { return from_bytes(bytes, frame); }
bool decode(std::string_view bytes, Delivery* frame) {
  return from_bytes(bytes, frame) && is_group(frame->from) && is_group(frame->to) &&
         frame->message.number > 0;
}
bool decode(std::string_view bytes, DeliveryTaken* frame) {
  return from_bytes(bytes, frame) && is_group(frame->from) && is_group(frame->to);
}
bool decode(std::string_view bytes, BoxStatus* frame) { return from_bytes(bytes, frame); }
bool decode(std::string_view bytes, ScrubStatus* frame) {
  if (!from_bytes(bytes, frame)) return false;
  const auto& all = frame->through;
  const auto disorder = [](const auto& a, const auto& b) { return a.first >= b.first; };
  return std::all_of(all.begin(), all.end(), [](const auto& x) { return is_group(x.first); }) &&
         std::adjacent_find(all.begin(), all.end(), disorder) == all.end();
}

}  // namespace pawl::node
