#include "rehearsal/report.h"

#include "absl/strings/str_cat.h"
#include "codecs/event_json.h"

namespace pawl::rehearsal {
namespace {

// Where two lists part, for those too long to see it.
std::string first_difference(const dsl::Value& expected, const dsl::Value& actual) {
  if (expected.kind() != dsl::Kind::list || actual.kind() != dsl::Kind::list) return {};
  const dsl::List& a = expected.as_list();
  const dsl::List& b = actual.as_list();
  std::size_t i = 0;
  while (i < a.size() && i < b.size() && a[i].equals(b[i])) ++i;
  const auto item = [&](const dsl::List& list) {
    return i < list.size() ? codecs::to_json(list[i]) : std::string("nothing");
  };
  return absl::StrCat("      number ", i + 1, " should be ", item(a), " and is ", item(b), "\n");
}

}  // namespace

std::string failures_text(const Outcome& outcome) {
  std::string out;
  for (const Difference& failure : outcome.failures) {
    absl::StrAppend(&out, "  at ", failure.at, ": ", failure.what, "\n");
    if (failure.expected || failure.actual) {
      const dsl::Value expected = failure.expected.value_or(dsl::Value());
      const dsl::Value actual = failure.actual.value_or(dsl::Value());
      absl::StrAppend(&out, "      expected: ", codecs::to_json(expected), "\n",
                      "      actual:   ", codecs::to_json(actual), "\n",
                      first_difference(expected, actual));
    }
    if (!failure.hint.empty()) absl::StrAppend(&out, "      hint: ", failure.hint, "\n");
  }
  return out;
}

void append_test(const ReportedTest& test, std::string* out) {
  codecs::JsonWriter w(out);
  w.begin_object().field("file", test.file).field("name", test.name);
  w.field("ok", test.outcome.passed()).plain_key("failures").begin_array();
  for (const Difference& failure : test.outcome.failures) {
    w.begin_object().field("at", failure.at).field("what", failure.what);
    if (failure.expected) w.field("expected", *failure.expected);
    if (failure.actual) w.field("actual", *failure.actual);
    if (!failure.hint.empty()) w.field("hint", failure.hint);
    w.end_object();
  }
  w.end_array();
  if (test.history) {
    w.plain_key("history").begin_array();
    std::string event;
    for (std::size_t i = 0; i < test.outcome.history.size(); ++i) {
      event.clear();
      codecs::append_event(test.outcome.history[i].event, Seq(i + 1), test.outcome.history[i].at,
                           {}, &event);
      w.raw(event);
    }
    w.end_array();
  }
  w.end_object();
}

}  // namespace pawl::rehearsal
