// SPDX-License-Identifier: GPL-2.0-or-later
//
// Writes trace records as Xen does, for tests: into one pCPU's window, or into a recording.
#ifndef XENMON_TESTS_UNIT_TRACE_BUILDER_H
#define XENMON_TESTS_UNIT_TRACE_BUILDER_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "source/source.h"
#include "trace/events.h"
#include "xenmon/region.h"

namespace xenmon::test {

inline constexpr std::uint32_t kRunningState = 0;
inline constexpr std::uint32_t kRunnableState = 1;
inline constexpr std::uint32_t kBlockedState = 2;
inline constexpr std::uint32_t kOfflineState = 3;
inline constexpr std::uint32_t kIdle = XENMON_DOMID_IDLE;

class WindowBuilder {
 public:
  explicit WindowBuilder(std::uint32_t pcpu = 0) : pcpu_(pcpu) {}

  WindowBuilder& record(std::uint32_t event, std::uint64_t tsc, std::initializer_list<std::uint32_t> words) {
    put(event | static_cast<std::uint32_t>(words.size()) << 28 | 1U << 31);
    put(tsc);
    for (const std::uint32_t word : words) put(word);
    return *this;
  }
  WindowBuilder& plain(std::uint32_t event, std::initializer_list<std::uint32_t> words) {
    put(event | static_cast<std::uint32_t>(words.size()) << 28);
    for (const std::uint32_t word : words) put(word);
    return *this;
  }
  WindowBuilder& runstate(std::uint64_t tsc, std::uint32_t dom, std::uint32_t vcpu, std::uint32_t from,
                          std::uint32_t to) {
    return record(event::kRunstateChange | from << 8 | to << 4, tsc, {dom << 16 | vcpu});
  }
  WindowBuilder& proceed(std::uint64_t tsc, std::uint32_t dom, std::uint32_t vcpu) {
    return record(event::kContinueRunning, tsc, {dom << 16 | vcpu});
  }
  // The scheduler lets `next` run instead of `prev`, which goes to state `to`.
  WindowBuilder& dispatch(std::uint64_t tsc, std::uint32_t prev_dom, std::uint32_t to, std::uint32_t next_dom,
                          std::uint32_t slice_ns) {
    record(event::kSwitchInfNext, tsc, {next_dom, 0, 0, slice_ns});
    runstate(tsc, prev_dom, 0, kRunningState, to);
    return runstate(tsc, next_dom, 0, kRunnableState, kRunningState);
  }
  // The records of XenMon's patches, in the second version or in the first. Each time is ns and its cause;
  // slice 0: no limit.
  WindowBuilder& write_first_version() {
    first_version_ = true;
    return *this;
  }
  struct Time {
    std::uint64_t ns;
    event::Cause cause;
  };
  WindowBuilder& switched(std::uint64_t tsc, std::uint32_t prev_dom, Time ran, std::uint32_t next_dom,
                          Time waited, std::uint32_t slice_ns = 0) {
    const auto low = [](Time time) { return static_cast<std::uint32_t>(time.ns); };
    const std::uint32_t prev = prev_dom << 16;
    const std::uint32_t next = next_dom << 16;
    if (!first_version_) {
      const auto high = [](Time time) {
        return (static_cast<std::uint32_t>(time.ns >> 32) & 0xfffU) | std::uint32_t{time.cause} << 12;
      };
      const std::uint32_t both = high(ran) | high(waited) << 16;
      if (slice_ns == 0)
        return record(event::kDispatchSwitch, tsc, {prev, next, low(ran), low(waited), both});
      return record(event::kDispatchSwitch, tsc, {prev, next, low(ran), low(waited), both, slice_ns});
    }
    const auto high = [](Time time) {
      return static_cast<std::uint32_t>(time.ns >> 32) | std::uint32_t{time.cause} << 20 | 7U << 24;
    };
    if (slice_ns == 0)
      return record(event::kAcctSwitch, tsc, {prev, next, low(ran), high(ran), low(waited), high(waited)});
    return record(event::kAcctSwitch, tsc,
                  {prev, next, low(ran), high(ran), low(waited), high(waited), slice_ns});
  }
  WindowBuilder& changed(std::uint64_t tsc, std::uint32_t dom, std::uint32_t from, std::uint32_t to) {
    return record((first_version_ ? event::kAcctRunstate : event::kDispatchRunstate) | from << 8 | to << 4,
                  tsc, {dom << 16});
  }
  WindowBuilder& continued(std::uint64_t tsc, std::uint32_t dom, std::uint32_t slice_ns) {
    return record(first_version_ ? event::kAcctContinue : event::kDispatchContinue, tsc,
                  {dom << 16, slice_ns});
  }
  WindowBuilder& domain_added(std::uint64_t tsc, std::uint32_t dom) {
    return record(first_version_ ? event::kAcctDomainAdd : event::kDispatchDomainAdd, tsc, {dom});
  }
  WindowBuilder& domain_removed(std::uint64_t tsc, std::uint32_t dom) {
    return record(first_version_ ? event::kAcctDomainRemove : event::kDispatchDomainRemove, tsc, {dom});
  }
  WindowBuilder& lost(std::uint64_t first_tsc, std::uint64_t tsc, std::uint32_t count, std::uint32_t dom,
                      std::uint32_t vcpu) {
    return record(event::kLostRecords, tsc,
                  {count, vcpu << 16 | dom, static_cast<std::uint32_t>(first_tsc),
                   static_cast<std::uint32_t>(first_tsc >> 32)});
  }
  WindowBuilder& bytes(std::initializer_list<std::uint32_t> words) {
    for (const std::uint32_t word : words) put(word);
    return *this;
  }
  void cut(std::size_t bytes) { bytes_.resize(bytes_.size() - bytes); }

  [[nodiscard]] std::uint32_t pcpu() const { return pcpu_; }
  [[nodiscard]] const std::vector<std::byte>& data() const { return bytes_; }
  [[nodiscard]] Window window() const { return {pcpu_, bytes_, {}}; }

 private:
  template <class Word>
  void put(Word word) {
    const auto at = bytes_.size();
    bytes_.resize(at + sizeof word);
    std::memcpy(bytes_.data() + at, &word, sizeof word);
  }

  std::uint32_t pcpu_;
  bool first_version_ = false;
  std::vector<std::byte> bytes_;
};

// The windows must live as long as the pass.
inline Pass pass_of(std::initializer_list<const WindowBuilder*> windows, bool last = true) {
  Pass pass;
  for (const WindowBuilder* window : windows) pass.windows.push_back(window->window());
  pass.last = last;
  return pass;
}

// What xentrace -D would have written.
inline std::string recording(std::initializer_list<const WindowBuilder*> windows) {
  std::string file;
  for (const WindowBuilder* window : windows) {
    WindowBuilder frame;
    frame.plain(event::kCpuChange, {window->pcpu(), static_cast<std::uint32_t>(window->data().size())});
    file.append(reinterpret_cast<const char*>(frame.data().data()), frame.data().size());
    file.append(reinterpret_cast<const char*>(window->data().data()), window->data().size());
  }
  return file;
}

} // namespace xenmon::test

#endif // XENMON_TESTS_UNIT_TRACE_BUILDER_H
