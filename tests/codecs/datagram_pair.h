// Two boxes that talk UDP through a network the test controls.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "codecs/datagram_session.h"
#include "codecs/keyring.h"
#include "tests/codecs/seeded_bytes.h"

namespace pawl::codecs {

struct DatagramPair {
  explicit DatagramPair(std::uint64_t seed, Protection protection = Protection::kSealed)
      : random(seed) {
    ring[0] = protection == Protection::kSealed ? new_keyring(&random, 0) : plain_keyring();
    ring[1] = ring[0];
    for (int i = 0; i < 2; ++i) {
      options[i].self = NodeId(1 + i);
      options[i].peer = NodeId(2 - i);
      options[i].protection = protection;
      restart(i);
    }
  }

  void restart(int box) {
    session[box] = std::make_unique<DatagramSession>(options[box], ring[box], &random);
  }

  // Hellos go to and fro, nothing is lost, until nobody has anything to say.
  void greet() {
    for (int round = 0; round < 4; ++round) {
      now_ms += 10'000;
      for (int from = 0; from < 2; ++from) {
        const auto hello = session[from]->poll(now_ms);
        if (hello) carry(1 - from, *hello);
      }
    }
  }

  // Gives `datagram` to box `to`, its answer to the other one, and so on.
  void carry(int to, std::string datagram) {
    for (int hops = 0; hops < 10; ++hops) {
      const DatagramOutcome outcome = session[to]->receive(datagram, now_ms);
      const auto* answer = std::get_if<HelloAnswer>(&outcome);
      if (answer == nullptr) return;
      datagram = answer->bytes;
      to = 1 - to;
    }
  }

  SeededBytes random;
  Keyring ring[2];
  DatagramOptions options[2];
  std::unique_ptr<DatagramSession> session[2];
  std::int64_t now_ms = 0;
};

// "data:...", "answer", "taken", or why it was dropped.
inline std::string told(const DatagramOutcome& outcome) {
  if (const auto* data = std::get_if<DatagramData>(&outcome)) {
    return "data:" + std::string(data->bytes);
  }
  if (std::holds_alternative<HelloAnswer>(outcome)) return "answer";
  if (std::holds_alternative<HelloTaken>(outcome)) return "taken";
  return to_string(std::get<Dropped>(outcome).reason);
}

}  // namespace pawl::codecs
