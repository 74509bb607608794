// SPDX-License-Identifier: GPL-2.0-or-later
//
// The state in which Xen's tracing was found, saved where it survives a killed process: a small file beside
// the region, NAME.found. It exists from before Xen's state is changed until it has been restored. The next
// daemon restores it first (LiveSource), and so does `xenbaked --restore`.
//
// Xen's state does not survive a restart of the host, and neither does the file's meaning: it contains the
// kernel's boot id, and is ignored under another one.
#ifndef XENMON_XENBAKED_SOURCE_FOUND_TRACING_H
#define XENMON_XENBAKED_SOURCE_FOUND_TRACING_H

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "source/hypervisor.h"

namespace xenmon {

enum class TracingOn : std::uint8_t { kUnknown, kOff, kOn };

struct FoundTracing {
  std::uint32_t event_mask = 0;
  TracingOn on = TracingOn::kUnknown;
};

// Switches tracing on or off as it was found, and sets the mask, if there is one. kUnknown: leaves it on or
// off, as it is. Tries everything, and returns the first failure.
Status restore_tracing(Hypervisor& hypervisor, std::optional<std::uint32_t> mask, TracingOn on);

// Keeps one FoundTracing. keep() and forget() are called from the daemon's thread; current() from any.
class TracingKeeper {
 public:
  // The file; its directory (0755) is made if only that is missing.
  explicit TracingKeeper(std::string file) : file_(std::move(file)) {}

  Status keep(const FoundTracing& found);
  void forget();
  // What this process has saved and not forgotten.
  [[nodiscard]] std::optional<FoundTracing> current() const;

  // What an earlier process has left since the host was started; nullopt if it exited normally. Error: there
  // is a file that is not ours or makes no sense.
  [[nodiscard]] Result<std::optional<FoundTracing>> left_behind() const;

 private:
  std::string file_;
  mutable std::mutex mutex_; // for current_ alone, so that nothing waits for a disk while holding it
  std::optional<FoundTracing> current_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_FOUND_TRACING_H
