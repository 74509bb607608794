// SPDX-License-Identifier: GPL-2.0-or-later
#include "confine/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace xenmon {

namespace {

using Words = std::array<__user_cap_data_struct, 2>;

Error refused() {
  return system_error("Cannot give up root's capabilities (--unconfined keeps them)");
}

bool empty(const Words& words) {
  for (const auto& word : words) {
    if ((word.effective | word.permitted | word.inheritable) != 0) return false;
  }
  return true;
}

} // namespace

Status drop_capabilities(const std::vector<int>& kept) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused();
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  Words words{};
  if (syscall(SYS_capget, &header, words.data()) != 0) return refused();
  // In the unit's sandbox there are none, and the call is forbidden.
  if (empty(words)) return ok();
  // Fails where it is not allowed; then the sets below are what counts.
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  std::array<std::uint32_t, 2> wanted{};
  for (const int capability : kept) {
    const auto number = static_cast<std::uint32_t>(capability);
    wanted[number / 32] |= std::uint32_t{1} << number % 32;
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i].permitted &= wanted[i];
    words[i].effective = words[i].permitted;
    words[i].inheritable = 0;
  }
  header = {_LINUX_CAPABILITY_VERSION_3, 0};
  if (syscall(SYS_capset, &header, words.data()) != 0) return refused();
  return ok();
}

} // namespace xenmon
