// Events as bytes. Two forms of one canonical encoding:
//
//   stored:  varint kind, then the fields. A payload is its bytes, without a digest (whoever has
//            the bytes can compute it), or, when scrubbed, its length and digest.
//   hashed:  varint kind, varint seq, zigzag time in ms, then the fields without the salt. A
//   payload
//            is its length and digest. This is what the chain covers:
//
//   hash(0) = 32 zero bytes;   hash(seq) = BLAKE2b-256(hash(seq - 1) || hashed form)
//   payload digest = BLAKE2b-256 of its encoded value, keyed with salt (16) || seq (8, little
//   endian) || ordinal (4, little endian) of the payload within its event, from 0
//
// A payload that is absent is just its length, 0, in both forms.
//
// Fields in the order event.h lists them: unsigned numbers and enumerations as varints, signed ones
// zigzag, bools one byte, strings and lists with a varint count, optionals behind one byte 0 or 1,
// digests as 32 bytes. Equal events have equal bytes; any other bytes are refused.
// docs/log-format.md has the grammar.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/digest.h"
#include "base/ids.h"
#include "engine/event.h"

namespace pawl::engine {

enum class EventForm : std::uint8_t { stored, hashed };

// Where an event stands.
struct EventContext {
  Salt salt;  // of the run; for run.started the event's own is used
  Seq seq;
  TimeMs time;
};

Digest payload_digest(const Salt& salt, Seq seq, std::uint32_t ordinal, std::string_view encoded);
// The payload's digest: what it knows, else computed from its value.
Digest payload_digest(const Salt& salt, Seq seq, std::uint32_t ordinal, const Payload& payload);

// Appends one event. The stored form ignores the context.
void encode_event(const Event& event, const EventContext& context, EventForm form,
                  std::string* out);
// Appends all events of an entry, stored form.
void encode_events(const std::vector<Event>& events, std::string* out);

// Appends to `events` all that encode_events wrote. With a salt (of the run; an entry that starts
// with run.started brings its own) payloads get their digests, which spares computing them later.
// Errors (DataLoss): malformed bytes, or a kind this build does not know: the caller stops the
// group, it never skips an event.
absl::Status decode_events(std::string_view bytes, const Salt* salt, Seq first_seq,
                           std::vector<Event>* events);

// Scrubs: every payload of the event keeps only its length and digest. Its hashed form is as
// before.
void scrub(Event* event, const EventContext& context);

// Buffers reused from event to event.
struct HashScratch {
  std::string bytes;                // the hashed form
  std::vector<Digest> payloads;     // digests by ordinal
  std::uint64_t payload_bytes = 0;  // of their values
};
// The next link of the chain; `scratch` holds the event's hashed form afterwards.
Digest chain_event(const Digest& previous, const Event& event, const EventContext& context,
                   HashScratch* scratch);

}  // namespace pawl::engine
