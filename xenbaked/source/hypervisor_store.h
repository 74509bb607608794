// SPDX-License-Identifier: GPL-2.0-or-later
//
// Domain names from xenstore, over a connection that is made when first needed and made again after it
// broke.
//
// libxenstore falls back from xenstored's socket to the kernel's xenbus device, where a request waits for
// ever when no xenstored runs. So a connection is only tried when the socket answers, or when xenstored is
// a domain of its own (init-xenstore-domain then writes "domid:N" into xenstored.pid). A xenstored that
// hangs with an open socket holds its caller up, so this is used from a thread of its own (name_service.h).
#ifndef XENMON_XENBAKED_SOURCE_HYPERVISOR_STORE_H
#define XENMON_XENBAKED_SOURCE_HYPERVISOR_STORE_H

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

struct xs_handle;

namespace xenmon {

class HypervisorStore {
 public:
  // /local/domain/DOMID/name; nullopt if there is none, it is empty, or xenstore does not answer.
  std::optional<std::string> domain_name(std::uint32_t domid);

 private:
  struct Close {
    void operator()(xs_handle* handle) const;
  };

  [[nodiscard]] bool connect();

  std::unique_ptr<xs_handle, Close> handle_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_HYPERVISOR_STORE_H
