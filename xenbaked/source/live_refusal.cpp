// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/live_refusal.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace xenmon {
namespace {

std::string text_of(Errno error) {
  return std::strerror(error);
}

// The errno's text, and the library's message.
std::string reason(Errno error, const Hypervisor& hypervisor) {
  const std::string message = hypervisor.last_message();
  return message.empty() ? text_of(error) : text_of(error) + "; " + message;
}

std::string hexadecimal(std::uint32_t number) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%x", number);
  return text;
}

Error refuse_version(Hypervisor& hypervisor) {
  const std::string version = hypervisor.version();
  return Error{"This hypervisor" + (version.empty() ? std::string() : " (Xen " + version + ")") +
                   " does not accept the control interface that xenbaked was built for (sysctl version " +
                   hexadecimal(sysctl_interface_version()) +
                   "): install the xenbaked and the libxenctrl of the Xen release that is running.",
               ExitStatus::kNoTracing};
}

} // namespace

Status check_host(const HostFacts& facts) {
  if (!facts.xen)
    return Error{
        "This machine does not run under Xen: start xenbaked in Dom0 of a Xen host, or play a recording "
        "with --replay FILE.",
        ExitStatus::kNotXen};
  if (facts.dom0 == HostFacts::Dom0::kNo)
    return Error{"This is a guest, and only Dom0 may read Xen's trace buffers: start xenbaked in Dom0.",
                 ExitStatus::kNotXen};
  if (!facts.root)
    return Error{"Only root may read Xen's trace buffers: start xenbaked as root, for example with sudo.",
                 ExitStatus::kNotPermitted};
  return ok();
}

Error refuse_device(Errno error, const std::string& device, const std::string& module,
                    const Hypervisor& hypervisor) {
  if (error == EACCES || error == EPERM)
    return Error{"No access to " + device + " (" + reason(error, hypervisor) +
                     "): start xenbaked as root, outside any container.",
                 ExitStatus::kNotPermitted};
  return Error{"Cannot open " + device + " (" + reason(error, hypervisor) +
               "): load its driver with \"modprobe " + module + "\"."};
}

Error refuse_event(Errno error, const HostFacts& facts) {
  if (error == EEXIST) {
    const auto reader = find_trace_reader(facts.tree);
    if (reader)
      return Error{"Another program reads Xen's trace buffers, probably " + reader->name + " (process " +
                       std::to_string(reader->pid) + "): stop it, then start xenbaked again.",
                   ExitStatus::kBusy};
    return Error{
        "Another program reads Xen's trace buffers (xentrace or another xenbaked): stop it, then start "
        "xenbaked again.",
        ExitStatus::kBusy};
  }
  if (error == EBUSY)
    return Error{"Xen sends its trace event (VIRQ_TBUF) to another domain: start xenbaked there.",
                 ExitStatus::kNotXen};
  return Error{"Cannot bind Xen's trace event VIRQ_TBUF (" + text_of(error) +
               "): look for the reason in \"xl dmesg\"."};
}

Error refuse_sysctl(Errno error, const std::string& doing, Hypervisor& hypervisor) {
  switch (error) {
    case ENOSYS:
    case EOPNOTSUPP:
      return Error{"This hypervisor has no trace buffers: boot a Xen that is built with CONFIG_TRACEBUFFER.",
                   ExitStatus::kNoTracing};
    case EACCES:
      return refuse_version(hypervisor);
    case EPERM:
      return Error{"Xen does not let this domain control tracing: start xenbaked in Dom0.",
                   ExitStatus::kNotXen};
    default:
      return Error{"Xen refused to " + doing + " (" + text_of(error) +
                   "): look for the reason in \"xl dmesg\"."};
  }
}

Error refuse_memory(std::uint32_t pages_per_cpu) {
  return Error{"Xen has no memory for " + std::to_string(pages_per_cpu) +
                   " pages of trace buffer per CPU: make some free with \"xl mem-set\", or boot Xen with "
                   "tbuf_size=8.",
               ExitStatus::kNoTracing};
}

Error refuse_map(Errno error, const std::string& what, const Hypervisor& hypervisor) {
  return Error{"Cannot map " + what + " (" + reason(error, hypervisor) +
               "): look for the reason in \"dmesg\" and \"xl dmesg\"."};
}

} // namespace xenmon
