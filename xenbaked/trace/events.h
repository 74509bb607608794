// SPDX-License-Identifier: GPL-2.0-or-later
//
// The one table of the trace events that XenMon uses. Numbers and layouts are Xen's
// (public/trace.h and the places in xen/common that emit them); docs/trace-records.md repeats them.
#ifndef XENMON_XENBAKED_TRACE_EVENTS_H
#define XENMON_XENBAKED_TRACE_EVENTS_H

#include <array>
#include <cstdint>
#include <string_view>

namespace xenmon::event {

// Class and subclass of an event.
inline constexpr std::uint32_t kClassMask = 0x0ffff000;

// Always written, whatever the mask.
inline constexpr std::uint32_t kAlwaysClass = 0x0001f000;
inline constexpr std::uint32_t kLostRecords = 0x0001f001; // count, dom:16 vcpu:16, first TSC lo, hi
// Instead of a domain's number there: none is one (Xen's DOMID_INVALID is 0x7ff4, and all of them have 15
// bits).
inline constexpr std::uint32_t kNobody = 0xffff;
inline constexpr std::uint32_t kWrapBuffer = 0x0001f002; // padding up to the buffer's end; no meaning
inline constexpr std::uint32_t kCpuChange = 0x0001f003;  // only in files: pCPU, bytes that follow

// Switches, wakes, domains.
inline constexpr std::uint32_t kSchedulerVerboseClass = 0x00028000;

// Runstate changes, 0x21XY1: X (bits 8-9) the old state, Y (bits 4-5) the new. One word: vcpu:16 dom:16.
inline constexpr std::uint32_t kRunstateChange = 0x00021001;
inline constexpr std::uint32_t kRunstateMask = 0x0ffffccf;    // the bits that are the same in all of them
inline constexpr std::uint32_t kContinueRunning = 0x00021002; // the same word

// Domains come and go: dom.
inline constexpr std::uint32_t kDomainAdd = 0x00028001;
inline constexpr std::uint32_t kDomainRemove = 0x00028002;

// A unit left its pCPU: dom, unit, ran ns. Before Xen 4.8 without the unit.
inline constexpr std::uint32_t kSwitchInfPrev = 0x0002800e;
// A unit was chosen: dom, unit, waited ns, slice ns. Before Xen 4.8 without the unit.
inline constexpr std::uint32_t kSwitchInfNext = 0x0002800f;
// The unit that ran was chosen again: dom, unit, ran ns, slice ns.
inline constexpr std::uint32_t kSwitchInfCont = 0x00028011;

// A scheduler asks a pCPU to decide again: pCPU. (tools/xentrace/formats: csched:tickle and so on.)
inline constexpr std::uint32_t kCreditTickle = 0x00022006;
inline constexpr std::uint32_t kCredit2Tickle = 0x00022206;
inline constexpr std::uint32_t kRtdsTickle = 0x00022801;

// The granting domain.
inline constexpr std::uint32_t kGrantMap = 0x0010f001;
inline constexpr std::uint32_t kGrantUnmap = 0x0010f002;
inline constexpr std::uint32_t kGrantTransfer = 0x0010f003;

// The dispatch records that XenMon's patches to Xen (hypervisor/) add. Not in any Xen without them. A field
// at the end of one is left out if it is 0, or if it is a pCPU and that is the one of the buffer.
inline constexpr std::uint32_t kDispatchClass = 0x00024000;
// The vCPU that leaves and the one that comes, as vcpu:16 dom:16; ran and waited, ns, the low words; the high
// bits of both, ran:12 left:4 waited:12 why:4, with a Cause in left and why; the slice in ns; the pCPU.
inline constexpr std::uint32_t kDispatchSwitch = 0x00024001;
// The running vCPU was chosen again: vcpu:16 dom:16; its slice.
inline constexpr std::uint32_t kDispatchContinue = 0x00024002;
// 0x24XY3, X and Y as in a runstate change: one that is not part of a switch. vcpu:16 dom:16; the pCPU on
// which it ran or runs.
inline constexpr std::uint32_t kDispatchRunstate = 0x00024003;
inline constexpr std::uint32_t kDispatchDomainAdd = 0x00024004; // dom
inline constexpr std::uint32_t kDispatchDomainRemove = 0x00024005;
// Without a TSC: its time is that of the record before it in the buffer. The vCPU that acted, as vcpu:16
// dom:16, or kReleased:16 dom:16 for what Xen released at that domain's end; granter:16 copied:16; bytes
// copied; mapped:16 unmapped:16; transferred.
inline constexpr std::uint32_t kDispatchPageCounts = 0x00024006;
inline constexpr std::uint32_t kReleased = 0xffff;
// An operation of which stock Xen reports nothing: source:16 destination:16; bytes:16 flags:16.
inline constexpr std::uint32_t kGrantCopy = 0x0010f013;
inline constexpr std::uint32_t kCopyFromGrant = 1U << 16; // the source is a granted page of its domain
inline constexpr std::uint32_t kCopyToGrant = 1U << 17;

// The same of the first version of the patches, which had a trace class of its own. Only recordings have
// them.
inline constexpr std::uint32_t kAcctClass = 0x0100f000;
inline constexpr std::uint32_t kAcctOnly = 0x01000000;       // the bits that no other class has
inline constexpr std::uint32_t kAcctDispatches = 0x00001000; // subclasses: switches
inline constexpr std::uint32_t kAcctPages = 0x00004000;      // page exchanges, summed up
// Tracing, or its mask, has been set: the subclasses that this Xen has.
inline constexpr std::uint32_t kAcctStart = 0x0100f001;
// The vCPU that leaves and the one that comes, as vcpu:16 dom:16; ran and waited, each ns:52 cause:4 class:8
// in two words; the slice in ns, left out if there is no limit.
inline constexpr std::uint32_t kAcctSwitch = 0x01001001;
// The running vCPU was chosen again: vcpu:16 dom:16; its slice, also left out if there is no limit.
inline constexpr std::uint32_t kAcctContinue = 0x01001002;
// 0x1002XY1, X and Y as in a runstate change: one that is not part of a switch. vcpu:16 dom:16.
inline constexpr std::uint32_t kAcctRunstate = 0x01002001;
inline constexpr std::uint32_t kAcctDomainAdd = 0x01002002; // dom
inline constexpr std::uint32_t kAcctDomainRemove = 0x01002003;
// Without a TSC; what the running vCPU did until the next record: granter:16 copied:16; bytes copied; and if
// they are not 0 mapped:16 unmapped:16; transferred.
inline constexpr std::uint32_t kAcctPageCounts = 0x01004001;
// A single one: granter:16 kind:16 (0 map, 1 unmap, 2 transfer, 3 copy from, 4 copy to the grant); bytes
// copied.
inline constexpr std::uint32_t kAcctPageOp = 0x01008001;

// Why a vCPU left, which is also why it waits if it can run; and why a vCPU waits that did not run before.
enum Cause : std::uint8_t {
  kCauseNone,
  kCauseBlocked,
  kCausePreempted,
  kCauseYielded,
  kCauseSlice,
  kCausePaused,
  kCauseWoken,
  kCauseUnpaused,
  kCauseMigrated, // it is being moved to another pCPU; not in the first version
};

// All that XenMon needs from a Xen with these records: switches, states, pages summed up.
inline constexpr std::uint32_t kDispatchMask = kDispatchClass;

// Classes and subclasses to ask any other Xen for: runstates (0x21), switches and domains (0x28), memory
// (0x10f).
inline constexpr std::uint32_t kDefaultMask = 0x00129000;
// Without the subclass of switches and domains: no time slices, and no record of a domain's end.
inline constexpr std::uint32_t kMaskWithoutSlices = 0x00121000;

// Whether Xen writes an event under a mask (xen/common/trace.c, trace_will_trace_event): a bit of the class
// and a bit of the subclass must be in it. An unknown mask, 0, is assumed to contain everything.
constexpr bool is_traced(std::uint32_t mask, std::uint32_t id) {
  return mask == 0 || (((mask >> 16) & (id >> 16)) != 0 && (((mask >> 12) & (id >> 12)) & 0xfU) != 0);
}

struct Description {
  std::uint32_t id;
  std::uint8_t words; // the minimum number of words; a record with fewer is bad
  std::string_view name;
};

// docs/trace-records.md has the same table, and decode() checks the number of words against it.

inline constexpr std::array kDescriptions{
    Description{kLostRecords, 4, "LOST_RECORDS"},
    Description{kWrapBuffer, 0, "WRAP_BUFFER"},
    Description{kCpuChange, 2, "CPU_CHANGE"},
    Description{kRunstateChange, 1, "RUNSTATE_CHANGE"},
    Description{kContinueRunning, 1, "CONTINUE_RUNNING"},
    Description{kDomainAdd, 1, "DOM_ADD"},
    Description{kDomainRemove, 1, "DOM_REM"},
    Description{kSwitchInfPrev, 2, "SWITCH_INFPREV"},
    Description{kSwitchInfNext, 3, "SWITCH_INFNEXT"},
    Description{kSwitchInfCont, 4, "SWITCH_INFCONT"},
    Description{kGrantMap, 1, "GRANT_MAP"},
    Description{kGrantUnmap, 1, "GRANT_UNMAP"},
    Description{kGrantTransfer, 1, "GRANT_TRANSFER"},
    Description{kGrantCopy, 2, "GRANT_COPY"},
    Description{kDispatchSwitch, 5, "DISPATCH_SWITCH"},
    Description{kDispatchContinue, 1, "DISPATCH_CONTINUE"},
    Description{kDispatchRunstate, 1, "DISPATCH_RUNSTATE"},
    Description{kDispatchDomainAdd, 1, "DISPATCH_DOM_ADD"},
    Description{kDispatchDomainRemove, 1, "DISPATCH_DOM_REM"},
    Description{kDispatchPageCounts, 3, "DISPATCH_PAGE_COUNTS"},
    Description{kAcctStart, 1, "ACCT_START"},
    Description{kAcctSwitch, 6, "ACCT_SWITCH"},
    Description{kAcctContinue, 1, "ACCT_CONTINUE"},
    Description{kAcctRunstate, 1, "ACCT_RUNSTATE"},
    Description{kAcctDomainAdd, 1, "ACCT_DOM_ADD"},
    Description{kAcctDomainRemove, 1, "ACCT_DOM_REM"},
    Description{kAcctPageCounts, 2, "ACCT_PAGE_COUNTS"},
    Description{kAcctPageOp, 2, "ACCT_PAGE_OP"},
};

// The minimum number of words of an event of the table.
constexpr std::uint32_t least_words(std::uint32_t id) {
  for (const Description& each : kDescriptions) {
    if (each.id == id) return each.words;
  }
  throw "not in the table"; // which does not compile in a constant
}

} // namespace xenmon::event

#endif // XENMON_XENBAKED_TRACE_EVENTS_H
