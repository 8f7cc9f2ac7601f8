#include "cli/line_diff.h"

#include <algorithm>
#include <vector>

namespace pawl::cli {
namespace {

constexpr std::size_t kAround = 3;

using Lines = std::vector<std::string_view>;

// Each with its '\n'; the last may lack it.
Lines lines_of(std::string_view text) {
  Lines out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    out.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

// One line of the result: ' ' kept, '-' of the first text, '+' of the second.
struct Step {
  char sign;
  std::string_view line;
};

// The shortest way from `a` to `b`: furthest reaching points by diagonal, one row a difference, and
// back along them.
class Script {
 public:
  Script(const Lines& a, const Lines& b, int steps_max)
      : a_(a), b_(b), n_(static_cast<int>(a.size())), m_(static_cast<int>(b.size())) {
    limit_ = std::min(n_ + m_, steps_max);
    furthest_.assign(static_cast<std::size_t>(2 * limit_ + 3), 0);
  }

  std::vector<Step> run() {
    const int differences = forward();
    if (differences < 0) return replaced();
    std::vector<Step> out;
    back(differences, &out);
    std::reverse(out.begin(), out.end());
    return out;
  }

 private:
  int& at(int diagonal) { return furthest_[static_cast<std::size_t>(diagonal + limit_ + 1)]; }
  std::string_view a(int i) const { return a_[static_cast<std::size_t>(i)]; }
  std::string_view b(int i) const { return b_[static_cast<std::size_t>(i)]; }

  bool comes_from_above(int diagonal, int d) {
    return diagonal == -d || (diagonal != d && at(diagonal - 1) < at(diagonal + 1));
  }

  int forward() {
    for (int d = 0; d <= limit_; ++d) {
      rows_.push_back(furthest_);
      for (int diagonal = -d; diagonal <= d; diagonal += 2) {
        int x = comes_from_above(diagonal, d) ? at(diagonal + 1) : at(diagonal - 1) + 1;
        while (x < n_ && x - diagonal < m_ && a(x) == b(x - diagonal)) ++x;
        at(diagonal) = x;
        if (x >= n_ && x - diagonal >= m_) return d;
      }
    }
    return -1;
  }

  void back(int differences, std::vector<Step>* out) {
    int x = n_, y = m_;
    for (int d = differences; d >= 0; --d) {
      furthest_ = rows_[static_cast<std::size_t>(d)];
      const int diagonal = x - y;
      const bool above = comes_from_above(diagonal, d);
      const int from = above ? diagonal + 1 : diagonal - 1;
      const int x_before = d == 0 ? 0 : at(from);
      const int y_before = d == 0 ? 0 : x_before - from;
      while (x > x_before && y > y_before) {
        out->push_back({' ', a(--x)});
        --y;
      }
      if (d == 0) break;
      if (above) {
        out->push_back({'+', b(--y)});
      } else {
        out->push_back({'-', a(--x)});
      }
    }
  }

  std::vector<Step> replaced() const {
    std::vector<Step> out;
    for (const std::string_view line : a_) out.push_back({'-', line});
    for (const std::string_view line : b_) out.push_back({'+', line});
    return out;
  }

  const Lines& a_;
  const Lines& b_;
  int n_;
  int m_;
  int limit_ = 0;
  std::vector<int> furthest_;  // x by diagonal
  std::vector<std::vector<int>> rows_;
};

std::string range_text(std::size_t before, std::size_t count) {
  const std::size_t first = count == 0 ? before : before + 1;
  return std::to_string(first) + (count == 1 ? "" : "," + std::to_string(count));
}

// Steps `begin` to `end` as a hunk; `a` and `b` lines stand before them.
void write_hunk(const std::vector<Step>& steps, std::size_t begin, std::size_t end, std::size_t a,
                std::size_t b, std::string* out) {
  std::string body;
  std::size_t removed = 0, added = 0;
  for (std::size_t i = begin; i < end; ++i) {
    removed += steps[i].sign != '+' ? 1 : 0;
    added += steps[i].sign != '-' ? 1 : 0;
    body += steps[i].sign;
    body += steps[i].line;
    if (!steps[i].line.ends_with('\n')) body += "\n\\ No newline at end of file\n";
  }
  *out += "@@ -" + range_text(a, removed) + " +" + range_text(b, added) + " @@\n" + body;
}

}  // namespace

std::string line_diff(std::string_view before, std::string_view after,
                      const std::string& before_name, const std::string& after_name,
                      int steps_max) {
  if (before == after) return "";
  const Lines a = lines_of(before), b = lines_of(after);
  const std::vector<Step> steps = Script(a, b, steps_max).run();
  std::string out = "--- " + before_name + "\n+++ " + after_name + "\n";
  std::size_t a_lines = 0, b_lines = 0, written = 0;
  for (std::size_t i = 0; i < steps.size();) {
    if (steps[i].sign == ' ') {
      ++i;
      continue;
    }
    const std::size_t begin = std::max(written, i - std::min(i, kAround));
    std::size_t end = i;  // behind the last difference of the hunk
    for (std::size_t j = i; j < steps.size() && j <= end + 2 * kAround; ++j) {
      if (steps[j].sign != ' ') end = j + 1;
    }
    const std::size_t close = std::min(steps.size(), end + kAround);
    for (std::size_t j = written; j < begin; ++j) ++a_lines, ++b_lines;
    write_hunk(steps, begin, close, a_lines, b_lines, &out);
    for (std::size_t j = begin; j < close; ++j) {
      a_lines += steps[j].sign != '+' ? 1 : 0;
      b_lines += steps[j].sign != '-' ? 1 : 0;
    }
    written = i = close;
  }
  return out;
}

}  // namespace pawl::cli
