// Graphs as text for programs that draw them.

#include <map>

#include "dsl/graph.h"
#include "dsl/utf8.h"

namespace pawl::dsl {
namespace {

bool is_plain(std::uint32_t rune) {
  constexpr std::string_view kPlain = " _.,()*+/='!?-";
  return (rune >= '0' && rune <= '9') || (rune >= 'a' && rune <= 'z') ||
         (rune >= 'A' && rune <= 'Z') || rune > 0xa0 ||
         (rune < 0x80 && kPlain.find(static_cast<char>(rune)) != std::string_view::npos);
}

// Mermaid has no escapes but character references, which begin with '#' instead of '&#'. Whatever
// could mean something to it is written as one: `:`, `;`, `"`, `#`, brackets, line breaks ...
std::string mermaid_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view before = text;
    const std::uint32_t rune = take_rune(&text);
    if (rune < 0x20 || rune == kNoRune) {
      out += ' ';
    } else if (is_plain(rune)) {
      out += before.substr(0, before.size() - text.size());
    } else {
      out += "#" + std::to_string(rune) + ";";
    }
  }
  return out;
}

// Between the double quotes of dot, where a backslash begins an escape of a label.
std::string dot_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}

// Two lines of a label; `text` is between its quotes already.
std::string dot_lines(std::string_view first, std::string_view second) {
  std::string out = dot_text(first);
  if (second.empty()) return out;
  out.pop_back();
  return out + "\\n" + dot_text(second).substr(1);
}

// Names of states are anything to the drawing programs, so each state has an id of its own: "s3",
// and within it "s3_0_1" of the first flow's second state. Edges to names that are no states of the
// flow lead to its end.
class Ids {
 public:
  Ids(const GraphFlow& flow, const std::string& prefix) {
    for (std::size_t i = 0; i < flow.states.size(); ++i) {
      ids_.emplace(flow.states[i].name, prefix + std::to_string(i));
    }
  }
  const std::string* find(const std::string& name) const {
    const auto it = ids_.find(name);
    return it != ids_.end() ? &it->second : nullptr;
  }

 private:
  std::map<std::string, std::string> ids_;
};

std::string prefix_within(const std::string& id, std::size_t flow) {
  return id + "_" + std::to_string(flow) + "_";
}

class Mermaid {
 public:
  std::string run(const Graph& graph) {
    out_ = "---\ntitle: " + dot_text(graph.name) + "\n---\nstateDiagram-v2\n";
    write_flow(graph.root, "s", 1);
    const Ids ids(graph.root, "s");
    const std::string* start = ids.find(graph.root.start);
    if (graph.notes.empty() || start == nullptr) return std::move(out_);
    out_ += "  note right of " + *start + "\n    in every state\n";
    for (const std::string& note : graph.notes) out_ += "    " + mermaid_text(note) + "\n";
    out_ += "  end note\n";
    return std::move(out_);
  }

 private:
  void write_flow(const GraphFlow& flow, const std::string& prefix, int depth) {
    const std::string margin(static_cast<std::size_t>(2 * depth), ' ');
    const Ids ids(flow, prefix);
    for (const GraphState& state : flow.states) {
      const std::string& id = *ids.find(state.name);
      const std::string declared = "state \"" + mermaid_text(state.name) + "\" as " + id;
      if (state.flows.empty()) {
        out_ += margin + declared + "\n";
        if (!state.what.empty()) out_ += margin + id + " : " + mermaid_text(state.what) + "\n";
      } else {
        out_ += margin + declared + " {\n";
        for (std::size_t i = 0; i < state.flows.size(); ++i) {
          if (i > 0) out_ += margin + "  --\n";
          write_flow(state.flows[i], prefix_within(id, i), depth + 1);
        }
        out_ += margin + "}\n";
      }
    }
    if (const std::string* start = ids.find(flow.start)) {
      out_ += margin + "[*] --> " + *start + "\n";
    }
    for (const GraphEdge& edge : flow.edges) {
      const std::string* from = ids.find(edge.from);
      const std::string* to = ids.find(edge.to);
      if (from == nullptr) continue;
      out_ += margin + *from + " --> " + (to != nullptr ? *to : "[*]");
      if (edge.label != "next") out_ += " : " + mermaid_text(edge.label);
      out_ += "\n";
    }
    for (const GraphState& state : flow.states) {
      if (state.ends) out_ += margin + *ids.find(state.name) + " --> [*]\n";
    }
  }

  std::string out_;
};

class Dot {
 public:
  std::string run(const Graph& graph) {
    out_ = "digraph " + dot_text(graph.name) +
           " {\n  compound = true;\n  node [shape = box, style = rounded];\n";
    write_flow(graph.root, "s", 1);
    if (!graph.notes.empty()) {
      std::string text = "\"in every state\\l";
      for (const std::string& note : graph.notes) {
        const std::string escaped = dot_text(note);
        text += escaped.substr(1, escaped.size() - 2) + "\\l";
      }
      out_ += "  notes [shape = note, style = solid, label = " + text + "\"];\n";
    }
    return std::move(out_) + "}\n";
  }

 private:
  // A state with flows is a cluster: edges go to the start of its first one, and are cut off at
  // its border.
  struct End {
    std::string node;
    std::string cluster;  // "" if the state is a plain node
  };

  void write_flow(const GraphFlow& flow, const std::string& prefix, int depth) {
    const std::string margin(static_cast<std::size_t>(2 * depth), ' ');
    const Ids ids(flow, prefix);
    std::map<std::string, End> ends;
    for (const GraphState& state : flow.states) {
      const std::string& id = *ids.find(state.name);
      if (state.flows.empty()) {
        out_ += margin + id + " [label = " + dot_lines(state.name, state.what) + "];\n";
        ends[state.name] = {id, ""};
        continue;
      }
      ends[state.name] = {prefix_within(id, 0) + "begin", "cluster_" + id};
      out_ += margin + "subgraph cluster_" + id + " {\n";
      out_ += margin + "  label = " + dot_lines(state.name, state.what) + ";\n";
      for (std::size_t i = 0; i < state.flows.size(); ++i) {
        write_flow(state.flows[i], prefix_within(id, i), depth + 1);
      }
      out_ += margin + "}\n";
    }
    write_edges(flow, prefix, margin, ends);
  }

  void write_edges(const GraphFlow& flow, const std::string& prefix, const std::string& margin,
                   std::map<std::string, End>& ends) {
    const End begin = {prefix + "begin", ""}, end = {prefix + "end", ""};
    out_ += margin + begin.node + " [shape = point, label = \"\"];\n";
    if (ends.contains(flow.start)) write_edge(margin, begin, ends[flow.start], "");
    bool ended = false;
    for (const GraphEdge& edge : flow.edges) {
      if (!ends.contains(edge.from)) continue;
      const bool known = ends.contains(edge.to);
      ended = ended || !known;
      write_edge(margin, ends[edge.from], known ? ends[edge.to] : end,
                 edge.label == "next" ? "" : edge.label);
    }
    for (const GraphState& state : flow.states) {
      if (!state.ends) continue;
      write_edge(margin, ends[state.name], end, "");
      ended = true;
    }
    if (ended) out_ += margin + end.node + " [shape = doublecircle, label = \"\", width = 0.2];\n";
  }

  void write_edge(const std::string& margin, const End& from, const End& to,
                  const std::string& label) {
    std::string attributes;
    const auto add = [&](const std::string& name, const std::string& value) {
      attributes += (attributes.empty() ? "" : ", ") + name + " = " + value;
    };
    if (!label.empty()) add("label", dot_text(label));
    if (!from.cluster.empty()) add("ltail", from.cluster);
    if (!to.cluster.empty()) add("lhead", to.cluster);
    out_ += margin + from.node + " -> " + to.node;
    out_ += attributes.empty() ? ";\n" : " [" + attributes + "];\n";
  }

  std::string out_;
};

}  // namespace

std::string graph_mermaid(const Graph& graph) { return Mermaid().run(graph); }

std::string graph_dot(const Graph& graph) { return Dot().run(graph); }

}  // namespace pawl::dsl
