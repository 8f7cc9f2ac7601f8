#include "codecs/graph_json.h"

#include "codecs/json.h"
#include "dsl/graph.h"

namespace pawl::codecs {
namespace {

void write_edges(const std::vector<dsl::GraphEdge>& edges, JsonWriter* w) {
  w->plain_key("edges").begin_array();
  for (const dsl::GraphEdge& edge : edges) {
    w->begin_object().field("from", edge.from).field("to", edge.to);
    w->field("label", edge.label).end_object();
  }
  w->end_array();
}

void write_nodes(const dsl::GraphFlow& flow, JsonWriter* w) {
  w->plain_key("nodes").begin_array();
  for (const dsl::GraphState& state : flow.states) {
    w->begin_object().field("name", state.name).field("what", state.what);
    w->field("ends", state.ends).plain_key("flows").begin_array();
    for (const dsl::GraphFlow& inner : state.flows) {
      w->begin_object().field("name", inner.name).field("start", inner.start);
      write_nodes(inner, w);
      write_edges(inner.edges, w);
      w->end_object();
    }
    w->end_array().end_object();
  }
  w->end_array();
}

}  // namespace

std::string graph_json(const dsl::Definition& definition, std::optional<std::uint64_t> version) {
  const dsl::Graph graph = dsl::graph_of(definition);
  std::string out;
  JsonWriter w(&out);
  w.begin_object().field("name", definition.name);
  if (version) w.field("version", *version);
  w.field("start", graph.root.start).plain_key("states").begin_array();
  for (const dsl::GraphState& state : graph.root.states) w.string(state.name);
  w.end_array();
  write_edges(dsl::graph_edges(definition), &w);
  write_nodes(graph.root, &w);
  w.plain_key("notes").begin_array();
  for (const std::string& note : graph.notes) w.string(note);
  w.end_array().end_object();
  return out;
}

}  // namespace pawl::codecs
