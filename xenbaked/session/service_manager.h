// SPDX-License-Identifier: GPL-2.0-or-later
//
// Tells the service manager that started xenbaked (systemd, Type=notify) that the region is in place, and
// then, all the time, that the loop still goes round (WatchdogSec=). Where none has started it, nothing is
// sent.
//
// The protocol is a datagram to the socket that NOTIFY_SOCKET names; sd_notify(3) promises that it stays. The
// socket is opened at once, so that nothing needs to be opened later. A message that cannot be sent is
// dropped: if there is a watchdog, the next one makes up for it.
#ifndef XENMON_XENBAKED_SESSION_SERVICE_MANAGER_H
#define XENMON_XENBAKED_SESSION_SERVICE_MANAGER_H

#include <cstdint>
#include <string_view>

namespace xenmon {

class ServiceManager {
 public:
  // From the environment, where it is removed: it is meant for this process alone.
  ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;
  ~ServiceManager();

  void ready();
  // From the loop, as often as it likes: a message goes out three times within the watchdog's patience.
  void alive(std::uint64_t monotonic_ns);
  void stopping();

  // Between two messages of alive(); 0: there is no watchdog.
  [[nodiscard]] std::uint64_t period_ns() const { return period_ns_; }

 private:
  void send(std::string_view message) const;

  int fd_ = -1;
  std::uint64_t period_ns_ = 0;
  std::uint64_t last_ns_ = 0;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SESSION_SERVICE_MANAGER_H
