// SPDX-License-Identifier: GPL-2.0-or-later
#include "confine/system_calls.h"

#include <asm/ioctls.h>
#include <linux/prctl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string_view>

#include "journal.h"

namespace xenmon {

namespace {

// Names that an architecture or a release of libseccomp does not have are passed over.
constexpr auto kCalls = {
    // Bytes: the recording, the region's files, standard output and error, devices.
    "read", "readv", "pread64", "write", "writev", "pwrite64", "close", "lseek", "_llseek", "fcntl",
    "fcntl64", "poll", "ppoll", "ppoll_time64",
    // Files: regions that grow, a recording that is put in place or read again, what was found of Xen's
    // tracing, /proc.
    "open", "openat", "fstat", "fstat64", "stat", "stat64", "lstat", "lstat64", "newfstatat", "fstatat64",
    "statx", "fstatfs", "fstatfs64", "access", "faccessat", "faccessat2", "readlink", "readlinkat",
    "getdents64", "getcwd", "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat",
    "fchmod", "fchown", "fchown32", "ftruncate", "ftruncate64", "fallocate", "flock", "fdatasync",
    // Memory.
    "mremap", "munmap", "brk", "madvise", "mlock", "munlock",
    // Threads.
    "futex", "futex_time64", "set_robust_list", "rseq", "exit", "exit_group", "sched_yield",
    "sched_getaffinity", "membarrier", "getcpu",
    // Signals.
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "sigaltstack", "restart_syscall",
    // Time, and who we are.
    "clock_gettime", "clock_gettime64", "gettimeofday", "time", "clock_nanosleep", "clock_nanosleep_time64",
    "nanosleep", "getrusage", "getrandom", "getpid", "gettid", "getuid", "geteuid", "getgid", "getegid",
    "getuid32", "geteuid32", "getgid32", "getegid32", "sysinfo", "uname",
    // Sockets that are open: the one that steers a replay, the service manager's, xenstored's.
    "send", "sendto", "sendmsg", "recv", "recvfrom", "recvmsg", "shutdown"};

constexpr std::uint64_t kXenRequests[] = {'P' << 8, 'E' << 8}; // privcmd.h, evtchn.h
constexpr std::uint64_t kRequestType = 0xff00;                 // _IOC_TYPE

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Release>;

// 0 or a negative errno, as libseccomp has it.
class Rules {
 public:
  explicit Rules(scmp_filter_ctx filter) : filter_(filter) {}

  void allow(const char* name, std::initializer_list<scmp_arg_cmp> arguments = {}) {
    add(SCMP_ACT_ALLOW, name, arguments);
  }
  void answer(const char* name, int error) { add(SCMP_ACT_ERRNO(static_cast<unsigned>(error)), name, {}); }
  [[nodiscard]] int result() const { return result_; }

 private:
  void add(std::uint32_t action, const char* name, std::initializer_list<scmp_arg_cmp> arguments) {
    const int call = seccomp_syscall_resolve_name(name);
    if (call < 0 || result_ != 0) return; // not of this architecture
    result_ = seccomp_rule_add_array(filter_, action, call, static_cast<unsigned>(arguments.size()),
                                     arguments.begin());
  }

  scmp_filter_ctx filter_;
  int result_ = 0;
};

scmp_arg_cmp masked(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}
scmp_arg_cmp equal(unsigned argument, std::uint64_t value) {
  return {argument, SCMP_CMP_EQ, value, 0};
}

void add_rules(Rules& rules, Work work) {
  for (const char* name : kCalls) rules.allow(name);
  for (const char* name : {"mmap", "mmap2", "mprotect"}) rules.allow(name, {masked(2, PROT_EXEC, 0)});
  // Threads and no processes. What clone3 is to do cannot be looked at; without it the C library uses clone.
  rules.answer("clone3", ENOSYS);
  rules.allow("clone", {masked(0, CLONE_THREAD, CLONE_THREAD)});
  rules.allow("prctl", {equal(0, PR_SET_VMA)}); // the C library names a thread's memory
  rules.allow("tgkill", {equal(0, static_cast<std::uint64_t>(getpid()))});
  // Limits are read and not changed.
  rules.allow("getrlimit");
  rules.allow("ugetrlimit");
  rules.allow("prlimit64", {equal(2, 0)});
  // Whether standard output is a terminal.
  rules.allow("ioctl", {equal(1, TCGETS)});
  if (work != Work::kLive) return;
  for (const std::uint64_t type : kXenRequests) rules.allow("ioctl", {masked(1, kRequestType, type)});
  rules.allow("socket", {equal(0, AF_UNIX)});
  rules.allow("connect");
}

void on_forbidden_call(int /*number*/, siginfo_t* information, void* /*context*/) {
  constexpr std::string_view kBefore = "xenbaked: System call ";
  constexpr std::string_view kAfter =
      " is not one that xenbaked needs, so xenbaked has ended: report it, and use --unconfined until it is "
      "mended.\n";
  std::array<char, 256> text{};
  char* at = text.data();
  for (const std::string_view part : {priority_prefix(Priority::kError), kBefore})
    at = std::copy(part.begin(), part.end(), at);
  at = std::to_chars(at, text.data() + text.size(), information->si_syscall).ptr;
  at = std::copy(kAfter.begin(), kAfter.end(), at);
  [[maybe_unused]] const ssize_t said =
      write(STDERR_FILENO, text.data(), static_cast<std::size_t>(at - text.data()));
  _exit(static_cast<int>(ExitStatus::kFailed));
}

Error refused(int error) {
  return {std::string("Cannot give up the system calls that are not needed (") + std::strerror(error) +
              "): use a kernel with seccomp filters, or --unconfined.",
          ExitStatus::kFailed};
}

} // namespace

Status allow_only_calls_for(Work work) {
  (void)journal_reads_standard_error(); // the handler asks again
  struct sigaction action {};
  action.sa_sigaction = on_forbidden_call;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGSYS, &action, nullptr);
  const Filter filter(seccomp_init(SCMP_ACT_TRAP));
  if (!filter) return refused(ENOMEM);
  // All threads at once.
  if (const int error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1); error != 0)
    return refused(-error);
  Rules rules(filter.get());
  add_rules(rules, work);
  if (rules.result() != 0) return refused(-rules.result());
  if (const int error = seccomp_load(filter.get()); error != 0) return refused(-error);
  return ok();
}

} // namespace xenmon
