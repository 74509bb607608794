// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/log_uids.h"

#include <algorithm>

#include "xenmon/region.h"

namespace xenmon {
namespace {

bool has_one_owner(std::uint32_t domid) {
  return domid == 0 || domid == XENMON_DOMID_IDLE;
}

} // namespace

std::uint64_t LogUids::of(std::uint64_t uid, std::uint32_t domid, const std::string& name) {
  const auto known = present_.find(uid);
  if (known != present_.end()) {
    // It may have got its name only now.
    const auto owner = owners_.find(domid);
    if (owner != owners_.end() && owner->second.logged == known->second && !name.empty() &&
        owner->second.name != name) {
      owner->second.name = name;
    }
    return known->second;
  }
  std::uint64_t logged = uid;
  if (restarts_ > 0) {
    const auto owner = owners_.find(domid);
    const bool same =
        owner != owners_.end() && (has_one_owner(domid) || (!name.empty() && owner->second.name == name));
    logged = same ? owner->second.logged : highest_ + 1;
  }
  highest_ = std::max(highest_, logged);
  present_.emplace(uid, logged);
  owners_[domid] = {logged, name};
  return logged;
}

void LogUids::daemon_changed() {
  present_.clear();
  ++restarts_;
}

} // namespace xenmon
