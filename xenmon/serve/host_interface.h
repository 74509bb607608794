// SPDX-License-Identifier: GPL-2.0-or-later
//
// The interface xenmon.Host: answers each call from the region as it is then. Nothing is remembered between
// calls except which region it was, so a call costs its reading of the region and nobody pays for those who
// do not ask.
#ifndef XENMON_XENMON_SERVE_HOST_INTERFACE_H
#define XENMON_XENMON_SERVE_HOST_INTERFACE_H

#include <cstdint>
#include <optional>
#include <string>

#include "client/attachment.h"
#include "client/region_reader.h"
#include "rpc/service.h"

namespace xenmon {

// The text of xenmon.Host.varlink.
extern const char kHostDescription[];

class HostInterface final : public Interface {
 public:
  explicit HostInterface(std::string region);

  std::string_view name() const override { return "xenmon.Host"; }
  std::string_view description() const override { return kHostDescription; }
  Answer call(Call& call) override;

 private:
  Answer host();
  Answer figures(Call& call, bool vcpus);
  Answer pcpus(Call& call);
  Answer latencies(Call& call);
  Answer waits(Call& call);
  Answer findings(Call& call);
  Answer monitor_samples(Call& call);
  Answer monitor_waits(Call& call);
  Answer mirror(Call& call);

  // The answer if there is nothing to read from.
  std::optional<Answer> no_data();
  // Reads the region's tables with the vCPUs; an answer if they cannot be had, or have no such domain.
  std::optional<Answer> read_tables(const std::optional<std::uint32_t>& domid);

  std::string region_;
  Attachment attachment_;
  TablesCopy tables_;
};

} // namespace xenmon

#endif // XENMON_XENMON_SERVE_HOST_INTERFACE_H
