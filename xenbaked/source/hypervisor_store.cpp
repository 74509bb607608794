// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/hypervisor_store.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "base/descriptor.h"

// Xen's headers do not say by themselves that they are C.
extern "C" {
#include <xenstore.h>
#include <xenstore_lib.h>
}

namespace xenmon {
namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

bool socket_answers() {
  const char* path = xs_daemon_socket();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path == nullptr || std::strlen(path) >= sizeof address.sun_path) return false;
  std::strcpy(address.sun_path, path);
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return socket.valid() &&
         ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool is_a_domain() {
  // XEN_RUN_DIR of a build with the usual --with-rundir.
  std::ifstream file("/var/run/xen/xenstored.pid");
  std::string text;
  return file && std::getline(file, text) && text.starts_with("domid:");
}

} // namespace

void HypervisorStore::Close::operator()(xs_handle* handle) const {
  xs_close(handle);
}

bool HypervisorStore::connect() {
  if (handle_) return true;
  if (!socket_answers() && !is_a_domain()) return false;
  handle_.reset(xs_open(0));
  return handle_ != nullptr;
}

std::optional<std::string> HypervisorStore::domain_name(std::uint32_t domid) {
  const std::string path = "/local/domain/" + std::to_string(domid) + "/name";
  // The second attempt is for a connection that a restart of xenstored has broken.
  for (int attempt = 0; attempt < 2 && connect(); ++attempt) {
    unsigned int length = 0;
    const std::unique_ptr<void, Free> text(xs_read(handle_.get(), XBT_NULL, path.c_str(), &length));
    if (text) {
      if (length == 0) return std::nullopt;
      return std::string(static_cast<const char*>(text.get()), length);
    }
    // Answers that the store itself gives: the connection is sound.
    if (errno == ENOENT || errno == EACCES || errno == EINVAL) return std::nullopt;
    handle_.reset();
  }
  return std::nullopt;
}

} // namespace xenmon
