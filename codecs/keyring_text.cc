// The keyring's file: one line a fact, columns that are compared by eye.
#include <array>
#include <charconv>

#include "base/check.h"
#include "base/limits.h"
#include "codecs/keyring.h"
#include "dsl/expression.h"

namespace pawl::codecs {
namespace {

constexpr std::string_view kFormatName = "pawl-keyring";
constexpr std::string_view kFormatVersion = "1";
constexpr std::string_view kNoSecret = "-";
constexpr std::string_view kPreamble =
    R"(# Pawl's keyring. Whoever can read it can join the cluster and read all its traffic: it belongs to
# the user pawl, mode 0600, and is the same on every box. A key is
#   installed  accepted, not yet or no longer sent with
#   active     accepted and sent with; exactly one is
#   retired    accepted no longer; its secret is gone, its number stays taken
# To rotate: install a new key on every box, then use it on every box, then retire the old one on
# every box. Equal fingerprints on two boxes mean equal keys. `rotation` is the last one this box took part in.
)";
constexpr std::string_view kColumns = "#   id state     created              fingerprint secret\n";

constexpr char kDigits[] = "0123456789abcdef";

void append_hex(std::string_view bytes, std::string* out) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out->push_back(kDigits[byte >> 4]);
    out->push_back(kDigits[byte & 15]);
  }
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// Exactly 2 * bytes lower-case digits.
bool read_hex(std::string_view text, unsigned char* out, std::size_t bytes) {
  if (text.size() != 2 * bytes) return false;
  for (std::size_t i = 0; i < bytes; ++i) {
    const int high = digit(text[2 * i]);
    const int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<unsigned char>(high << 4 | low);
  }
  return true;
}

void append_padded(std::string_view text, std::size_t width, std::string* out) {
  out->append(text);
  out->append(text.size() < width ? width - text.size() : 0, ' ');
  out->push_back(' ');
}

// The words of one line, without its comment; false if there are more than fit.
using Words = std::array<std::string_view, 6>;
bool split(std::string_view line, Words* words, std::size_t* count) {
  *count = 0;
  line = line.substr(0, line.find('#'));
  for (;;) {
    const std::size_t from = line.find_first_not_of(" \t");
    if (from == std::string_view::npos) return true;
    if (*count == words->size()) return false;
    line.remove_prefix(from);
    const std::size_t bytes = std::min(line.find_first_of(" \t"), line.size());
    (*words)[(*count)++] = line.substr(0, bytes);
    line.remove_prefix(bytes);
  }
}

// Reads line by line into ring_; each step returns what is wrong, or nothing.
class KeyringReader {
 public:
  std::string_view line(std::string_view text) {
    Words words;
    std::size_t count = 0;
    for (const char c : text) {
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) {
        return "a control character (the file has Unix line ends and nothing binary)";
      }
    }
    if (!split(text, &words, &count)) return "too many words";
    if (count == 0) return {};
    if (!versioned_) return version(words, count);
    if (words[0] == "cluster") return cluster(words, count);
    if (words[0] == "rotation") return rotation(words, count);
    if (words[0] == "key") return key(words, count);
    return "expected `cluster`, `rotation` or `key` at the beginning of the line";
  }

  // After the last line.
  std::string_view end() const {
    if (!versioned_) return "the file is empty; it begins with `pawl-keyring 1`";
    if (ring_.cluster.is_none()) return "the line `cluster ID` is missing";
    if (!has_active_) return "no key is active; exactly one has to be";
    return {};
  }

  const Keyring& ring() const { return ring_; }

 private:
  std::string_view version(const Words& words, std::size_t count) {
    if (words[0] != kFormatName || count != 2) return "expected `pawl-keyring 1` before all else";
    if (words[1] != kFormatVersion) return "a keyring of another format; this build reads format 1";
    versioned_ = true;
    return {};
  }

  std::string_view cluster(const Words& words, std::size_t count) {
    if (!ring_.cluster.is_none()) return "a second `cluster`";
    if (count != 2 || !read_hex(words[1], ring_.cluster.v.data(), ClusterId::kBytes)) {
      return "`cluster` takes an id of 32 lower-case hexadecimal digits";
    }
    if (ring_.cluster.is_none()) return "the cluster's id is all zeros";
    return {};
  }

  std::string_view rotation(const Words& words, std::size_t count) {
    const std::string_view word = words[1];
    std::uint64_t number = 0;
    if (count == 2 && word.front() != '0') {
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
      if (error != std::errc() || end != word.data() + word.size()) number = 0;
    }
    if (number == 0 || ring_.rotation != 0) return "`rotation` takes one number, and stands once";
    ring_.rotation = number;
    return {};
  }

  std::string_view key(const Words& words, std::size_t count) {
    if (ring_.cluster.is_none()) return "`cluster` comes before the keys";
    if (count != 6) return "a key takes five words: ID STATE CREATED FINGERPRINT SECRET";
    if (ring_.keys.size() == limits::kKeyringKeysMax) return "more than 8 keys";
    static_assert(limits::kKeyringKeysMax == 8);
    ClusterKey key;
    std::string_view wrong = number(words[1], &key);
    if (wrong.empty()) wrong = state(words[2], &key);
    if (wrong.empty()) wrong = created(words[3], &key);
    if (wrong.empty()) wrong = secret(words[4], words[5], &key);
    if (wrong.empty()) ring_.keys.push_back(key);
    return wrong;
  }

  std::string_view number(std::string_view word, ClusterKey* key) const {
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), key->id.v);
    if (error != std::errc() || end != word.data() + word.size() || key->id.v == 0 ||
        word.front() == '0') {
      return "the first word of a key is its number, 1 to 4294967295";
    }
    if (!ring_.keys.empty() && ring_.keys.back().id >= key->id) {
      return "keys stand in ascending order of their numbers, each number once";
    }
    return {};
  }

  std::string_view state(std::string_view word, ClusterKey* key) {
    for (const KeyState known : {KeyState::kInstalled, KeyState::kActive, KeyState::kRetired}) {
      if (word != to_string(known)) continue;
      key->state = known;
      if (known != KeyState::kActive) return {};
      if (has_active_) return "a second active key; exactly one has to be";
      has_active_ = true;
      return {};
    }
    return "the second word of a key is its state: installed, active or retired";
  }

  static std::string_view created(std::string_view word, ClusterKey* key) {
    dsl::Timestamp time;
    if (!dsl::parse_timestamp(word, &time) || dsl::to_string(time) != word || time.nanos != 0) {
      return "the third word of a key is when it was made, like 2026-01-31T09:30:00Z";
    }
    key->created_seconds = time.seconds;
    return {};
  }

  std::string_view secret(std::string_view print, std::string_view word, ClusterKey* key) const {
    std::array<unsigned char, 4> print_bytes;
    if (!read_hex(print, print_bytes.data(), print_bytes.size())) {
      return "the fourth word of a key is its fingerprint, 8 lower-case hexadecimal digits";
    }
    key->fingerprint = print;
    if (key->state == KeyState::kRetired) {
      return word == kNoSecret ? std::string_view()
                               : "a retired key has `-` in place of its secret";
    }
    PublicKey bytes;  // same size; wiped below
    const bool good = read_hex(word, bytes.data(), bytes.size());
    if (good) key->secret = SecretKey(as_view(bytes));
    wipe(bytes.data(), bytes.size());
    if (!good) return "the fifth word of a key is its secret, 64 lower-case hexadecimal digits";
    if (key->secret.is_zero()) return "the secret is all zeros";
    if (fingerprint(ring_.cluster, key->secret) != key->fingerprint) {
      return "the fingerprint is not that of this cluster id and secret: one of the three is "
             "mistyped";
    }
    for (const ClusterKey& other : ring_.keys) {
      if (other.secret == key->secret) return "an earlier key has the same secret";
    }
    return {};
  }

  Keyring ring_;
  bool versioned_ = false;
  bool has_active_ = false;
};

}  // namespace

std::string format_keyring(const Keyring& ring) {
  PAWL_CHECK(!ring.cluster.is_none());
  PAWL_CHECK(ring.active().id.v != 0);
  std::string text;
  // Never moved to larger memory, which would leave secrets behind in the smaller one.
  text.reserve(limits::kKeyringBytesMax);
  text.append(kPreamble).append(kFormatName).append(" ").append(kFormatVersion);
  text.append("\ncluster ");
  append_hex(ring.cluster.view(), &text);
  if (ring.rotation != 0) text.append("\nrotation ").append(std::to_string(ring.rotation));
  text.append("\n\n").append(kColumns);
  for (const ClusterKey& key : ring.keys) {
    text.append("key ");
    append_padded(std::to_string(key.id.v), 2, &text);
    append_padded(to_string(key.state), 9, &text);
    append_padded(dsl::to_string(dsl::Timestamp{key.created_seconds, 0}), 20, &text);
    append_padded(key.fingerprint, 11, &text);
    if (key.state == KeyState::kRetired) {
      text.append(kNoSecret);
    } else {
      append_hex(key.secret.view(), &text);
    }
    text.push_back('\n');
  }
  PAWL_CHECK(text.size() <= limits::kKeyringBytesMax);
  return text;
}

bool parse_keyring(std::string_view text, Keyring* ring, std::string* error) {
  if (text.size() > limits::kKeyringBytesMax) {
    *error =
        "line 1: the file is larger than " + std::to_string(limits::kKeyringBytesMax) + " bytes";
    return false;
  }
  KeyringReader reader;
  int number = 0;
  std::string_view wrong;
  for (std::string_view rest = text; wrong.empty() && !rest.empty();) {
    const std::size_t bytes = rest.find('\n');
    ++number;
    wrong = reader.line(rest.substr(0, bytes));
    rest.remove_prefix(bytes == std::string_view::npos ? rest.size() : bytes + 1);
  }
  if (wrong.empty()) {
    wrong = reader.end();
    ++number;
  }
  if (!wrong.empty()) {
    *error = "line " + std::to_string(number) + ": ";
    error->append(wrong);
    return false;
  }
  *ring = reader.ring();
  return true;
}

}  // namespace pawl::codecs
