#include "cli/output.h"

#include <algorithm>

#include "base/check.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

bool continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Characters, not bytes; what is wide or combining on a terminal counts as one.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !continuation(c); }));
}

std::string_view code(Colour colour) {
  switch (colour) {
    case Colour::none:
      return "";
    case Colour::bold:
      return "\x1b[1m";
    case Colour::dim:
      return "\x1b[2m";
    case Colour::red:
      return "\x1b[31m";
    case Colour::green:
      return "\x1b[32m";
    case Colour::yellow:
      return "\x1b[33m";
  }
  return "";
}

}  // namespace

std::string paint(std::string_view text, Colour colour, bool on) {
  if (!on || colour == Colour::none) return std::string(text);
  return std::string(code(colour)) + std::string(text) + "\x1b[0m";
}

Colour status_colour(std::string_view status) {
  if (status == "completed") return Colour::green;
  if (status == "failed" || status == "terminated") return Colour::red;
  if (status == "paused" || status == "cancelled") return Colour::yellow;
  return Colour::none;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool c1 =
        c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c == '\n' || c == '\t') {
      out.push_back(' ');
    } else if (c < 0x20 || c == 0x7F || c1) {
      out.push_back('?');
      if (c1) ++i;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string shorten(std::string_view text, std::size_t max) {
  if (width(text) <= max) return std::string(text);
  std::size_t end = 0;
  for (std::size_t characters = 0; end < text.size(); ++end) {
    if (!continuation(text[end]) && ++characters == max) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string padded(std::string text, std::size_t size) {
  if (text.size() < size) text.resize(size, ' ');
  return text;
}

void Table::add(std::vector<std::string> cells) {
  PAWL_CHECK(cells.size() == header_.size());
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::render(bool colour) const {
  std::vector<std::size_t> widths;
  for (const std::string& name : header_) widths.push_back(width(name));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells, bool head) {
    std::string plain_end;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const Colour tint = head             ? Colour::bold
                          : i == coloured_ ? status_colour(cells[i])
                                           : Colour::none;
      out += plain_end + paint(cells[i], tint, colour);
      plain_end = std::string(widths[i] - width(cells[i]) + 2, ' ');
    }
    out.push_back('\n');
  };
  line(header_, true);
  for (const auto& row : rows_) line(row, false);
  return out;
}

std::string text_of(const dsl::Value& value) {
  if (value.is_null()) return "";
  if (value.kind() == dsl::Kind::string) return value.as_string();
  return codecs::to_json(value);
}

std::string text_of(const dsl::Value& map, std::string_view field) {
  const dsl::Value* value = map.field(field);
  return value == nullptr ? "" : text_of(*value);
}

}  // namespace pawl::cli
