// A datagram session on arbitrary bytes. The input is a list of pieces: what the network does next.
// The plain mode opens whatever has the right checksum, so that bodies are reached, which a seal
// would hide; the sealed mode must drop every byte that the other box did not say.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/checksum.h"
#include "codecs/datagram_session.h"
#include "tests/codecs/datagram_pair.h"

namespace {

using namespace pawl;
using namespace pawl::codecs;

// A copy of its own memory of exactly that size: a read past it is found.
std::string told_of(DatagramSession* session, std::string_view datagram, std::int64_t now_ms,
                    std::string* answer) {
  const std::unique_ptr<char[]> copy(new char[datagram.size()]);
  datagram.copy(copy.get(), datagram.size());
  const DatagramOutcome outcome = session->receive({copy.get(), datagram.size()}, now_ms);
  if (const auto* a = std::get_if<HelloAnswer>(&outcome)) *answer = a->bytes;
  return told(outcome);
}

// The piece as a plain datagram of the live pair, its checksum made right.
std::string checksummed(const DatagramPair& pair, std::string_view piece) {
  std::string datagram(piece);
  if (datagram.size() > 14) {
    datagram[1] = static_cast<char>(datagram[1] | wire::kPlainBit);
    datagram[6] = static_cast<char>(pair.options[0].self.v);
    for (int i = 7; i < 14; ++i) datagram[static_cast<std::size_t>(i)] = 0;
  }
  ByteWriter(&datagram).fixed32(crc32c(datagram));
  return datagram;
}

void run_plain(std::string_view bytes) {
  DatagramPair pair(1, Protection::kPlain);
  pair.greet();
  ByteReader r(bytes);
  std::string answer;
  while (!r.at_end()) {
    const std::string_view piece = r.raw(std::min<std::uint64_t>(r.u8(), r.remaining()));
    pair.now_ms += 50;
    told_of(pair.session[1].get(), checksummed(pair, piece), pair.now_ms, &answer);
    if (answer.size() > limits::kDatagramBytesMax) std::abort();
  }
  pair.greet();
}

void run_sealed(std::string_view bytes) {
  DatagramPair pair(2);
  std::set<std::string> genuine;
  std::string said = *pair.session[0]->poll(0);
  genuine.insert(said);
  ByteReader r(bytes);
  while (!r.at_end()) {
    // An edit of something genuine: xor the piece over it at a place.
    std::string datagram = said;
    const std::size_t at = r.u8();
    const std::string_view piece = r.raw(std::min<std::uint64_t>(r.u8() % 16, r.remaining()));
    for (std::size_t i = 0; i < piece.size(); ++i) {
      if (at + i < datagram.size()) datagram[at + i] ^= piece[i];
    }
    std::string answer;
    const std::string got = told_of(pair.session[1].get(), datagram, pair.now_ms, &answer);
    const bool taken = got == "answer" || got == "taken" || got.rfind("data:", 0) == 0;
    if (taken && genuine.count(datagram) == 0) std::abort();
    pair.now_ms += 300;
    pair.greet();
    std::string next;
    if (pair.session[0]->send(piece, &next)) said = next;
    genuine.insert(said);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 4096) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 4 == 0) {
    run_sealed(bytes);
  } else {
    run_plain(bytes);
  }
  return 0;
}
