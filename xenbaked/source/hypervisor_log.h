// SPDX-License-Identifier: GPL-2.0-or-later
//
// A xentoollog logger that keeps the last error line instead of printing it: the daemon may share a
// terminal with a screen that curses draws.
#ifndef XENMON_XENBAKED_SOURCE_HYPERVISOR_LOG_H
#define XENMON_XENBAKED_SOURCE_HYPERVISOR_LOG_H

#include <array>
#include <string>

// Xen's headers do not say by themselves that they are C.
extern "C" {
#include <xentoollog.h>
}

namespace xenmon {

// Must not move: the Xen libraries keep its address while a handle is open.
class HypervisorLog {
 public:
  HypervisorLog();
  HypervisorLog(const HypervisorLog&) = delete;
  HypervisorLog& operator=(const HypervisorLog&) = delete;

  // For xc_interface_open() and the like; they do not take ownership.
  xentoollog_logger* logger() { return &vtable_; }

  // The last line of level XTL_ERROR or above; cut at 255 bytes.
  [[nodiscard]] std::string last_message() const { return line_.data(); }
  void forget() { line_[0] = '\0'; }

 private:
  static void keep(xentoollog_logger* logger, xentoollog_level level, int error, const char* context,
                   const char* format, va_list arguments) __attribute__((format(printf, 5, 0)));

  xentoollog_logger vtable_{};
  std::array<char, 256> line_{};
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_HYPERVISOR_LOG_H
