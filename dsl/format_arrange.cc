// The order of tables and keys, and what is inline.

#include <algorithm>
#include <map>
#include <set>

#include "base/limits.h"
#include "dsl/format.h"
#include "dsl/language.h"

namespace pawl::dsl {
namespace {

using Path = std::vector<std::string>;
// At each level the key's place in the language, then in the file.
using SortKey = std::vector<std::pair<std::size_t, std::size_t>>;

// The rule of what stands in the table that `key` holds; null where the author is free.
const TableRule* rule_within(const KeyRule* key) {
  if (key == nullptr) return nullptr;
  switch (key->form) {
    case Form::table:
    case Form::tables:
    case Form::table_or_tables:
    case Form::text_or_table:
    case Form::delay_or_table:
    case Form::table_or_timers:
    case Form::schema:
    case Form::shape:
      return &table_rule(key->table);
    default:
      return nullptr;
  }
}

// Whether an inline table is a schema's long form rather than a table of fields or a value.
bool is_long_form(const LayoutValue& table) {
  const TableRule& field = table_rule(TableKind::field);
  bool typed = false;
  for (const LayoutEntry& child : table.children) {
    if (field.rank(child.path.front()) == field.keys.size()) return false;
    typed = typed || child.path.front() == "type";
  }
  return typed;
}

// The rule of an inline table or of a list's items.
const TableRule* rule_of(const KeyRule* key, const LayoutValue& value) {
  if (key == nullptr) return nullptr;
  const bool table = value.kind == LayoutValue::Kind::table;
  if (key->form == Form::table_or_timers && !table) return &table_rule(TableKind::computed_timer);
  if (key->form == Form::shape || key->form == Form::variable) {
    if (table && is_long_form(value)) return &table_rule(TableKind::field);
    return key->form == Form::shape ? &table_rule(TableKind::fields) : nullptr;
  }
  return rule_within(key);
}

// Where prefixes of paths were seen first.
class Appearances {
 public:
  std::size_t of(const Path& path, std::size_t length) {
    const Path prefix(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(length));
    return first_.emplace(prefix, first_.size()).first->second;
  }

 private:
  std::map<Path, std::size_t> first_;
};

SortKey sort_key(const Path& path, std::size_t levels, const TableRule* rule, Appearances* seen) {
  SortKey key;
  for (std::size_t i = 0; i < levels; ++i) {
    key.emplace_back(rule != nullptr ? rule->rank(path[i]) : 0, seen->of(path, i + 1));
    rule = rule != nullptr ? rule_within(rule->find(path[i])) : nullptr;
  }
  return key;
}

template <class T>
void sort_by(const std::vector<SortKey>& keys, std::vector<T>* items, std::size_t first = 0) {
  std::vector<std::size_t> order(items->size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin() + static_cast<std::ptrdiff_t>(first), order.end(),
                   [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
  std::vector<T> sorted;
  for (const std::size_t i : order) sorted.push_back(std::move((*items)[i]));
  *items = std::move(sorted);
}

void arrange_entries(std::vector<LayoutEntry>* entries, const TableRule* rule);

void arrange_value(LayoutValue* value, const KeyRule* key) {
  const TableRule* rule = rule_of(key, *value);
  if (rule == nullptr) return;
  if (value->kind == LayoutValue::Kind::table) arrange_entries(&value->children, rule);
  if (value->kind != LayoutValue::Kind::list) return;
  for (LayoutEntry& item : value->children) {
    if (item.value.kind == LayoutValue::Kind::table) arrange_entries(&item.value.children, rule);
  }
}

void arrange_entries(std::vector<LayoutEntry>* entries, const TableRule* rule) {
  Appearances seen;
  std::vector<SortKey> keys;
  for (LayoutEntry& entry : *entries) {
    keys.push_back(sort_key(entry.path, entry.path.size(), rule, &seen));
    const TableRule* within = rule;
    const KeyRule* key = nullptr;
    for (const std::string& segment : entry.path) {
      key = within != nullptr ? within->find(segment) : nullptr;
      within = rule_within(key);
    }
    arrange_value(&entry.value, key);
  }
  sort_by(keys, entries);
}

// A blank line between keys that have an order of their own says nothing; before a comment it does.
void drop_blank_lines(LayoutSection* section, bool ordered) {
  for (std::size_t i = 0; i < section->entries.size(); ++i) {
    std::vector<std::string>& above = section->entries[i].above;
    const bool only_blank = above.size() == 1 && above.front().empty();
    const bool first = i == 0 && !above.empty() && above.front().empty();
    if (first || (ordered && only_blank)) above.erase(above.begin());
  }
}

// Comments at the very top stay there, whatever comes first below them.
std::vector<std::string> take_top(Layout* layout) {
  LayoutSection& root = layout->sections.front();
  std::vector<std::string>* above = nullptr;
  if (!root.entries.empty()) {
    above = &root.entries.front().above;
  } else if (layout->sections.size() > 1) {
    above = &layout->sections[1].above;
  }
  std::vector<std::string> top;
  if (above == nullptr) return top;
  if (!above->empty() && above->front().empty()) above->erase(above->begin());
  const auto blank = std::find(above->begin(), above->end(), "");
  // Directly above a header they are about that table.
  if (blank == above->end() && root.entries.empty()) return top;
  const auto end = blank == above->end() ? blank : blank + 1;
  top.assign(above->begin(), end);
  above->erase(above->begin(), end);
  return top;
}

// A table's items and what belongs to each must stay as they are: a section is sorted by no more of
// its path than down to the first list.
std::size_t levels_of(const LayoutSection& section, const std::set<Path>& lists) {
  for (std::size_t n = 1; n <= section.path.size(); ++n) {
    const auto end = section.path.begin() + static_cast<std::ptrdiff_t>(n);
    if (lists.contains(Path(section.path.begin(), end))) return n;
  }
  return section.path.size();
}

const TableRule* rule_at(const Path& path) {
  const TableRule* rule = &table_rule(TableKind::root);
  for (const std::string& segment : path) {
    rule = rule != nullptr ? rule_within(rule->find(segment)) : nullptr;
  }
  return rule;
}

}  // namespace

void arrange(Layout* layout, FormatKind kind) {
  const std::vector<std::string> top = take_top(layout);
  const bool definition = kind == FormatKind::definition;
  if (definition) {
    std::set<Path> lists;
    for (const LayoutSection& section : layout->sections) {
      if (section.is_list_item) lists.insert(section.path);
    }
    Appearances seen;
    std::vector<SortKey> keys;
    for (LayoutSection& section : layout->sections) {
      const TableRule* rule = rule_at(section.path);
      keys.push_back(
          sort_key(section.path, levels_of(section, lists), &table_rule(TableKind::root), &seen));
      if (rule != nullptr) arrange_entries(&section.entries, rule);
    }
    sort_by(keys, &layout->sections, 1);
  }
  for (LayoutSection& section : layout->sections) {
    const TableRule* rule = definition ? rule_at(section.path) : nullptr;
    drop_blank_lines(&section, rule != nullptr && !rule->keys.empty());
  }
  LayoutSection& root = layout->sections.front();
  std::vector<std::string>& above = root.above;
  above.insert(above.begin(), top.begin(), top.end());
}

}  // namespace pawl::dsl
