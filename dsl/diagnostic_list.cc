#include "dsl/diagnostic_list.h"

#include <algorithm>
#include <tuple>

#include "base/limits.h"
#include "dsl/toml_scan.h"
#include "dsl/utf8.h"

namespace pawl::dsl {
namespace {

constexpr std::size_t kLineBytesShown = 200;
constexpr std::size_t kHintWorkMax = 50'000'000;  // byte comparisons; about 0.1 s

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

std::size_t cut_at_character(std::string_view s, std::size_t n) {
  if (n >= s.size()) return s.size();
  while (n > 0 && (static_cast<unsigned char>(s[n]) & 0xc0) == 0x80) --n;
  return n;
}

}  // namespace

DiagnosticList::DiagnosticList(std::string_view source)
    : source_(source), hint_budget_(kHintWorkMax) {
  line_starts_.push_back(0);
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\n') line_starts_.push_back(i + 1);
  }
}

void DiagnosticList::error(Place place, std::string message, std::string hint) {
  ++errors_;
  add(Severity::error, place, std::move(message), std::move(hint));
}

void DiagnosticList::warning(Place place, std::string message, std::string hint) {
  add(Severity::warning, place, std::move(message), std::move(hint));
}

void DiagnosticList::add(Severity severity, Place place, std::string message, std::string hint) {
  // Ten times what is reported, so that sorting still picks the first ones; past it only count.
  if (items_.size() >= 10 * limits::kDiagnosticsMax) {
    ++dropped_;
    return;
  }
  Diagnostic d;
  d.severity = severity;
  d.line = place.line;
  d.column = place.column;
  d.length = std::max(1, place.length);
  d.message = std::move(message);
  d.hint = std::move(hint);
  items_.push_back(std::move(d));
}

std::string DiagnosticList::did_you_mean(std::string_view word,
                                         const std::vector<std::string>& candidates) {
  std::size_t work = 0;
  for (const std::string& candidate : candidates) work += word.size() * candidate.size();
  if (work > hint_budget_) return {};
  hint_budget_ -= work;
  const std::string best = closest(word, candidates);
  return best.empty() ? "" : "did you mean " + quoted(best) + "?";
}

std::size_t DiagnosticList::line_start(int line) const {
  if (line < 1 || static_cast<std::size_t>(line) > line_starts_.size()) return source_.size();
  return line_starts_[static_cast<std::size_t>(line - 1)];
}

std::string DiagnosticList::line_text(Place place) const {
  if (place.line < 1 || place.column < 1 ||
      static_cast<std::size_t>(place.column) > kLineBytesShown) {
    return {};
  }
  std::string_view line = source_.substr(line_start(place.line));
  line = line.substr(0, line.find('\n'));
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (invalid_utf8_at(line) != std::string_view::npos) return {};
  std::string out(line.substr(0, cut_at_character(line, kLineBytesShown)));
  for (char& c : out) {
    if (is_control(c)) c = c == '\t' ? ' ' : '?';
  }
  return out;
}

std::vector<Diagnostic> DiagnosticList::take(int* suppressed) {
  const auto position = [](const Diagnostic& d) {
    return std::tie(d.line, d.column, d.severity, d.message);
  };
  const auto by_position = [&](const Diagnostic& a, const Diagnostic& b) {
    return position(a) < position(b);
  };
  std::sort(items_.begin(), items_.end(), by_position);
  items_.erase(
      std::unique(items_.begin(), items_.end(),
                  [&](const auto& a, const auto& b) { return position(a) == position(b); }),
      items_.end());
  std::stable_partition(items_.begin(), items_.end(),
                        [](const Diagnostic& d) { return d.severity == Severity::error; });
  *suppressed = dropped_;
  if (items_.size() > limits::kDiagnosticsMax) {
    *suppressed += static_cast<int>(items_.size()) - limits::kDiagnosticsMax;
    items_.resize(limits::kDiagnosticsMax);
  }
  std::sort(items_.begin(), items_.end(), by_position);
  for (Diagnostic& d : items_) {
    d.line_text = line_text({d.line, d.column, d.length});
    const int columns = static_cast<int>(count_runes(d.line_text));
    if (!d.line_text.empty()) d.length = std::clamp(columns - d.column + 1, 1, d.length);
  }
  errors_ = 0;
  dropped_ = 0;
  return std::move(items_);
}

std::string quoted(std::string_view name, std::size_t bytes_max) {
  constexpr char kHex[] = "0123456789abcdef";
  const std::size_t shown = cut_at_character(name, bytes_max);
  std::string out = "`";
  for (const char c : name.substr(0, shown)) {
    if (is_control(c)) {
      const auto byte = static_cast<unsigned char>(c);
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out += c;
    }
  }
  if (shown < name.size()) out += "…";
  return out + "`";
}

}  // namespace pawl::dsl
