// SPDX-License-Identifier: GPL-2.0-or-later
//
// The hosts of a screen: this one, another one, or several others. One of them is shown in the views of a
// host; all are followed, so that the view of hosts is always as new as those.
//
// Of several hosts each has a mirror of its own. One that cannot be reached has a line that says so, and
// concerns no other. Its mirror goes on trying; if the mirror's process ends, another one is started.
#ifndef XENMON_XENMON_RUN_SHOWN_HOSTS_H
#define XENMON_XENMON_RUN_SHOWN_HOSTS_H

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "base/result.h"
#include "client/history.h"
#include "daemon/publisher.h"
#include "daemon/publisher_settings.h"
#include "model/screen_model.h"
#include "run/shown_time.h"

namespace xenmon {

class ShownHosts {
 public:
  // Of one host, which has been found: see ShownTime.
  ShownHosts(Publisher& publisher, PublisherSettings past);
  // Of several. Nothing is waited for. An Error is ours, not that of a host.
  static Result<ShownHosts> several(const std::vector<OtherHost>& others);

  [[nodiscard]] bool are_several() const { return hosts_.size() > 1; }
  // The host that is shown, and its position.
  [[nodiscard]] ShownTime& shown() { return *hosts_[at_]->shown; }
  [[nodiscard]] const ShownTime& shown() const { return *hosts_[at_]->shown; }
  [[nodiscard]] std::size_t at() const { return at_; }
  void show(std::size_t at) { at_ = at; }
  // Printable; "" if there is only one.
  [[nodiscard]] std::string name() const;
  // Of several, why the host that is shown has never had any data; "" if it has had some.
  [[nodiscard]] std::string trouble() const;

  // All of these concern every host.
  void follow();
  void hold(bool held);
  void set_windows(const WindowLengths& windows_ns);

  // For the view of hosts. No host may have a CPU selected.
  ScreenModel model();

 private:
  struct Host {
    OtherHost other;
    std::unique_ptr<Publisher> publisher; // null: another owns it
    std::unique_ptr<ShownTime> shown;
    std::chrono::steady_clock::time_point started; // its mirror
  };

  ShownHosts() = default;
  static void keep_mirror(Host& host);
  // What its mirror says; "" if it has none.
  static std::string said(const Host& host);

  std::vector<std::unique_ptr<Host>> hosts_; // at least one
  std::size_t at_ = 0;
};

} // namespace xenmon

#endif // XENMON_XENMON_RUN_SHOWN_HOSTS_H
