// SPDX-License-Identifier: GPL-2.0-or-later
#include "sandbox/reader_sandbox.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>

#include <cerrno>
#include <initializer_list>
#include <memory>

namespace xenmon {
namespace {

#ifndef XENMON_WITHOUT_SANDBOX

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Release>;

Error refused(int problem) {
  errno = -problem;
  return system_error("cannot give up rights by seccomp, without which other programs are not served");
}

// What reading a region and answering clients takes, and what the C library needs of its own.
constexpr std::initializer_list<int> kPlain = {
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(accept4),
    SCMP_SYS(close),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(statx),
    SCMP_SYS(lseek),
    SCMP_SYS(fcntl),
    SCMP_SYS(getsockopt),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(tgkill),
    SCMP_SYS(futex),
    SCMP_SYS(sched_yield),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(getrusage),
};

int allow(void* filter, int call) {
  return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
}

// Only with none of these bits in that argument.
int allow_without(void* filter, int call, unsigned argument, unsigned bits) {
  return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, bits, 0));
}

#endif

} // namespace

#ifdef XENMON_WITHOUT_SANDBOX

// A sanitizer's own calls are not known.
Status enter_reader_sandbox() {
  return ok();
}

#else

Status enter_reader_sandbox() {
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (!filter) return refused(-ENOMEM);
  constexpr unsigned kWrites = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;
  int problem = 0;
  for (const int call : kPlain)
    if (problem == 0) problem = allow(filter.get(), call);
  if (problem == 0) problem = allow_without(filter.get(), SCMP_SYS(open), 1, kWrites);
  if (problem == 0) problem = allow_without(filter.get(), SCMP_SYS(openat), 2, kWrites);
  if (problem == 0) problem = allow_without(filter.get(), SCMP_SYS(mmap), 2, PROT_EXEC);
  if (problem == 0) problem = allow_without(filter.get(), SCMP_SYS(mprotect), 2, PROT_EXEC);
  if (problem == 0) problem = seccomp_load(filter.get());
  return problem == 0 ? ok() : refused(problem);
}

#endif

} // namespace xenmon
