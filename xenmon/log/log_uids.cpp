// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/log_uids.h"

#include <algorithm>

#include "xenmon/region.h"

namespace xenmon {
namespace {

bool has_one_bearer(std::uint32_t domid) {
  return domid == 0 || domid == XENMON_DOMID_IDLE;
}

} // namespace

std::uint64_t LogUids::of(std::uint64_t uid, std::uint32_t domid, const std::string& name) {
  const auto known = present_.find(uid);
  if (known != present_.end()) {
    // It may have got its name only now.
    const auto bearer = bearers_.find(domid);
    if (bearer != bearers_.end() && bearer->second.logged == known->second && !name.empty() &&
        bearer->second.name != name) {
      bearer->second.name = name;
    }
    return known->second;
  }
  std::uint64_t logged = uid;
  if (restarts_ > 0) {
    const auto bearer = bearers_.find(domid);
    const bool same =
        bearer != bearers_.end() && (has_one_bearer(domid) || (!name.empty() && bearer->second.name == name));
    logged = same ? bearer->second.logged : highest_ + 1;
  }
  highest_ = std::max(highest_, logged);
  present_.emplace(uid, logged);
  bearers_[domid] = {logged, name};
  return logged;
}

void LogUids::daemon_changed() {
  present_.clear();
  ++restarts_;
}

} // namespace xenmon
