#include "engine/event_bytes.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "engine/field_bytes.h"

namespace pawl::engine {
namespace {

EventContext context_of(const Event& event, const EventContext& context) {
  EventContext own = context;
  if (const auto* started = std::get_if<RunStarted>(&event)) own.salt = started->salt;
  if (const auto begun = generation_begun(event)) own.salt = begun->parts.identity.salt;
  return own;
}

// Returns the bytes of the payloads' values.
std::uint64_t encode_hashed(const Event& event, const EventContext& context,
                            std::vector<Digest>* payloads, std::string* out) {
  FieldEncoder<FieldForm::hashed> encoder(out, &context, payloads);
  encoder.writer().varint(event_kind(event));
  encoder.writer().varint(context.seq.v);
  encoder.writer().svarint(context.time.v);
  visit_fields(event, encoder);
  return encoder.payload_bytes();
}

// Makes the alternative with this kind current; false if there is none. Kinds are the alternatives'
// positions plus one, which event.cc asserts.
template <std::size_t... i>
bool emplace_kind(std::uint64_t kind, Event* event, std::index_sequence<i...>) {
  return ((kind == i + 1 ? (event->emplace<i>(), true) : false) || ...);
}

}  // namespace

Digest payload_digest(const Salt& salt, Seq seq, std::uint32_t ordinal, std::string_view encoded) {
  char key[28];
  std::memcpy(key, salt.bytes.data(), 16);
  for (int i = 0; i < 8; ++i) key[16 + i] = static_cast<char>(seq.v >> (8 * i));
  for (int i = 0; i < 4; ++i) key[24 + i] = static_cast<char>(ordinal >> (8 * i));
  return digest(encoded, {key, sizeof key});
}

Digest payload_digest(const Salt& salt, Seq seq, std::uint32_t ordinal, const Payload& payload) {
  if (payload.digest) return *payload.digest;
  PAWL_CHECK(!payload.scrubbed && !payload.cold);
  std::string encoded;
  encoded.reserve(payload.length);
  payload.value.encode(&encoded);
  PAWL_CHECK(encoded.size() == payload.length);
  return payload_digest(salt, seq, ordinal, encoded);
}

void encode_event(const Event& event, const EventContext& context, EventForm form,
                  std::string* out) {
  if (form == EventForm::hashed) {
    encode_hashed(event, context_of(event, context), nullptr, out);
    return;
  }
  FieldEncoder<FieldForm::stored> encoder(out);
  encoder.writer().varint(event_kind(event));
  visit_fields(event, encoder);
}

void encode_events(const std::vector<Event>& events, std::string* out) {
  for (const Event& event : events) encode_event(event, {}, EventForm::stored, out);
}

absl::Status decode_events(std::string_view bytes, const Salt* salt, Seq first_seq,
                           std::vector<Event>* events) {
  ByteReader in(bytes);
  EventContext context;
  bool salted = salt != nullptr;
  if (salted) context.salt = *salt;
  context.seq = first_seq;
  while (!in.at_end()) {
    const std::size_t at = bytes.size() - in.remaining();
    const std::uint64_t kind = in.varint();
    Event& event = events->emplace_back();
    if (in.ok() &&
        !emplace_kind(kind, &event, std::make_index_sequence<std::variant_size_v<Event>>())) {
      return absl::DataLossError(
          absl::StrCat("decode events: unknown event kind ", kind, " at byte ", at,
                       ": it was written by a newer version of pawl; run that version"));
    }
    salted = salted || std::holds_alternative<RunStarted>(event) ||
             std::holds_alternative<RunContinued>(event) ||
             std::holds_alternative<RunRenewed>(event);
    FieldDecoder<FieldForm::stored> decoder(&in, salted ? &context : nullptr);
    std::visit([&decoder](auto& e) { std::decay_t<decltype(e)>::fields(e, decoder); }, event);
    if (!in.ok()) {
      return absl::DataLossError(
          absl::StrCat("decode events: malformed event of kind ", kind, " at byte ", at));
    }
    context.seq = context.seq.next();
  }
  if (!in.ok()) return absl::DataLossError("decode events: malformed bytes");
  return absl::OkStatus();
}

namespace {

class Scrubber {
 public:
  explicit Scrubber(const EventContext& context) : context_(context) {}

  template <class T>
  void operator()(const char*, T& x) {
    scrub_in(&x);
  }

 private:
  template <class T>
  void scrub_in(T* x) {
    if constexpr (Reflected<T>) T::fields(*x, *this);
  }
  template <class T>
  void scrub_in(std::optional<T>* x) {
    if (*x) scrub_in(&**x);
  }
  template <class T>
  void scrub_in(std::vector<T>* x) {
    for (T& item : *x) scrub_in(&item);
  }
  void scrub_in(Payload* x) {
    const std::uint32_t ordinal = ordinal_++;
    if (x->length == 0) return;
    x->digest = payload_digest(context_.salt, context_.seq, ordinal, *x);
    x->value = dsl::Value();
    x->scrubbed = true;
  }

  EventContext context_;
  std::uint32_t ordinal_ = 0;
};

}  // namespace

void scrub(Event* event, const EventContext& context) {
  Scrubber scrubber(context_of(*event, context));
  std::visit([&scrubber](auto& e) { std::decay_t<decltype(e)>::fields(e, scrubber); }, *event);
}

Digest chain_event(const Digest& previous, const Event& event, const EventContext& context,
                   HashScratch* scratch) {
  scratch->bytes.clear();
  scratch->payloads.clear();
  scratch->payload_bytes =
      encode_hashed(event, context_of(event, context), &scratch->payloads, &scratch->bytes);
  return digest_chain(previous, scratch->bytes);
}

}  // namespace pawl::engine
