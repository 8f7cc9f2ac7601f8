// The table of the language's keys and its parser agree. For each kind of table there is a
// definition with a gap; every word that the parser's sources ask for, and every key of the table,
// is put into it: what the parser calls unknown must not be in the table, and what it knows must.

#include "dsl/language.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "dsl/definition.h"

namespace pawl::dsl {
namespace {

namespace fs = std::filesystem;

// Tables by kind, with @@ where a key goes.
const std::map<TableKind, std::string>& gaps() {
  static const std::string head = "dsl = 1\nname = \"x\"\nstart = \"a\"\n";
  static const std::string state = head + "[signal.s]\n[state.a]\n";
  static const std::map<TableKind, std::string> out = {
      {TableKind::root, "@@\n[state.a]\nend = \"completed\"\n"},
      {TableKind::field, head + "[input]\nf = { @@ }\n"},
      {TableKind::signal, head + "[signal.s]\n@@\n"},
      {TableKind::retry, head + "[retry.r]\n@@\n"},
      {TableKind::task_type, head + "[task.\"t.u\"]\n@@\n"},
      {TableKind::limit, head + "[limit.n]\n@@\n"},
      {TableKind::schedule, head + "[schedule.n]\n@@\n"},
      {TableKind::timeouts, state + "task = \"t.u\"\n[state.a.timeout]\n@@\n"},
      {TableKind::state, state + "@@\n"},
      {TableKind::computed_timer, state + "after = [ { @@ } ]\n"},
      {TableKind::handler, state + "on.s = { @@ }\n"},
      {TableKind::handler_task, state + "on.s = { task = { task = \"t.u\", @@ } }\n"},
      {TableKind::catch_entry, state + "catch = { @@ }\n"},
      {TableKind::choose_branch, state + "choose = [ { @@ } ]\n"},
      {TableKind::undo, state + "task = \"t.u\"\n[state.a.undo]\n@@\n"},
      {TableKind::flow, state + "end = \"completed\"\n[flow.f]\n@@\n"},
      {TableKind::send, state + "send = { @@ }\n"},
      {TableKind::anew, state + "continue = { @@ }\n"},
      {TableKind::sleep_until, state + "sleep = { @@ }\n"},
      {TableKind::raise, state + "raise = { @@ }\n"},
      {TableKind::id, head + "[id]\n@@\n"},
      {TableKind::retention, head + "[retention]\n@@\n"},
      {TableKind::history, head + "[history]\n@@\n"},
      {TableKind::migrate, head + "[migrate]\n@@\n"},
  };
  return out;
}

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

// Every word in quotes of the files that parse definitions.
std::set<std::string> candidates() {
  std::set<std::string> out;
  const std::regex word("\"([a-z_]+)\"");
  for (const auto& entry : fs::directory_iterator("dsl")) {
    const std::string name = entry.path().filename();
    if (!name.ends_with(".cc") || (!name.starts_with("parse_") && name != "definition_parse.cc")) {
      continue;
    }
    const std::string text = read(entry.path());
    for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it) {
      out.insert((*it)[1]);
    }
  }
  for (const TableRule& rule : table_rules()) {
    for (const KeyRule& key : rule.keys) out.insert(std::string(key.key));
  }
  return out;
}

// Whether the parser has a meaning for the key there.
bool parser_knows(const std::string& gap, const std::string& key) {
  // A key that is there already stands twice; that it is there says that it is known.
  std::string text = gap;
  text.replace(text.find("@@"), 2, key + " = 0");
  for (const Diagnostic& d : parse_definition(text).diagnostics) {
    if (d.message.starts_with("unknown key `" + key + "` in ")) return false;
  }
  return true;
}

// Keys of a state that only some verbs have: probed with each verb, since without it they have "no
// meaning here".
bool state_knows(const std::string& key) {
  const std::string& gap = gaps().at(TableKind::state);
  if (!parser_knows(gap, key)) return false;
  std::vector<std::string> settings = {"@@"};
  for (const std::string_view verb : verb_keys()) {
    settings.push_back(std::string(verb) + " = " +
                       (verb == "end"     ? "\"failed\""
                        : verb == "sleep" ? "\"1m\""
                                          : "\"t.u\"") +
                       "\n@@");
  }
  for (const std::string& setting : settings) {
    std::string text = gap;
    text.replace(text.find("@@"), 2, setting);
    text.replace(text.find("@@"), 2, key + " = 0");
    bool misplaced = false;
    for (const Diagnostic& d : parse_definition(text).diagnostics) {
      misplaced = misplaced || d.message.starts_with("`" + key + "` has no meaning here") ||
                  d.message.starts_with("cannot redefine");
    }
    if (!misplaced) return true;
  }
  return std::find(verb_keys().begin(), verb_keys().end(), key) != verb_keys().end();
}

BOOST_AUTO_TEST_CASE(language_and_parser_know_the_same_keys) {
  const std::set<std::string> words = candidates();
  BOOST_CHECK_GT(words.size(), 80U);
  for (const TableRule& rule : table_rules()) {
    if (rule.keys.empty()) continue;
    const auto gap = gaps().find(rule.kind);
    BOOST_REQUIRE_MESSAGE(gap != gaps().end(), "no gap for " << rule.name);
    for (const std::string& key : words) {
      const bool known =
          rule.kind == TableKind::state ? state_knows(key) : parser_knows(gap->second, key);
      BOOST_CHECK_MESSAGE(known == (rule.rank(key) < rule.keys.size()),
                          rule.name << "." << key << ": the parser "
                                    << (known ? "knows" : "does not know")
                                    << " it, dsl/language.cc does" << (known ? " not" : ""));
    }
  }
}

BOOST_AUTO_TEST_CASE(language_names_each_table_and_key_once) {
  std::set<std::string_view> names;
  for (const TableRule& rule : table_rules()) {
    BOOST_CHECK_MESSAGE(names.insert(rule.name).second, rule.name);
    BOOST_CHECK_EQUAL(table_rule(rule.kind).name, rule.name);
    std::set<std::string_view> keys;
    for (const KeyRule& key : rule.keys) {
      BOOST_CHECK_MESSAGE(keys.insert(key.key).second, rule.name << "." << key.key);
      BOOST_CHECK_MESSAGE(!key.doc.empty(), rule.name << "." << key.key);
    }
  }
  for (const std::string_view verb : verb_keys()) {
    BOOST_CHECK(table_rule(TableKind::state).find(verb) != nullptr);
  }
}

}  // namespace
}  // namespace pawl::dsl
