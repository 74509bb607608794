// SPDX-License-Identifier: GPL-2.0-or-later
//
// A paravirtual guest of a few kilobytes, for crowds: it needs no more memory than its domain's smallest,
// and is at work as soon as it runs. Its command line says what it does for ever:
//
//   block        wants no CPU
//   spin         wants all that it can get
//   tick RUN OFF runs for RUN ms and then blocks for OFF ms
//   yield        yields all the time, as one that waits for a lock does
//
// It has one vCPU and lets no event be delivered, so it needs neither handlers nor page tables of its own:
// the domain builder's are good enough (public/xen.h, "Start-of-day memory layout"). Instead of waiting
// for an event it polls (SCHEDOP_poll) no port at all, which blocks just so until the time is over.
#define __XEN_INTERFACE_VERSION__ __XEN_LATEST_INTERFACE_VERSION__ // or hypercalls are those of old
#include <stdint.h>

#include <xen/elfnote.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/xen.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

// One note for the domain builder (public/elfnote.h): an aligned text or number.
#define NOTE(type, content) \
  ".long 4, 2f - 1f, " TEXT(type) "\n .asciz \"Xen\"\n 1: " content "\n 2: .balign 4\n"

__asm__(
    ".pushsection .note.Xen, \"a\", @note\n .balign 4\n"
    NOTE(XEN_ELFNOTE_GUEST_OS, ".asciz \"small_guest\"")
    NOTE(XEN_ELFNOTE_XEN_VERSION, ".asciz \"xen-3.0\"")
    NOTE(XEN_ELFNOTE_LOADER, ".asciz \"generic\"")
    NOTE(XEN_ELFNOTE_ENTRY, ".quad entry")
    NOTE(XEN_ELFNOTE_VIRT_BASE, ".quad 0") // addresses are offsets into the domain's memory
    NOTE(XEN_ELFNOTE_PADDR_OFFSET, ".quad 0")
    ".popsection\n"
    // The builder provides the stack and, in rsi, the address of start_info.
    ".globl entry\n entry: mov %rsi, %rdi\n and $-16, %rsp\n call guest\n ud2\n");

// A 64-bit guest's hypercalls are syscalls (public/arch-x86/xen-x86_64.h).
static long hypercall(long number, long first, long second, const void* third) {
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result), "+D"(first), "+S"(second), "+d"(third)
                   : "0"(number)
                   : "rcx", "r11", "memory");
  return result;
}

// Xen's account of this vCPU until now.
static struct vcpu_runstate_info own_times(void) {
  static struct vcpu_runstate_info info;
  hypercall(__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 0, &info);
  return info;
}

// Xen's system time. The four times add up to the vCPU's age, and the system time of its birth is the
// latest that any account allows: one that was made right after a dispatch tells it best.
static uint64_t system_time(const struct vcpu_runstate_info* account) {
  static uint64_t birth;
  const uint64_t age = account->time[0] + account->time[1] + account->time[2] + account->time[3];
  if (account->state_entry_time > birth + age) birth = account->state_entry_time - age;
  return birth + age;
}

// Blocks until Xen's system time is `until_ns`; 0: for ever. An event may wake it before.
static void block(uint64_t until_ns) {
  static struct sched_poll poll;
  poll.timeout = until_ns;
  hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, (long)&poll, 0);
}

static const char* number(const char* text, uint64_t* value) {
  *value = 0;
  while (*text == ' ') ++text;
  for (; *text >= '0' && *text <= '9'; ++text) *value = 10 * *value + (uint64_t)(*text - '0');
  return text;
}

// By Xen's own account, so neither having to wait nor being woken early changes how much it runs and blocks.
static _Noreturn void tick(uint64_t run_ns, uint64_t off_ns) {
  for (;;) {
    struct vcpu_runstate_info now = own_times();
    const uint64_t run_until = now.time[RUNSTATE_running] + run_ns;
    while (now.time[RUNSTATE_running] < run_until) now = own_times();
    const uint64_t block_until = now.time[RUNSTATE_blocked] + off_ns;
    while (now.time[RUNSTATE_blocked] + off_ns / 16 < block_until) {
      block(system_time(&now) + block_until - now.time[RUNSTATE_blocked]);
      now = own_times();
    }
  }
}

// Called by the code above alone.
_Noreturn void guest(const start_info_t* start);

_Noreturn void guest(const start_info_t* start) {
  const char* words = (const char*)start->cmd_line;
  if (words[0] == 't') {
    uint64_t run_ms;
    uint64_t off_ms;
    number(number(words + sizeof "tick", &run_ms), &off_ms);
    tick(run_ms * 1000000, off_ms * 1000000);
  }
  for (;;) {
    if (words[0] == 'b') block(0);
    if (words[0] == 'y') hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0);
    __asm__ volatile("pause");
  }
}
