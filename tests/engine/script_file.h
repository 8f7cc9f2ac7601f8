// Datadriven scripts: a file is a sequence of
//
//   COMMAND
//   [more lines of it]
//   ----
//   what it does
//   (blank line)
//
// and # comments. PAWL_REWRITE=1 writes what is done now into the files; review the difference.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace pawl::engine {

struct ScriptStep {
  std::string comment, command, body, expected;
  int line = 0;
};

// Does a step of a script, after those before, and says what came of it, in whole lines.
using ScriptPlayer = std::function<std::string(const ScriptStep&)>;

// Plays every .txt of the directory, of which there are so many at least, each with a player of its
// own.
void play_scripts(const std::string& directory, std::size_t at_least,
                  const std::function<ScriptPlayer()>& player);

}  // namespace pawl::engine
