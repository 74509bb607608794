// SPDX-License-Identifier: GPL-2.0-or-later
//
// A replay that root starts runs as somebody else: it reads a file that anybody may have made.
//
// That is the user who called sudo, or else the user xenmon of the package. The change is for good and comes
// before anything is opened, so it is made only if that user may do what is asked for: read the recording,
// and make files where the region and a new recording go. Otherwise the replay goes on as root, without what
// makes root more than the owner of its files (capabilities.h).
#ifndef XENMON_XENBAKED_CONFINE_REPLAY_USER_H
#define XENMON_XENBAKED_CONFINE_REPLAY_USER_H

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace xenmon {

struct ReplayUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
};

// SUDO_UID, SUDO_GID and SUDO_USER, if they are complete and not root's; else xenmon in /etc/passwd; else
// nobody.
std::optional<ReplayUser> find_replay_user();

struct ReplayNeeds {
  std::string recording;          // empty or "-": none that has a name
  std::vector<std::string> files; // that will be made
};

// Becomes that user, as root, before the first thread. The reason why not, if so, with nothing changed: to go
// on after "because the user NAME".
std::optional<std::string> become(const ReplayUser& user, const ReplayNeeds& needs);

} // namespace xenmon

#endif // XENMON_XENBAKED_CONFINE_REPLAY_USER_H
