// SPDX-License-Identifier: GPL-2.0-or-later
#include "rights.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "confine/capabilities.h"
#include "confine/replay_user.h"
#include "confine/system_calls.h"
#include "publish/region_file.h"
#include "session/message.h"

namespace xenmon {

#if XENMON_CONFINED

namespace {

std::string directory_of(const std::string& file) {
  const std::string directory = std::filesystem::path(file).parent_path().string();
  return directory.empty() ? "." : directory;
}

} // namespace

Status give_up_system_calls(const CommandOptions& options) {
  if (options.unconfined) return ok();
  return allow_only_calls_for(options.replay.empty() ? Work::kLive : Work::kReplay);
}

Status give_up_root(const CommandOptions& options) {
  if (options.unconfined || geteuid() != 0) return ok();
  std::vector<int> kept;
  if (!options.replay.empty()) {
    if (const std::optional<ReplayUser> user = find_replay_user()) {
      ReplayNeeds needs{options.replay, {}};
      if (options.totals == TotalsFormat::kNone && !options.timeline)
        needs.files.push_back(options.session.region);
      if (!options.record.empty()) needs.files.push_back(options.record);
      if (options.timeline) needs.files.push_back(options.timeline->file);
      const std::optional<std::string> denied = become(*user, needs);
      if (!denied) return drop_capabilities({});
      const std::string name = user->name.empty() ? std::to_string(user->uid) : user->name;
      print_message("The replay goes on as root, because the user " + name + " " + *denied +
                        ": give it a recording and a region that this user may use.",
                    Priority::kNotice);
    }
    kept.push_back(CAP_DAC_READ_SEARCH); // a recording that is another user's
  } else if (const std::optional<gid_t> readers = find_reader_group(false)) {
    // A member may give files to the group, for all that later regions need.
    if (setgroups(1, &*readers) != 0 && getegid() != *readers) kept.push_back(CAP_CHOWN);
  } else {
    kept.push_back(CAP_CHOWN); // a name service may know the group
  }
  // A recording is put in place at the end, with a file beside it. Root's directories need no more for that.
  struct stat status {};
  const std::string& made = options.timeline ? options.timeline->file : options.record;
  if (!made.empty() && (stat(directory_of(made).c_str(), &status) != 0 || status.st_uid != 0))
    kept.insert(kept.end(), {CAP_DAC_OVERRIDE, CAP_FOWNER});
  return drop_capabilities(kept);
}

#else // a sanitizer needs calls and rights of its own

Status give_up_system_calls(const CommandOptions& /*options*/) {
  return ok();
}
Status give_up_root(const CommandOptions& /*options*/) {
  return ok();
}

#endif

} // namespace xenmon
