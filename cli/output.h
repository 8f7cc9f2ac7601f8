// What the commands print: aligned tables, colour only where a person looks, and nothing that a
// value could do to a terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dsl/value.h"

namespace pawl::cli {

enum class Colour { none, bold, dim, red, green, yellow };

// Wraps text in the colour's escape sequences if `on`.
std::string paint(std::string_view text, Colour colour, bool on);

// The colour in which a run's status is shown.
Colour status_colour(std::string_view status);

// Text from outside for a terminal: control characters (C0, DEL, C1) become "?", line breaks
// spaces.
std::string printable(std::string_view text);

// At most `max` characters, the last of them "…" if something was cut.
std::string shorten(std::string_view text, std::size_t max);

// With blanks behind it up to `size` bytes.
std::string padded(std::string text, std::size_t size);

class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}
  // As many cells as the header has; cells are made printable.
  void add(std::vector<std::string> cells);
  // The cells of this column are coloured by status_colour.
  void colour_column(std::size_t column) { coloured_ = column; }
  bool empty() const { return rows_.empty(); }
  // Columns padded to their widest cell, two spaces apart, none behind the last.
  std::string render(bool colour) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
  std::size_t coloured_ = static_cast<std::size_t>(-1);
};

// A value as one cell or word: strings bare, null "", everything else compact JSON.
std::string text_of(const dsl::Value& value);
// The same of a map's field; "" if there is none.
std::string text_of(const dsl::Value& map, std::string_view field);

}  // namespace pawl::cli
