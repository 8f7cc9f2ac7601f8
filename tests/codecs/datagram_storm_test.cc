// Ten thousand random sequences of what two boxes and an adversary on the network may do. Only what
// was really sent in the current pair of boots arrives, each datagram at most once; afterwards,
// left alone, the boxes always find one another again. PAWL_SEED=N repeats one sequence.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <set>
#include <vector>

#include "base/random.h"
#include "tests/codecs/datagram_pair.h"

namespace pawl::codecs {
namespace {

constexpr std::uint64_t kSequences = 10'000;

// Counts what happened, so that a storm in which nothing happens is noticed.
struct StormCount {
  std::uint64_t delivered = 0, dropped = 0, restarts = 0, lives = 0, forged = 0;
};

class Storm {
 public:
  Storm(std::uint64_t seed, StormCount* count)
      : random_(seed), pair_(seed), count_(count), label_("PAWL_SEED=" + std::to_string(seed)) {}

  void run() {
    for (std::uint64_t i = 20 + random_.below(100); i > 0; --i) step();
    pair_.greet();
    for (int from = 0; from < 2; ++from) {
      BOOST_REQUIRE_MESSAGE(pair_.session[from]->live(), label_ << ": not live again");
      send(from);
      BOOST_REQUIRE_MESSAGE(deliver(1 - from, wire_[1 - from].back()),
                            label_ << ": live, but data does not arrive");
    }
  }

 private:
  void step() {
    const int box = static_cast<int>(random_.below(2));
    pair_.now_ms += static_cast<std::int64_t>(random_.below(200));
    switch (random_.below(16)) {
      case 0:
        pair_.restart(box);
        ++count_->restarts;
        return;
      case 1:
        return rotate(box);
      case 2:
      case 3:
      case 4:
        return poll(box);
      case 5:
      case 6:
      case 7:
        return send(box);
      case 8:
        return forge(box);
      case 9:  // reflected, as it is or with the sender's id changed
        return reflect(box);
      default:
        return deliver_any(box);
    }
  }

  void poll(int box) {
    const auto hello = pair_.session[box]->poll(pair_.now_ms);
    if (hello) wire_[1 - box].push_back(*hello);
  }

  void send(int box) {
    const std::string payload = std::to_string(++sent_) + (box == 0 ? " from 1" : " from 2");
    std::string datagram;
    if (!pair_.session[box]->send(payload, &datagram)) return;
    const BootId boots[2] = {pair_.session[box]->boot(), pair_.session[box]->peer_boot()};
    open_.insert({payload, boots[0], boots[1]});
    wire_[1 - box].push_back(datagram);
  }

  // Mostly what was sent lately, at times anything that ever was.
  void deliver_any(int box) {
    if (wire_[box].empty()) return;
    const std::size_t all = wire_[box].size();
    const std::size_t late = random_.chance(0.7) ? std::min<std::size_t>(all, 3) : all;
    deliver(box, wire_[box][all - 1 - random_.below(late)]);
  }

  // Whether it was taken as data. What is delivered twice, or to another pair, fails the test.
  bool deliver(int box, const std::string datagram) {
    const bool lived = pair_.session[box]->live();
    const DatagramOutcome outcome = pair_.session[box]->receive(datagram, pair_.now_ms);
    if (!lived && pair_.session[box]->live()) ++count_->lives;
    if (const auto* answer = std::get_if<HelloAnswer>(&outcome)) {
      wire_[1 - box].push_back(answer->bytes);
    }
    if (std::holds_alternative<Dropped>(outcome)) ++count_->dropped;
    const auto* data = std::get_if<DatagramData>(&outcome);
    if (data == nullptr) return false;
    ++count_->delivered;
    const DatagramSession& session = *pair_.session[box];
    const auto sent = open_.find({std::string(data->bytes), session.peer_boot(), session.boot()});
    BOOST_REQUIRE_MESSAGE(sent != open_.end(),
                          label_ << ": " << data->bytes << " is of no such pair, or twice");
    BOOST_REQUIRE(data->bytes.ends_with(box == 0 ? "from 2" : "from 1"));
    open_.erase(sent);
    return true;
  }

  void forge(int box) {
    if (wire_[box].empty()) return;
    std::string datagram = wire_[box][random_.below(wire_[box].size())];
    if (random_.chance(0.2)) {
      datagram.resize(random_.below(datagram.size()));
    } else {
      datagram[random_.below(datagram.size())] ^= static_cast<char>(1 << random_.below(8));
    }
    ++count_->forged;
    const DatagramOutcome outcome = pair_.session[box]->receive(datagram, pair_.now_ms);
    BOOST_REQUIRE_MESSAGE(std::holds_alternative<Dropped>(outcome),
                          label_ << ": " << told(outcome));
  }

  void reflect(int box) {
    if (wire_[1 - box].empty()) return;
    std::string datagram = wire_[1 - box][random_.below(wire_[1 - box].size())];
    if (random_.chance(0.5)) datagram[6] = static_cast<char>(2 - box);
    const DatagramOutcome outcome = pair_.session[box]->receive(datagram, pair_.now_ms);
    BOOST_REQUIRE_MESSAGE(std::holds_alternative<Dropped>(outcome),
                          label_ << ": " << told(outcome));
  }

  // One step of a rotation that is right for the cluster as a whole.
  void rotate(int box) {
    Keyring* ring = &pair_.ring[box];
    const Keyring& other = pair_.ring[1 - box];
    const KeyId newest = std::max(ring->keys.back().id, other.keys.back().id);
    const bool mine = ring->accepted(newest) != nullptr;
    const bool theirs = other.accepted(newest) != nullptr;
    if (!mine) {
      install_key(ring, *other.accepted(newest));
    } else if (theirs && ring->active().id != newest) {
      use_key(ring, newest);
    } else if (other.active().id == newest && ring->accepted(newest.prev()) != nullptr) {
      retire_key(ring, newest.prev());
    } else if (other.active().id == newest && other.accepted(newest.prev()) == nullptr) {
      install_key(ring, new_key(*ring, &pair_.random, 0));
    }
    pair_.session[box]->use_keyring(*ring);
  }

  struct Sent {
    std::string payload;
    BootId from, to;
    friend auto operator<=>(const Sent&, const Sent&) = default;
  };

  Random random_;
  DatagramPair pair_;
  StormCount* count_;
  std::string label_;
  std::vector<std::string> wire_[2];  // all that was ever sent to each box
  std::set<Sent> open_;               // sent, not yet delivered
  std::uint64_t sent_ = 0;
};

BOOST_AUTO_TEST_CASE(ten_thousand_datagram_storms) {
  StormCount count;
  if (const char* only = std::getenv("PAWL_SEED")) {
    Storm(std::strtoull(only, nullptr, 10), &count).run();
    return;
  }
  for (std::uint64_t seed = 1; seed <= kSequences; ++seed) Storm(seed, &count).run();
  BOOST_TEST_MESSAGE(count.delivered << " delivered, " << count.dropped << " dropped, "
                                     << count.restarts << " restarts, " << count.lives
                                     << " sessions came to live, " << count.forged << " forged");
  BOOST_TEST(count.delivered > kSequences * 2);
  BOOST_TEST(count.dropped > kSequences * 2);
  BOOST_TEST(count.restarts > kSequences * 2);
  BOOST_TEST(count.lives > kSequences * 2);
  BOOST_TEST(count.forged > kSequences);
}

}  // namespace
}  // namespace pawl::codecs
