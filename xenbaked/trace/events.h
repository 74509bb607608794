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

// The dispatch records that XenMon's patches to Xen (hypervisor/) add. Not in any Xen without them.
inline constexpr std::uint32_t kDispatchClass = 0x0100f000;
inline constexpr std::uint32_t kDispatchOnly = 0x01000000;   // the bits that no other class has
inline constexpr std::uint32_t kAcctDispatches = 0x00001000; // subclasses: switches
inline constexpr std::uint32_t kAcctStates = 0x00002000;     // runstates in between, domains
inline constexpr std::uint32_t kAcctPages = 0x00004000;      // page exchanges, summed up
inline constexpr std::uint32_t kAcctPageOps = 0x00008000;    // individual page exchanges
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

// Why a vCPU left, which is also why it waits if it can run; and why a vCPU waits that did not run before
// (TRC_ACCT_CAUSE_*).
enum AcctCause : std::uint8_t {
  kCauseNone,
  kCauseBlocked,
  kCausePreempted,
  kCauseYielded,
  kCauseSlice,
  kCausePaused,
  kCauseWoken,
  kCauseUnpaused,
};

// All that XenMon needs from a Xen with these records: switches, states, pages summed up.
inline constexpr std::uint32_t kDispatchMask = 0x01007000;

// Classes and subclasses to ask any other Xen for: runstates (0x21), switches and domains (0x28), memory
// (0x10f).
inline constexpr std::uint32_t kDefaultMask = 0x00129000;
// Without the subclass of switches and domains: no time slices, and no record of a domain's end.
inline constexpr std::uint32_t kMaskWithoutSlices = 0x00121000;

struct Description {
  std::uint32_t id;
  std::uint8_t words; // the minimum number of words
  std::string_view name;
};

inline constexpr std::array kDescriptions{
    Description{kLostRecords, 4, "LOST_RECORDS"},
    Description{kWrapBuffer, 0, "WRAP_BUFFER"},
    Description{kCpuChange, 2, "CPU_CHANGE"},
    Description{kRunstateChange, 1, "RUNSTATE_CHANGE"},
    Description{kContinueRunning, 1, "CONTINUE_RUNNING"},
    Description{kDomainAdd, 1, "DOM_ADD"},
    Description{kDomainRemove, 1, "DOM_REM"},
    Description{kSwitchInfNext, 3, "SWITCH_INFNEXT"},
    Description{kSwitchInfCont, 4, "SWITCH_INFCONT"},
    Description{kGrantMap, 1, "GRANT_MAP"},
    Description{kGrantUnmap, 1, "GRANT_UNMAP"},
    Description{kGrantTransfer, 1, "GRANT_TRANSFER"},
    Description{kAcctStart, 1, "ACCT_START"},
    Description{kAcctSwitch, 6, "ACCT_SWITCH"},
    Description{kAcctContinue, 1, "ACCT_CONTINUE"},
    Description{kAcctRunstate, 1, "ACCT_RUNSTATE"},
    Description{kAcctDomainAdd, 1, "ACCT_DOM_ADD"},
    Description{kAcctDomainRemove, 1, "ACCT_DOM_REM"},
    Description{kAcctPageCounts, 2, "ACCT_PAGE_COUNTS"},
    Description{kAcctPageOp, 2, "ACCT_PAGE_OP"},
};

} // namespace xenmon::event

#endif // XENMON_XENBAKED_TRACE_EVENTS_H
