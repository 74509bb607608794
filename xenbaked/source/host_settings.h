// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is set on a live host: weights, caps, rate limits, affinities, pools, the topology. As the region has
// it (xenmon_setting).
//
// Asked for, and taken later: reading them takes some hypercalls for each vCPU, and whoever answers may hang.
// SettingsThread asks in a thread of its own, so nothing else waits; a host that does not answer has no
// settings.
#ifndef XENMON_XENBAKED_SOURCE_HOST_SETTINGS_H
#define XENMON_XENBAKED_SOURCE_HOST_SETTINGS_H

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "xenmon/region.h"

namespace xenmon {

// All that can be read; what cannot is left out. May block for ever.
using SettingsLookup = std::function<std::vector<xenmon_setting>()>;

// Of the Xen that this Dom0 runs on. It has a handle of its own, opened by this call, and owns all that it
// uses. Null if there can be no handle.
[[nodiscard]] SettingsLookup make_xen_settings_lookup();

class SettingsService {
 public:
  SettingsService() = default;
  SettingsService(const SettingsService&) = delete;
  SettingsService& operator=(const SettingsService&) = delete;
  virtual ~SettingsService() = default;

  // Asks, unless an answer is still to come. Never blocks.
  virtual void ask() = 0;
  // The newest answer, once; nothing if none has come. Never blocks.
  virtual std::optional<std::vector<xenmon_setting>> take() = 0;
};

class SettingsThread final : public SettingsService {
 public:
  // `lookup` is called by one thread at a time. It must own all that it uses: while it hangs, it outlives
  // this object.
  explicit SettingsThread(SettingsLookup lookup);
  // Does not wait for a lookup that is under way.
  ~SettingsThread() override;

  // The first one starts the thread. If there can be no thread, there are no settings.
  void ask() override;
  std::optional<std::vector<xenmon_setting>> take() override;

 private:
  struct Mailbox;
  static void answer_all(Mailbox& mailbox);

  std::shared_ptr<Mailbox> mailbox_;
  std::thread thread_;
};

// How the file beside a recording calls a kind of setting; "" of one that is not known. And back; 0 likewise.
[[nodiscard]] std::string_view setting_name(std::uint32_t kind);
[[nodiscard]] std::uint32_t setting_kind(std::string_view name);

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_HOST_SETTINGS_H
