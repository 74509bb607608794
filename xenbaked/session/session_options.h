// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the user chooses about publishing a trace.
#ifndef XENMON_XENBAKED_SESSION_SESSION_OPTIONS_H
#define XENMON_XENBAKED_SESSION_SESSION_OPTIONS_H

#include <cstdint>
#include <optional>
#include <string>

namespace xenmon {

struct SessionOptions {
  std::uint64_t sample_ns = 100'000'000;
  std::uint64_t history_ns = 10'000'000'000;
  std::uint64_t poll_ns = 250'000'000; // live: the longest sleep between two passes
  std::string region;
  bool world_readable = false;
  bool stock_records = false; // use Xen's own records, whatever else there is
  // Recordings only: trace seconds per second; 0 is as fast as possible.
  double speed = 1.0;
  bool loop = false;
  std::optional<std::uint64_t> held_at_ns; // go there at once, and hold; kTraceEnd: the end
  int control_fd = -1;                     // commands come from here, see control_channel.h
  std::uint64_t slow_wait_ns = 1'000'000;  // waits of at least this are reported one by one
  int ready_fd = -1;                       // a byte is written here once the region is in place
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SESSION_SESSION_OPTIONS_H
