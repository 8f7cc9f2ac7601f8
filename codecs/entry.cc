#include "codecs/entry.h"

#include <flatbuffers/flatbuffers.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "codecs/aligned_bytes.h"
#include "codecs/entry_generated.h"
#include "engine/event_bytes.h"

namespace pawl::codecs {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

Offset<flatbuffers::Vector<std::uint8_t>> bytes_of(FlatBufferBuilder& builder, std::string_view s) {
  return builder.CreateVector(reinterpret_cast<const std::uint8_t*>(s.data()), s.size());
}

std::string_view view_of(const flatbuffers::Vector<std::uint8_t>* v) {
  if (v == nullptr) return {};
  return {reinterpret_cast<const char*>(v->data()), v->size()};
}

Offset<fb::Message> encode_message(FlatBufferBuilder& builder, GroupId to,
                                   const engine::Message& message) {
  const auto name = builder.CreateString(message.name);
  return fb::CreateMessage(builder, to.v, message.number, static_cast<std::uint8_t>(message.kind),
                           name, message.version);
}

// False for a kind this build does not know: a newer one, written at a level that was not raised.
bool decode_message(const fb::Message& from, engine::Message* message, std::string* error) {
  if (from.kind() != static_cast<std::uint8_t>(engine::MessageKind::pin)) {
    *error = "the entry has a message of the unknown kind " + std::to_string(from.kind());
    return false;
  }
  message->number = from.number();
  message->kind = engine::MessageKind::pin;
  if (from.name() != nullptr) message->name = from.name()->str();
  message->version = from.version();
  return true;
}

using AnswerVector = Offset<flatbuffers::Vector<Offset<fb::KeyedAnswer>>>;
using MessageVector = Offset<flatbuffers::Vector<Offset<fb::Message>>>;

AnswerVector encode_answers(FlatBufferBuilder& builder, const Entry& entry) {
  std::vector<Offset<fb::KeyedAnswer>> answers;
  answers.reserve(entry.answers.size());
  for (const auto& a : entry.answers) {
    const bool keyed = !a.key.empty();
    const auto key = keyed ? builder.CreateString(a.key) : 0;
    const auto request = keyed ? bytes_of(builder, as_view(a.request)) : 0;
    const auto body = bytes_of(builder, a.body);
    answers.push_back(fb::CreateKeyedAnswer(builder, key, request, a.status, body,
                                            a.forwarded.process, a.forwarded.number,
                                            a.forwarded.open_from));
  }
  return builder.CreateVector(answers);
}

MessageVector encode_sends(FlatBufferBuilder& builder, const Entry& entry) {
  std::vector<Offset<fb::Message>> sends;
  sends.reserve(entry.sends.size());
  for (const auto& s : entry.sends) sends.push_back(encode_message(builder, s.to, s.message));
  return builder.CreateVector(sends);
}

bool decode_messages(const fb::Entry& from, Entry* entry, std::string* error) {
  if (from.sends() != nullptr) {
    for (const fb::Message* m : *from.sends()) {
      OutgoingMessage send;
      send.to = GroupId(m->to());
      if (!decode_message(*m, &send.message, error)) return false;
      entry->sends.push_back(std::move(send));
    }
  }
  entry->receive_from = GroupId(from.receive_from());
  if (from.receive() == nullptr) return true;
  if (from.receive()->number() == 0) {  // which says that nothing was received
    *error = "the entry receives a message without a number";
    return false;
  }
  return decode_message(*from.receive(), &entry->receive, error);
}

bool decode_answers(const fb::Entry& from, Entry* entry) {
  if (from.answers() == nullptr) return true;
  for (const fb::KeyedAnswer* a : *from.answers()) {
    engine::KeyedAnswer answer;
    answer.forwarded = {a->process(), a->number(), a->open_from()};
    if (a->key() != nullptr) answer.key = a->key()->str();
    if (answer.key.empty() != bool{answer.forwarded}) return false;  // one or the other
    if (answer.forwarded && answer.forwarded.number < answer.forwarded.open_from) return false;
    if ((a->request() == nullptr) != answer.key.empty()) return false;
    if (a->request() != nullptr) {
      if (a->request()->size() != answer.request.size()) return false;
      std::copy(a->request()->begin(), a->request()->end(), answer.request.begin());
    }
    answer.at = entry->time;
    answer.status = a->status();
    answer.body = view_of(a->body());
    entry->answers.push_back(std::move(answer));
  }
  return true;
}

std::string forget_bytes(const std::vector<Index>& runs) {
  std::string bytes;
  ByteWriter writer(&bytes);
  Index last;
  for (const Index run : runs) {
    PAWL_CHECK(run > last);
    writer.varint(run.v - last.v);
    last = run;
  }
  return bytes;
}

bool decode_forgets(std::string_view bytes, std::vector<Index>* runs) {
  ByteReader in(bytes);
  Index last;
  while (!in.at_end()) {
    const std::uint64_t distance = in.varint();
    if (!in.ok() || distance == 0 || distance > UINT64_MAX - last.v) return false;
    last = Index(last.v + distance);
    runs->push_back(last);
  }
  return in.ok();
}

std::string generation_bytes(const std::vector<std::pair<Index, std::uint32_t>>& generations) {
  std::string bytes;
  ByteWriter writer(&bytes);
  Index last;
  for (const auto& [run, through] : generations) {
    PAWL_CHECK(run > last && through > 0);
    writer.varint(run.v - last.v);
    writer.varint(through);
    last = run;
  }
  return bytes;
}

bool decode_generations(std::string_view bytes,
                        std::vector<std::pair<Index, std::uint32_t>>* generations) {
  ByteReader in(bytes);
  Index last;
  while (!in.at_end()) {
    const std::uint64_t distance = in.varint();
    const std::uint64_t through = in.varint();
    if (!in.ok() || distance == 0 || distance > UINT64_MAX - last.v) return false;
    if (through == 0 || through > UINT32_MAX) return false;
    last = Index(last.v + distance);
    generations->emplace_back(last, static_cast<std::uint32_t>(through));
  }
  return in.ok();
}

bool is_entry(const AlignedBytes& aligned, std::size_t bytes) {
  constexpr int kDepthMax = 4;
  constexpr int kTablesMax = 2 * limits::kEventsPerEntryMax;
  flatbuffers::Verifier verifier(aligned.data(), bytes, kDepthMax, kTablesMax);
  return bytes >= 8 && fb::VerifyEntryBuffer(verifier);
}

}  // namespace

struct EntryEncoder::Builder {
  FlatBufferBuilder fbb{4096};
};

EntryEncoder::EntryEncoder() : builder_(new Builder) {}
EntryEncoder::~EntryEncoder() { delete builder_; }

std::string_view EntryEncoder::encode(const Entry& entry) {
  FlatBufferBuilder& builder = builder_->fbb;
  builder.Clear();
  Offset<flatbuffers::Vector<std::uint8_t>> events, catalog, membership, forgets, generations,
      batches, limits;
  AnswerVector answers;
  MessageVector sends;
  Offset<fb::Message> receive;
  if (!entry.events.empty()) events = bytes_of(builder, entry.events);
  if (!entry.catalog.empty()) catalog = bytes_of(builder, entry.catalog);
  if (!entry.membership.empty()) membership = bytes_of(builder, entry.membership);
  if (!entry.forgets.empty()) forgets = bytes_of(builder, forget_bytes(entry.forgets));
  if (!entry.forgets_generations.empty()) {
    generations = bytes_of(builder, generation_bytes(entry.forgets_generations));
  }
  if (!entry.batches.empty()) batches = bytes_of(builder, entry.batches);
  if (!entry.limits.empty()) limits = bytes_of(builder, entry.limits);
  if (!entry.answers.empty()) answers = encode_answers(builder, entry);
  if (!entry.sends.empty()) sends = encode_sends(builder, entry);
  if (entry.receive.number > 0) receive = encode_message(builder, GroupId(0), entry.receive);
  builder.Finish(fb::CreateEntry(
      builder, entry.level, entry.time.v, entry.run.v, entry.previous.v, entry.first_seq.v, events,
      answers, sends, entry.receive_from.v, receive, entry.ack_to.v, entry.ack_through, catalog,
      entry.raise_level, entry.committed.v, membership, forgets, generations, batches, limits));
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

namespace {

// Answers begin with the run's id and uid, or show nothing (engine/dedupe.h).
std::string scrubbed_answer(const std::string& body) {
  static constexpr std::string_view kUid = "\"uid\":\"";
  const std::size_t uid = body.find(kUid);
  if (uid == std::string::npos) return "{}";
  const std::size_t end = body.find('"', uid + kUid.size());
  if (end == std::string::npos || !body.starts_with("{\"id\":\"")) return "{}";
  return body.substr(0, end + 1) + ",\"status\":\"data_deleted\"}";
}

}  // namespace

absl::StatusOr<std::string> scrub_entry(std::string_view bytes,
                                        const std::array<unsigned char, 16>& salt) {
  Entry entry;
  std::string error;
  if (!decode_entry(bytes, &entry, &error)) return absl::DataLossError("scrub: " + error);
  engine::Salt of_run;
  of_run.bytes = salt;
  std::vector<engine::Event> events;
  absl::Status decoded = engine::decode_events(entry.events, &of_run, entry.first_seq, &events);
  if (!decoded.ok()) return decoded;
  Seq seq = entry.first_seq;
  for (engine::Event& event : events) {
    engine::scrub(&event, {of_run, seq, entry.time});
    seq = seq.next();
  }
  entry.events.clear();
  engine::encode_events(events, &entry.events);
  for (engine::KeyedAnswer& answer : entry.answers) answer.body = scrubbed_answer(answer.body);
  EntryEncoder encoder;
  return std::string(encoder.encode(entry));
}

Index run_of_entry(std::string_view bytes) {
  const AlignedBytes aligned(bytes);
  return is_entry(aligned, bytes.size()) ? Index(fb::GetEntry(aligned.data())->run()) : Index(0);
}

bool decode_entry(std::string_view bytes, Entry* entry, std::string* error) {
  const AlignedBytes aligned(bytes);
  if (!is_entry(aligned, bytes.size())) {
    *error = "the entry is not a valid buffer of codecs/entry.fbs";
    return false;
  }
  const fb::Entry& from = *fb::GetEntry(aligned.data());
  *entry = Entry{};
  entry->level = from.level();
  const std::uint16_t level = std::max(entry->level, from.raise_level());
  if (level > kFeatureLevel) {
    *error = "the entry has feature level " + std::to_string(level) + ", this build reads up to " +
             std::to_string(kFeatureLevel) + ": start a newer version of pawl on this store";
    return false;
  }
  entry->time = TimeMs(from.time_ms());
  entry->run = Index(from.run());
  entry->previous = Index(from.previous());
  entry->first_seq = Seq(from.first_seq());
  entry->events = view_of(from.events());
  entry->catalog = view_of(from.catalog());
  if (!decode_answers(from, entry)) {
    *error = "an answer has neither a key and a digest of 32 bytes nor a number";
    return false;
  }
  if (!decode_messages(from, entry, error)) return false;
  entry->ack_to = GroupId(from.ack_to());
  entry->ack_through = from.ack_through();
  entry->raise_level = from.raise_level();
  entry->committed = Index(from.committed());
  entry->membership = view_of(from.membership());
  entry->batches = view_of(from.batches());
  entry->limits = view_of(from.limits());
  if (!decode_forgets(view_of(from.forgets()), &entry->forgets) ||
      !decode_generations(view_of(from.forgets_generations()), &entry->forgets_generations)) {
    *error = "the runs that the entry forgets are not in ascending order";
    return false;
  }
  return true;
}

}  // namespace pawl::codecs
