#include "engine/run_glance.h"

#include <array>
#include <vector>

#include "base/bytes.h"
#include "engine/event_visit.h"
#include "engine/field_bytes.h"
#include "engine/run.h"

namespace pawl::engine {
namespace {

// Passes over fields in the snapshot's form; the values it is given say only of what type they are.
class Skipper {
 public:
  explicit Skipper(ByteReader* in) : in_(*in) {}

  template <class T>
  void operator()(const char*, const T& x) {
    pass(x);
  }
  template <class T>
  void pass(const T&) {
    if constexpr (Reflected<T>) {
      static const T any{};
      T::fields(any, *this);
    } else if constexpr (std::is_same_v<T, bool>) {
      in_.u8();
    } else {
      in_.varint();  // a number, plain or zigzag, a strong one or an enumeration
    }
  }
  void pass(const std::string&) { in_.str(); }
  void pass(const Digest& x) { in_.raw(x.size()); }
  void pass(const Salt& x) { in_.raw(x.bytes.size()); }
  void pass(const std::array<unsigned char, 16>& x) { in_.raw(x.size()); }
  void pass(const Actor& x) {
    pass(x.box);
    pass(x.uid);
    pass(x.gids);
  }
  template <class T>
  void pass(const std::optional<T>&) {
    if (in_.u8() != 0) pass(T{});
  }
  template <class T>
  void pass(const std::vector<T>&) {
    const T any{};
    for (std::uint64_t n = in_.varint(); n > 0 && in_.ok(); --n) pass(any);
  }
  template <class T>
  void pass(const Shared<T>& x) {
    if constexpr (Trailing<T>) {
      if (in_.at_end()) return;
    }
    pass(x.get());
  }
  void pass(const Payload&) {
    const std::uint64_t length = in_.varint();
    if (length == 0) return;
    const std::uint8_t flags = in_.u8();
    if ((flags & 2) != 0) in_.raw(Digest{}.size());
    if ((flags & 5) == 0) in_.raw(length);
  }

 protected:
  ByteReader& in_;
};

// A run's fields by their names, the rest passed over.
class GlanceReader : public Skipper {
 public:
  GlanceReader(ByteReader* in, RunGlance* out) : Skipper(in), out_(*out) {}

  template <class T>
  void operator()(const char* field, const T& x) {
    const std::string_view name(field);
    if constexpr (std::is_same_v<T, Shared<RunIdentity>>) {
      static const RunIdentity any{};
      RunIdentity::fields(any, *this);
    } else if constexpr (std::is_same_v<T, std::vector<Frame>>) {
      frames();
    } else if constexpr (std::is_same_v<T, std::vector<Timer>>) {
      timers();
    } else if constexpr (std::is_same_v<T, std::vector<Shared<Step>>>) {
      out_.has_steps = some(x);
    } else if constexpr (std::is_same_v<T, std::vector<Shared<Incident>>>) {
      out_.has_incidents = some(x);
    } else if constexpr (std::is_same_v<T, Shared<RunTree>>) {
      out_.has_tree = !in_.at_end();
      pass(x);
    } else if constexpr (std::is_same_v<T, Shared<std::vector<Generation>>>) {
      FieldDecoder<FieldForm::snapshot>(&in_).get(&out_.older);
    } else if (!take(name)) {
      pass(x);
    }
  }

 private:
  // True if the field was one that is wanted.
  bool take(std::string_view name) {
    if (name == "group") {
      out_.uid.group = GroupId(static_cast<std::uint16_t>(in_.varint()));
    } else if (name == "index") {
      out_.uid.index = Index(in_.varint());
    } else if (name == "id") {
      out_.id = in_.str();
    } else if (name == "workflow") {
      out_.workflow = in_.str();
    } else if (name == "version") {
      out_.version = static_cast<std::uint32_t>(in_.varint());
    } else if (name == "status") {
      const std::uint64_t n = in_.varint();
      if (n > static_cast<std::uint64_t>(enum_max(RunStatus{}))) in_.fail();
      out_.status = static_cast<RunStatus>(n);
    } else if (name == "started_at") {
      out_.started_at = TimeMs(in_.svarint());
    } else if (name == "updated_at") {
      out_.updated_at = TimeMs(in_.svarint());
    } else if (name == "closed_at") {
      if (in_.u8() != 0) out_.closed_at = TimeMs(in_.svarint());
    } else if (name == "last_entry") {
      out_.last_entry = Index(in_.varint());
    } else if (name == "state_bytes") {
      out_.state_bytes = in_.varint();
    } else if (name == "first_entry") {
      out_.first_entry = Index(in_.varint());
    } else {
      return false;
    }
    return true;
  }
  void frames() {
    static const Frame any{};
    std::uint64_t n = in_.varint();
    if (n == 0) return;
    pass(any.path);
    out_.state = in_.str();
    pass(any.visit), pass(any.entered_at), pass(any.entered_seq), pass(any.vars);
    for (--n; n > 0 && in_.ok(); --n) pass(any);
  }
  void timers() {
    for (std::uint64_t n = in_.varint(); n > 0 && in_.ok(); --n) {
      FieldDecoder<FieldForm::snapshot> decoder(&in_);
      decoder.get(&out_.timers.emplace_back());
    }
  }
  template <class T>
  bool some(const std::vector<T>&) {
    const T any{};
    const std::uint64_t count = in_.varint();
    for (std::uint64_t n = count; n > 0 && in_.ok(); --n) pass(any);
    return count > 0;
  }

  RunGlance& out_;
};

}  // namespace

bool glance_at(std::string_view run_bytes, RunGlance* glance) {
  // What is not there in every run; the rest is always read.
  glance->state = {};
  glance->closed_at.reset();
  glance->timers.clear();
  glance->older.clear();
  ByteReader in(run_bytes);
  static const Run any{};
  Run::fields(any, GlanceReader(&in, glance));
  return in.done();
}

}  // namespace pawl::engine
