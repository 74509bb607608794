// SPDX-License-Identifier: GPL-2.0-or-later
//
// The uids that a log has for domains. One daemon's uids distinguish its domains, but each daemon counts from
// 1, and a log continues when one daemon follows another.
//
// The first daemon's uids are the region's. A domain of a later daemon keeps its uid if it has the same
// number and name as the previous owner of the number; Dom0 and the idle domain always do. Otherwise it gets
// a uid that was not used yet.
#ifndef XENMON_XENMON_LOG_LOG_UIDS_H
#define XENMON_XENMON_LOG_LOG_UIDS_H

#include <cstdint>
#include <string>
#include <unordered_map>

namespace xenmon {

class LogUids {
 public:
  // uid: the current daemon's. name: "" while unknown.
  std::uint64_t of(std::uint64_t uid, std::uint32_t domid, const std::string& name);
  void daemon_changed();
  // How often that has happened.
  std::uint64_t restarts() const { return restarts_; }

 private:
  struct Owner {
    std::uint64_t logged = 0;
    std::string name;
  };

  std::unordered_map<std::uint64_t, std::uint64_t> present_; // the daemon's uid to the log's
  std::unordered_map<std::uint32_t, Owner> owners_;          // the last owner of each domid, under any daemon
  std::uint64_t highest_ = 0;                                // of the log's
  std::uint64_t restarts_ = 0;
};

} // namespace xenmon

#endif // XENMON_XENMON_LOG_LOG_UIDS_H
