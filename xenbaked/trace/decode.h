// SPDX-License-Identifier: GPL-2.0-or-later
//
// One record to one typed event, or to a fault with its cause. What the fields mean is the same whichever Xen
// wrote them: Xen's own records, the dispatch records of our patches, and those of the patches' first version
// (events.h has the ids and layouts) become the same types here, and nothing after this place knows a layout.
//
// Pure functions; nothing is kept and nothing allocates. Contents are input: a number that no domain or pCPU
// can have is passed on, and the receiver decides what it is worth.
#ifndef XENMON_XENBAKED_TRACE_DECODE_H
#define XENMON_XENBAKED_TRACE_DECODE_H

#include <cstdint>
#include <variant>

#include "trace/events.h"
#include "trace/record.h"

namespace xenmon {

// Which of the two descriptions of the same events a record belongs to; a trace may contain both.
enum class Dialect : std::uint8_t { kXen, kDispatch };

// In the place of a unit or pCPU that a record does not name.
inline constexpr std::uint32_t kNotNamed = 0xffffffff;
// In the place of a time that a record does not give.
inline constexpr std::uint32_t kNotTold = 0xffffffff;

namespace decoded {

// `who` is always vcpu:16 dom:16, states are XENMON_VCPU_*, and `pcpu` is kNotNamed where it is the one in
// whose buffer the record is.

// Nothing that XenMon uses.
struct Ignored {};

// The record is malformed.
struct Fault {
  std::uint32_t cause = 0; // XENMON_BAD_*
};

struct RunstateChange {
  std::uint32_t who = 0;
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  std::uint32_t pcpu = kNotNamed;
  Dialect dialect = Dialect::kXen;
};

// The running vCPU was chosen again. Of Xen's own records it has no slice: SliceGranted says that.
struct Continued {
  std::uint32_t who = 0;
  std::uint32_t slice_ns = 0; // 0: no limit
  Dialect dialect = Dialect::kXen;
};

// A unit is about to leave, after having run for that long.
struct UnitLeaves {
  std::uint32_t domid = 0;
  std::uint32_t unit = kNotNamed;
  std::uint32_t ran_ns = kNotTold;
};

// A unit is about to run.
struct UnitChosen {
  std::uint32_t domid = 0;
  std::uint32_t unit = kNotNamed;
  std::uint32_t waited_ns = kNotTold; // since it left its pCPU
  std::uint32_t slice_ns = 0;         // 0, or negative as a signed number: no limit
};

// A unit goes on running.
struct SliceGranted {
  std::uint32_t domid = 0;
  std::uint32_t unit = kNotNamed;
  std::uint32_t slice_ns = 0; // as above
};

// One vCPU leaves a pCPU, and another one starts to run there.
struct Switched {
  struct Time {
    std::uint64_t ns = 0;
    std::uint32_t cause = event::kCauseNone; // event::Cause
  };
  std::uint32_t left = 0;
  std::uint32_t came = 0;
  Time ran;                   // how long `left` ran, and why it left
  Time waited;                // how long `came` waited, and why
  std::uint32_t slice_ns = 0; // 0: no limit
  std::uint32_t pcpu = kNotNamed;
};

struct DomainAdded {
  std::uint32_t domid = 0;
  Dialect dialect = Dialect::kXen;
};
struct DomainRemoved {
  std::uint32_t domid = 0;
  Dialect dialect = Dialect::kXen;
};

// Kinds of page exchanges, in the order in which all tables have them.
enum PageKind : std::uint8_t { kPageMap, kPageUnmap, kPageTransfer, kPageCopy };

// Xen's own record of one exchange.
struct GrantUsed {
  PageKind kind = kPageMap;
  std::uint32_t granter = 0;
};

// One copy with a grant on one side or on both.
struct GrantCopied {
  std::uint32_t source = kNotNamed;      // the granter of the source page; kNotNamed: not a granted page
  std::uint32_t destination = kNotNamed; // the same
  std::uint32_t bytes = 0;
};

// The first version's record of one exchange.
struct PageExchanged {
  std::uint32_t kind = 0; // a PageKind; anything above means damage
  std::uint32_t granter = 0;
  std::uint32_t bytes = 0;
};

// What was done to the grants of one domain.
struct PagesCounted {
  std::uint32_t acting = kNotNamed; // the domain that did it
  std::uint32_t granter = 0;
  std::uint32_t counts[4] = {}; // by PageKind
  std::uint32_t copy_bytes = 0;
};

// A scheduler has asked a pCPU to decide again.
struct Tickled {
  std::uint32_t pcpu = kNotNamed;
};

} // namespace decoded

using Event =
    std::variant<decoded::Ignored, decoded::Fault, decoded::RunstateChange, decoded::Continued,
                 decoded::UnitLeaves, decoded::UnitChosen, decoded::SliceGranted, decoded::Switched,
                 decoded::DomainAdded, decoded::DomainRemoved, decoded::GrantUsed, decoded::GrantCopied,
                 decoded::PageExchanged, decoded::PagesCounted, decoded::Tickled>;

// For every record with a TSC, and for page counts, which have none.
[[nodiscard]] Event decode(const Record& record);

// The records that fill a trace have shortcuts, because a variant costs more than what most of them change.
// Each may be called only where its is_...() is true, and gives what decode() gives.

// Xen's own, before its number of words is known.
[[nodiscard]] inline bool is_runstate_change(std::uint32_t event) {
  return (event & event::kRunstateMask) == event::kRunstateChange;
}
// With at least one word. Xen's own, or a dispatch record.
[[nodiscard]] inline decoded::RunstateChange decode_runstate_change(const Record& record, Dialect dialect) {
  const std::uint32_t event = record.event();
  return {record.word(0), (event >> 8) & 3U, (event >> 4) & 3U, kNotNamed, dialect};
}

// SWITCH_INFNEXT that names the unit.
[[nodiscard]] inline bool is_unit_chosen(const Record& record) {
  return record.event() == event::kSwitchInfNext && record.extra_words() >= 4;
}
[[nodiscard]] inline decoded::UnitChosen decode_unit_chosen(const Record& record) {
  return {record.word(0), record.word(1), record.word(2), record.word(3)};
}

[[nodiscard]] inline bool is_slice_granted(const Record& record) {
  return record.event() == event::kSwitchInfCont && record.extra_words() >= 4;
}
[[nodiscard]] inline decoded::SliceGranted decode_slice_granted(const Record& record) {
  return {record.word(0), record.word(1), record.word(3)};
}

// CONTINUE_RUNNING.
[[nodiscard]] inline bool is_continued(const Record& record) {
  return record.event() == event::kContinueRunning && record.extra_words() >= 1;
}
[[nodiscard]] inline decoded::Continued decode_continued(const Record& record) {
  return {record.word(0), 0, Dialect::kXen};
}

// GRANT_MAP, GRANT_UNMAP and GRANT_TRANSFER.
[[nodiscard]] inline bool is_grant_used(const Record& record) {
  return record.event() - event::kGrantMap <= event::kGrantTransfer - event::kGrantMap &&
         record.extra_words() >= 1;
}
[[nodiscard]] inline decoded::GrantUsed decode_grant_used(const Record& record) {
  return {static_cast<decoded::PageKind>(record.event() - event::kGrantMap), record.word(0)};
}

// DISPATCH_SWITCH with a TSC and a slice, and with or without a pCPU.
[[nodiscard]] inline bool is_full_switch(std::uint32_t header) {
  constexpr std::uint32_t kWithSlice = kHasTsc | 6U << 28 | event::kDispatchSwitch;
  constexpr std::uint32_t kPcpuToo = 1U << 28;
  return (header | kPcpuToo) == (kWithSlice | kPcpuToo);
}
[[nodiscard]] inline decoded::Switched decode_full_switch(const Record& record) {
  decoded::Switched out;
  out.left = record.word(0);
  out.came = record.word(1);
  const std::uint32_t high = record.word(4);
  out.ran = {std::uint64_t{high & 0xfffU} << 32 | record.word(2), (high >> 12) & 0xfU};
  out.waited = {std::uint64_t{(high >> 16) & 0xfffU} << 32 | record.word(3), high >> 28};
  out.slice_ns = record.word(5);
  if (record.extra_words() >= 7) out.pcpu = record.word(6);
  return out;
}

} // namespace xenmon

#endif // XENMON_XENBAKED_TRACE_DECODE_H
