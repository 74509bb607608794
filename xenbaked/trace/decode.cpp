// SPDX-License-Identifier: GPL-2.0-or-later
#include "trace/decode.h"

#include <cstddef>

#include "xenmon/region.h"

namespace xenmon {

namespace {

using namespace decoded;

constexpr Fault kTooShort{XENMON_BAD_WORDS};

std::uint32_t word_or(const Record& record, std::uint32_t index, std::uint32_t otherwise) {
  return index < record.extra_words() ? record.word(index) : otherwise;
}

RunstateChange runstate_change(const Record& record, Dialect dialect) {
  RunstateChange out = decode_runstate_change(record, dialect);
  if (dialect == Dialect::kDispatch && record.event() >> 24 == 0) out.pcpu = word_or(record, 1, kNotNamed);
  return out;
}

// Before Xen 4.8 without the unit.
UnitLeaves unit_leaves(const Record& record) {
  if (record.extra_words() < 3) return {record.word(0), kNotNamed, kNotTold};
  return {record.word(0), record.word(1), record.word(2)};
}

UnitChosen unit_chosen(const Record& record) {
  if (record.extra_words() < 4) return {record.word(0), kNotNamed, kNotTold, record.word(2)};
  return decode_unit_chosen(record);
}

Switched dispatch_switch(const Record& record) {
  if (record.extra_words() >= 6) return decode_full_switch(record);
  Switched out;
  out.left = record.word(0);
  out.came = record.word(1);
  const std::uint32_t high = record.word(4);
  out.ran = {std::uint64_t{high & 0xfffU} << 32 | record.word(2), (high >> 12) & 0xfU};
  out.waited = {std::uint64_t{(high >> 16) & 0xfffU} << 32 | record.word(3), high >> 28};
  return out;
}

// ns:52 cause:4 class:8 in two words.
Switched::Time first_version_time(const Record& record, std::uint32_t word) {
  const auto whole = load_word<std::uint64_t>(record.extra + std::size_t{word} * 4);
  return {whole & ((std::uint64_t{1} << 52) - 1), static_cast<std::uint32_t>(whole >> 52) & 0xfU};
}

Switched first_version_switch(const Record& record) {
  return {record.word(0),        record.word(1), first_version_time(record, 2), first_version_time(record, 4),
          word_or(record, 6, 0), kNotNamed};
}

GrantCopied grant_copied(const Record& record) {
  const std::uint32_t flags = record.word(1);
  GrantCopied out;
  if ((flags & event::kCopyFromGrant) != 0) out.source = record.word(0) & 0xffffU;
  if ((flags & event::kCopyToGrant) != 0) out.destination = record.word(0) >> 16;
  out.bytes = flags & 0xffffU;
  return out;
}

PageExchanged first_version_page_op(const Record& record) {
  std::uint32_t kind = record.word(0) >> 16;
  if (kind == kPageCopy + 1) kind = kPageCopy; // into the granted page instead of out of it
  return {kind, record.word(0) & 0xffffU, record.word(1)};
}

// granter:16 copied:16; bytes; mapped:16 unmapped:16; transferred.
PagesCounted pages_counted(const Record& record, std::uint32_t first, std::uint32_t acting) {
  PagesCounted out;
  out.acting = acting;
  out.granter = record.word(first) & 0xffffU;
  out.counts[kPageCopy] = record.word(first) >> 16;
  out.copy_bytes = record.word(first + 1);
  const std::uint32_t mapped = word_or(record, first + 2, 0);
  out.counts[kPageMap] = mapped & 0xffffU;
  out.counts[kPageUnmap] = mapped >> 16;
  out.counts[kPageTransfer] = word_or(record, first + 3, 0);
  return out;
}

// A record of the table with fewer words than it says is a fault.
template <std::uint32_t kId, class Reader>
Event read(const Record& record, Reader reader) {
  constexpr std::uint32_t kLeast = event::least_words(kId);
  if (record.extra_words() < kLeast) return kTooShort;
  return reader();
}

} // namespace

Event decode(const Record& record) {
  const std::uint32_t event = record.event();
  switch (event & event::kRunstateMask) {
    case event::kRunstateChange:
      return read<event::kRunstateChange>(record, [&] { return runstate_change(record, Dialect::kXen); });
    case event::kDispatchRunstate:
      return read<event::kDispatchRunstate>(record,
                                            [&] { return runstate_change(record, Dialect::kDispatch); });
    case event::kAcctRunstate:
      return read<event::kAcctRunstate>(record, [&] { return runstate_change(record, Dialect::kDispatch); });
    default:
      break;
  }
  const auto domid = [&] { return record.word(0); };
  switch (event) {
    case event::kContinueRunning:
      return read<event::kContinueRunning>(record, [&] { return decode_continued(record); });
    case event::kDispatchContinue:
      return read<event::kDispatchContinue>(record, [&] {
        return Continued{record.word(0), word_or(record, 1, 0), Dialect::kDispatch};
      });
    case event::kAcctContinue:
      return read<event::kAcctContinue>(record, [&] {
        return Continued{record.word(0), word_or(record, 1, 0), Dialect::kDispatch};
      });
    case event::kSwitchInfPrev:
      return read<event::kSwitchInfPrev>(record, [&] { return unit_leaves(record); });
    case event::kSwitchInfNext:
      return read<event::kSwitchInfNext>(record, [&] { return unit_chosen(record); });
    case event::kSwitchInfCont:
      return read<event::kSwitchInfCont>(record, [&] { return decode_slice_granted(record); });
    case event::kDispatchSwitch:
      return read<event::kDispatchSwitch>(record, [&] { return dispatch_switch(record); });
    case event::kAcctSwitch:
      return read<event::kAcctSwitch>(record, [&] { return first_version_switch(record); });
    case event::kDomainAdd:
      return read<event::kDomainAdd>(record, [&] { return DomainAdded{domid(), Dialect::kXen}; });
    case event::kDispatchDomainAdd:
      return read<event::kDispatchDomainAdd>(record, [&] {
        return DomainAdded{domid(), Dialect::kDispatch};
      });
    case event::kAcctDomainAdd:
      return read<event::kAcctDomainAdd>(record, [&] { return DomainAdded{domid(), Dialect::kDispatch}; });
    case event::kDomainRemove:
      return read<event::kDomainRemove>(record, [&] { return DomainRemoved{domid(), Dialect::kXen}; });
    case event::kDispatchDomainRemove:
      return read<event::kDispatchDomainRemove>(record, [&] {
        return DomainRemoved{domid(), Dialect::kDispatch};
      });
    case event::kAcctDomainRemove:
      return read<event::kAcctDomainRemove>(record, [&] {
        return DomainRemoved{domid(), Dialect::kDispatch};
      });
    case event::kGrantMap:
      return read<event::kGrantMap>(record, [&] { return decode_grant_used(record); });
    case event::kGrantUnmap:
      return read<event::kGrantUnmap>(record, [&] { return decode_grant_used(record); });
    case event::kGrantTransfer:
      return read<event::kGrantTransfer>(record, [&] { return decode_grant_used(record); });
    case event::kGrantCopy:
      return read<event::kGrantCopy>(record, [&] { return grant_copied(record); });
    case event::kAcctPageOp:
      return read<event::kAcctPageOp>(record, [&] { return first_version_page_op(record); });
    case event::kDispatchPageCounts:
      return read<event::kDispatchPageCounts>(record,
                                              [&] { return pages_counted(record, 1, record.word(0) >> 16); });
    case event::kAcctPageCounts:
      return read<event::kAcctPageCounts>(record, [&] { return pages_counted(record, 0, kNotNamed); });
    case event::kCreditTickle:
    case event::kCredit2Tickle:
    case event::kRtdsTickle:
      return Tickled{record.extra_words() == 1 ? record.word(0) : kNotNamed};
    default:
      return Ignored{};
  }
}

} // namespace xenmon
