// SPDX-License-Identifier: GPL-2.0-or-later
//
// Xen's own accounting of vCPU time, for comparison with XenMon's. One JSON object a line:
//
//   {"tsc": ..., "now_ns": ..., "vcpus": [{"domain": 0, "vcpu": 0, "cpu_ns": ...}, ...],
//    "own": [{"vcpu": 0, "tsc": ..., "running_ns": ..., "runnable_ns": ..., "blocked_ns": ..., "offline_ns":
//    ..., "now_ns": ...}, ...]}
//
// "vcpus" is xc_vcpu_getinfo's cpu_time of all vCPUs, to be had in Dom0 only. "own" are the runstates
// (VCPUOP_get_runstate_info, public/vcpu.h) of the vCPUs of the domain that asks; any domain may. Between the
// readings of two vCPUs this program may have to wait for many ms, so each says when it was: the TSC right
// after it, and with --own Xen's system time (now_ns, see zeros_of_sums()). The now_ns of the line is Xen's
// system time a little before. The program has just slept, so the vCPU that it runs on has just been
// dispatched, and that is the time of the newest state change among the own vCPUs.
//
// Arm's Xen tells no domain its runstates: "own" is empty there, and now_ns is 0. "tsc" is the domain's own
// count, which began when the domain did.
//
//   vcpu_times [--own] [--every MS]     --every: one line every MS ms until a signal ends it
#include <sys/mman.h>
#include <unistd.h>
#ifdef __x86_64__
#include <x86intrin.h>
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iterator>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

extern "C" {
#include <xencall.h>
#include <xenctrl.h>
}
#include <xen/vcpu.h>

namespace {

#ifdef __x86_64__
constexpr bool kTellsRunstates = true;
#else
constexpr bool kTellsRunstates = false;
#endif

struct Closer {
  void operator()(xencall_handle* handle) const { xencall_close(handle); }
  void operator()(xc_interface* handle) const { xc_interface_close(handle); }
};

void sleep_ms(long ms) {
  const timespec time{ms / 1000, ms % 1000 * 1'000'000};
  nanosleep(&time, nullptr);
}

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "vcpu_times: %s: %s.\n", what, std::strerror(errno));
  std::exit(1);
}

// The clock whose time Xen writes into its records.
std::uint64_t clock_now() {
#ifdef __x86_64__
  return __rdtsc();
#else
  // Without the barrier it may be read before what precedes it.
  std::uint64_t count = 0;
  __asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(count));
  return count;
#endif
}

std::uint64_t sum(const vcpu_runstate_info& info) {
  return std::accumulate(std::begin(info.time), std::end(info.time), std::uint64_t{0});
}

void read_own(xencall_handle* call, std::size_t vcpu, vcpu_runstate_info* info) {
  if (xencall3(call, __HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, vcpu,
               reinterpret_cast<std::uintptr_t>(info)) != 0) {
    fail("VCPUOP_get_runstate_info");
  }
}

// For each vCPU of this domain, Xen's system time when its times add up to nothing. How much earlier that is
// than the first vCPU's shows when both are read with nothing between: of many pairs of readings, one is
// that. No call tells the time of a reading, but it is never before the last change of state, and one of the
// vCPUs has just been dispatched, since this program has slept.
std::vector<std::uint64_t> zeros_of_sums(xencall_handle* call, vcpu_runstate_info* info, std::size_t vcpus) {
  constexpr int kReadings = 16;
  constexpr auto kEarliest = std::numeric_limits<std::int64_t>::min();
  std::vector<std::int64_t> after_first(vcpus, kEarliest); // this zero less the first vCPU's
  std::vector<std::int64_t> zeros(vcpus, kEarliest);       // by this vCPU's changes alone
  for (int i = 0; i < kReadings; ++i) {
    sleep_ms(1);
    read_own(call, 0, info);
    const std::uint64_t first_sum = sum(*info);
    for (std::size_t vcpu = 0; vcpu < vcpus; ++vcpu) {
      read_own(call, vcpu, info);
      after_first.at(vcpu) =
          std::max(after_first.at(vcpu), static_cast<std::int64_t>(first_sum - sum(*info)));
      zeros.at(vcpu) =
          std::max(zeros.at(vcpu), static_cast<std::int64_t>(info->state_entry_time - sum(*info)));
    }
  }
  std::int64_t first_zero = kEarliest;
  for (std::size_t vcpu = 0; vcpu < vcpus; ++vcpu) {
    first_zero = std::max(first_zero, zeros.at(vcpu) - after_first.at(vcpu));
  }
  std::vector<std::uint64_t> all;
  all.reserve(vcpus);
  for (const std::int64_t after : after_first) all.push_back(static_cast<std::uint64_t>(first_zero + after));
  return all;
}

// The runstates of this domain's vCPUs; the time of the newest change. zeros: of zeros_of_sums(), or none.
std::uint64_t print_own(xencall_handle* call, vcpu_runstate_info* info, std::size_t vcpus,
                        const std::vector<std::uint64_t>& zeros) {
  std::uint64_t newest_change = 0;
  std::fputs("\"own\": [", stdout);
  const char* comma = "";
  for (std::size_t vcpu = 0; vcpu < vcpus; ++vcpu) {
    read_own(call, vcpu, info);
    const std::uint64_t tsc = clock_now();
    newest_change = std::max<std::uint64_t>(newest_change, info->state_entry_time);
    std::printf(
        "%s{\"vcpu\": %zu, \"tsc\": %ju, \"running_ns\": %ju, \"runnable_ns\": %ju, \"blocked_ns\": %ju, "
        "\"offline_ns\": %ju",
        comma, vcpu, static_cast<std::uintmax_t>(tsc),
        static_cast<std::uintmax_t>(info->time[RUNSTATE_running]),
        static_cast<std::uintmax_t>(info->time[RUNSTATE_runnable]),
        static_cast<std::uintmax_t>(info->time[RUNSTATE_blocked]),
        static_cast<std::uintmax_t>(info->time[RUNSTATE_offline]));
    if (!zeros.empty()) {
      std::printf(", \"now_ns\": %ju", static_cast<std::uintmax_t>(zeros.at(vcpu) + sum(*info)));
    }
    std::fputs("}", stdout);
    comma = ", ";
  }
  std::fputs("]", stdout);
  return newest_change;
}

void print_all(xc_interface* xc) {
  std::array<xc_domaininfo_t, 256> domains{};
  const int count = xc_domain_getinfolist(xc, 0, domains.size(), domains.data());
  if (count < 0) fail("xc_domain_getinfolist");
  std::fputs(", \"vcpus\": [", stdout);
  const char* comma = "";
  for (int i = 0; i < count; ++i) {
    for (std::uint32_t vcpu = 0; vcpu <= domains.at(i).max_vcpu_id; ++vcpu) {
      xc_vcpuinfo_t info{};
      if (xc_vcpu_getinfo(xc, domains.at(i).domain, vcpu, &info) != 0) continue; // gone, or never made
      std::printf("%s{\"domain\": %u, \"vcpu\": %u, \"cpu_ns\": %ju}", comma, domains.at(i).domain, vcpu,
                  static_cast<std::uintmax_t>(info.cpu_time));
      comma = ", ";
    }
  }
  std::fputs("]", stdout);
}

} // namespace

int main(int argc, char** argv) {
  bool own_only = false;
  long every_ms = 0;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--own") == 0) {
      own_only = true;
    } else if (std::strcmp(argv[i], "--every") == 0 && i + 1 < argc) {
      every_ms = std::strtol(argv[++i], nullptr, 10);
    } else {
      std::fputs("Usage: vcpu_times [--own] [--every MS]\n", stderr);
      return 2;
    }
  }

  if (own_only && !kTellsRunstates) {
    std::fputs("vcpu_times: this architecture's Xen tells no domain its own times.\n", stderr);
    return 1;
  }
  const std::unique_ptr<xencall_handle, Closer> call(xencall_open(nullptr, 0));
  if (!call) fail("no hypercalls");
  auto* info = static_cast<vcpu_runstate_info*>(xencall_alloc_buffer(call.get(), sizeof(vcpu_runstate_info)));
  if (info == nullptr) fail("no hypercall buffer");
  std::unique_ptr<xc_interface, Closer> xc;
  if (!own_only) {
    xc.reset(xc_interface_open(nullptr, nullptr, 0));
    if (!xc) fail("no access to the hypervisor");
  }
  const std::size_t vcpus = kTellsRunstates ? static_cast<std::size_t>(sysconf(_SC_NPROCESSORS_CONF)) : 0;
  std::vector<std::uint64_t> zeros;
  if (own_only) zeros = zeros_of_sums(call.get(), info, vcpus);
  do {
    sleep_ms(std::max(every_ms, 1L));
    const std::uint64_t tsc = clock_now();
    std::printf("{\"tsc\": %ju, ", static_cast<std::uintmax_t>(tsc));
    const std::uint64_t newest_change = print_own(call.get(), info, vcpus, zeros);
    if (xc) print_all(xc.get());
    std::printf(", \"now_ns\": %ju}\n", static_cast<std::uintmax_t>(newest_change));
    if (std::fflush(stdout) != 0) return 1;
  } while (every_ms > 0);
  xencall_free_buffer(call.get(), info);
}
