// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the keys mean.
#ifndef XENMON_XENMON_SCREEN_KEYS_H
#define XENMON_XENMON_SCREEN_KEYS_H

namespace xenmon {

enum class Key {
  kNone,  // no key was pressed in time
  kOther, // a key without a meaning
  kGone,  // the terminal has gone: exit
  // The help lists all from here on.
  kQuit,
  kHelp,
  kDomains, // the views
  kVcpus,
  kPcpus,
  kLatency,
  kHost,
  kHosts,
  kNextView,
  kNext, // the CPUs
  kPrevious,
  kPause,
  kAllocated, // these five show or hide rows
  kBlocked,
  kWaited,
  kExecutions,
  kIo,
  kSortNext,
  kSortPrevious,
  kSortMenu,
  kReverse,
  kSearch,
  kFilter,
  kClear,
  kBasis,
  kSpan,          // which window a table shows
  kWindowLengths, // how long the windows are
  kFaster,
  kSlower,
  kFold,
  kFoldAll,
  kSave,
  kBack, // in a recording: step, and go to a time
  kForward,
  kFarBack,
  kFarForward,
  kGoTo,
  kTimeline,
  kUp,
  kDown,
  kLeft,
  kRight,
  kPageUp,
  kPageDown,
  kHome,
  kEnd,
  kRedraw,
  kErase, // in a line that is being typed
};
inline constexpr Key kFirstKey = Key::kQuit;
inline constexpr Key kLastKey = Key::kErase;

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_KEYS_H
