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
inline constexpr std::uint32_t kWrapBuffer = 0x0001f002;  // padding up to the buffer's end; no meaning
inline constexpr std::uint32_t kCpuChange = 0x0001f003;   // only in files: pCPU, bytes that follow

// Switches, wakes, domains.
inline constexpr std::uint32_t kSchedulerVerboseClass = 0x00028000;

// Runstate changes, 0x21XY1: X (bits 8-9) the old state, Y (bits 4-5) the new. One word: vcpu:16 dom:16.
inline constexpr std::uint32_t kRunstateChange = 0x00021001;
inline constexpr std::uint32_t kRunstateMask = 0x0ffffccf;    // the bits that are the same in all of them
inline constexpr std::uint32_t kContinueRunning = 0x00021002; // the same word

// Domains come and go: dom.
inline constexpr std::uint32_t kDomainAdd = 0x00028001;
inline constexpr std::uint32_t kDomainRemove = 0x00028002;

// A unit was chosen: dom, unit, waited ns, slice ns. Before Xen 4.8 without the unit.
inline constexpr std::uint32_t kSwitchInfNext = 0x0002800f;
// The unit that ran was chosen again: dom, unit, ran ns, slice ns.
inline constexpr std::uint32_t kSwitchInfCont = 0x00028011;

// The granting domain.
inline constexpr std::uint32_t kGrantMap = 0x0010f001;
inline constexpr std::uint32_t kGrantUnmap = 0x0010f002;
inline constexpr std::uint32_t kGrantTransfer = 0x0010f003;

// Classes and subclasses to ask Xen for: runstates (0x21), switches and domains (0x28), memory (0x10f).
inline constexpr std::uint32_t kDefaultMask = 0x00129000;
// Without the subclass of switches and domains: no time slices, and nobody tells of a domain's end.
inline constexpr std::uint32_t kMaskWithoutSlices = 0x00121000;

struct Description {
  std::uint32_t id;
  std::uint8_t words; // the fewest that make sense
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
};

} // namespace xenmon::event

#endif // XENMON_XENBAKED_TRACE_EVENTS_H
