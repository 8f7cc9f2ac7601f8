// A host whose segments fill soon: runs with noise that no compression makes small, and a workflow
// whose closed runs are forgotten after ten seconds.
#pragma once

#include <string>
#include <vector>

#include "node/needed.h"
#include "tests/node/definitions.h"
#include "tests/node/host.h"

namespace pawl::node {

struct SmallHost : Host {
  Random random{3};

  SmallHost() {
    boot();
    deploy(kCounter);
    deploy(forgetful("short"));
  }
  static std::string forgetful(const std::string& name) {
    std::string text = kCounter;
    text.replace(text.find("\"w\""), 3, "\"" + name + "\"");
    return text + "[retention]\nclosed = \"10s\"\n";
  }
  std::string noise(int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>('!' + 2 + random.below(50));
    for (char& c : text) c = c == '\\' ? '_' : c;
    return text;
  }
  void add_noise(const std::string& id, int signals = 12) {
    for (int i = 0; i < signals; ++i) signal(id, "blob", R"({"text": ")" + noise(9'000) + "\"}");
  }
  void fill(const std::string& id, const std::string& workflow) {
    start(id, workflow);
    add_noise(id);
  }
  void fill_and_forget(const std::string& id) {
    fill(id, "short");
    signal(id, "stop");
    advance(11'000);
  }
  void take_snapshots() {
    snapshots.clear();
    snapshot_places.clear();
    for (std::uint16_t g = 0; g < node->group_count(); ++g) {
      const GroupSnapshot taken = snapshot_of(node.get(), GroupId(g));
      snapshots.push_back(taken.bytes);
      snapshot_places.emplace_back(taken.index, taken.term);
    }
  }
  std::uint64_t needed() const { return first_segment_needed(*node, *journal, covered()); }
  void give_up() {
    give_up_segments();
    drain();
    start("mark");  // the files go with the batch behind the one that says so
    signal("mark", "stop");
  }
  // The run's history, read back from wherever it is, makes the run.
  bool history_holds(const std::string& id) {
    const engine::Run& now_known = run(id);
    const RunLoaded loaded =
        load(LoadRun{now_known.uid().group, now_known.uid().index, now_known.last_entry});
    return loaded.run->hash == now_known.hash && loaded.run->seq == now_known.seq;
  }
};

}  // namespace pawl::node
