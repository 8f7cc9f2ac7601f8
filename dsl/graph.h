// A definition as a picture: its states and what leads where, and that as text for Mermaid
// (stateDiagram-v2) and Graphviz (dot). A flow is drawn within the state that runs it, to any
// depth. codecs/graph_json.h has the same as JSON.
#pragma once

#include <string>
#include <vector>

#include "dsl/definition.h"

namespace pawl::dsl {

struct GraphFlow;

struct GraphState {
  std::string name;
  std::string what;   // "task inventory.reserve", "choose", "end completed"; "" is one that waits
  bool ends = false;  // the run (or the flow) ends here
  std::vector<GraphFlow> flows;  // what it runs; several go on at once
};

struct GraphFlow {
  std::string name;
  std::string start;
  std::vector<GraphState> states;  // in the order of the file
  std::vector<GraphEdge> edges;    // between them; `to` may be "end"
};

struct Graph {
  std::string name;  // the workflow's
  GraphFlow root;
  std::vector<std::string> notes;  // what applies in every state: "on cancel: rollback"
};

Graph graph_of(const Definition& definition);

// What leads from state to state of one machine, in the order of its states.
std::vector<GraphEdge> edges_of(const Flow& machine);

// Any text may stand in names and labels: it is escaped.
std::string graph_mermaid(const Graph& graph);
std::string graph_dot(const Graph& graph);

}  // namespace pawl::dsl
