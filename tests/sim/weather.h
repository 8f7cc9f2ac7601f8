// How hard what blows. Each fault is off in half of all storms.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "base/random.h"

namespace pawl::sim {

struct Weather {
  // Per second of virtual time, of the fleet.
  double crashes = 0;    // of one box, between or within disk operations
  double blackouts = 0;  // of all
  double kills = 0;      // of a process
  double bad_syncs = 0;  // a disk operation fails, the process ends
  double cuts = 0;       // partitions, seen by both sides
  double mutes = 0;      // partitions that look like silence, one-way often
  double freezes = 0;
  double stalls = 0;  // of a disk
  double fills = 0;   // a disk has little space left for a while
  double losses = 0;  // a disk is damaged: at most one, of three boxes or more
  double jumps = 0;   // of a wall clock
  double transfers = 0;
  // Of every packet.
  double loss = 0, repeat = 0, late = 0;
  // Most of them, in ms; drift in millionths.
  double delay_ms = 0, late_ms = 0, disk_ms = 0, cold_ms = 0, drift_ppm = 0;
  // Of clients and workers.
  double lazy_worker = 0, late_worker = 0, failing = 0, lost_answer = 0, pauses = 0, operators = 0;
  double snapshots = 0;  // of starts that have one
  double bursts = 0;     // per second: many requests at once
  double changes = 0;    // per second: a box is added, promoted or removed
  // Boxes give up what their snapshots hold, and compact: who lags behind is sent a snapshot.
  bool gives_up = false;

  using Strengths = std::array<std::pair<double*, double>, 29>;
  Strengths strengths() {
    return {{{&crashes, 0.8},   {&blackouts, 0.2},   {&kills, 0.6},       {&bad_syncs, 0.4},
             {&cuts, 1.0},      {&mutes, 1.0},       {&freezes, 0.6},     {&stalls, 0.6},
             {&jumps, 0.6},     {&transfers, 1.5},   {&loss, 0.15},       {&repeat, 0.2},
             {&late, 0.03},     {&delay_ms, 40},     {&late_ms, 6'000},   {&disk_ms, 60},
             {&cold_ms, 200},   {&drift_ppm, 8'000}, {&lazy_worker, 0.3}, {&late_worker, 0.5},
             {&failing, 0.5},   {&lost_answer, 0.3}, {&pauses, 0.06},     {&operators, 0.06},
             {&snapshots, 0.7}, {&bursts, 0.7},      {&fills, 0.4},       {&losses, 0.2},
             {&changes, 0.5}}};
  }
};

// Drawn by the seed; the faults whose bit is set in `calm` are off, and nothing else changes.
inline Weather draw_weather(Random* random, std::uint64_t calm) {
  Weather weather;
  std::uint64_t bit = 1;
  for (const auto& [strength, most] : weather.strengths()) {
    const bool on = random->chance(0.5);
    const double drawn = random->unit() * most;
    if (on && (calm & bit) == 0) *strength = drawn;
    bit <<= 1;
  }
  // A majority is to be left in the end: of those that remain nobody may go.
  if (weather.changes > 0) weather.losses = 0;
  Random other(~random->next());
  weather.gives_up = other.chance(0.4) && (calm & bit) == 0;
  return weather;
}

}  // namespace pawl::sim
