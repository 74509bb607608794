// SPDX-License-Identifier: GPL-2.0-or-later
//
// How Xen's tracing was found, kept where it outlives a process that is killed: a small file beside the
// region, NAME.found. It is there from before Xen's state is changed until it has been put back. Who comes
// next puts it back first (LiveSource), and so does `xenbaked --restore`.
//
// Xen's state does not outlive the host's start, and neither does what the file says: it holds the kernel's
// boot id, and counts for nothing under another one.
#ifndef XENMON_XENBAKED_SOURCE_FOUND_TRACING_H
#define XENMON_XENBAKED_SOURCE_FOUND_TRACING_H

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "source/hypervisor.h"
#include "xenmon/result.h"

namespace xenmon {

enum class TracingOn : std::uint8_t { kUnknown, kOff, kOn };

struct FoundTracing {
  std::uint32_t event_mask = 0;
  TracingOn on = TracingOn::kUnknown;
};

// Switches tracing as it was found and sets the mask, if there is one. kUnknown: leaves it on or off, as it
// is. Everything is tried; the first failure is told.
Status put_back(Hypervisor& hypervisor, std::optional<std::uint32_t> mask, TracingOn on);

// Keeps one FoundTracing. keep() and forget() are called from the daemon's thread; current() from any.
class TracingKeeper {
 public:
  // The file; its directory (0755) is made if only that is missing.
  explicit TracingKeeper(std::string file) : file_(std::move(file)) {}

  Status keep(const FoundTracing& found);
  void forget();
  // What is kept by this process and has not been forgotten.
  [[nodiscard]] std::optional<FoundTracing> current() const;

  // What an earlier process has left, in this life of the host; nothing if it ended in good order. Error:
  // there is a file that is not ours or makes no sense.
  [[nodiscard]] Result<std::optional<FoundTracing>> left_behind() const;

 private:
  std::string file_;
  mutable std::mutex mutex_; // of current_ alone: nobody waits for a disk under it
  std::optional<FoundTracing> current_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_FOUND_TRACING_H
