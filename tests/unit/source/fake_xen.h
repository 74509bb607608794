// SPDX-License-Identifier: GPL-2.0-or-later
//
// A Xen of the test's own. FakeXen is the machine, which outlives programs; FakeHypervisor is one
// program's access to it and writes every call into FakeXen::calls. Behaviour as in Xen's tb_control():
// buffers are made once and making them switches tracing on; a hypercall is traced when tracing is on and
// the mask holds the class of PV hypercalls.
#ifndef XENMON_TESTS_UNIT_FAKE_XEN_H
#define XENMON_TESTS_UNIT_FAKE_XEN_H

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/hypervisor.h"
#include "source/trace_ring.h"

namespace xenmon {

struct FakeXen {
  static constexpr std::uint64_t kTableFrame = 1000;
  static constexpr std::uint64_t kRingFrame = 2000; // + 100 x pCPU + page
  static constexpr std::uint32_t kPvClass = 0x00200000;
  static constexpr std::uint32_t kPort = 23;

  std::vector<bool> online{true, true};          // when buffers are made
  std::optional<std::vector<std::uint32_t>> now; // online now; none: the same
  std::uint32_t mask = 0x0ffff000;
  bool on = false;
  bool patched = false;    // has all records of XenMon's patches
  std::uint32_t pages = 0; // 0: no buffers
  bool event_bound = false;
  int mapped = 0;
  std::string scheduler = "credit2";
  NameLookup lookup = [](std::uint32_t) { return std::nullopt; };
  std::deque<std::uint32_t> pending;
  std::map<std::string, Errno> failures; // by call; lasts until erased
  std::string message;
  std::vector<std::string> calls;

  std::vector<std::uint32_t> table;              // t_info, in words
  std::vector<std::vector<std::uint32_t>> rings; // by pCPU

  void make(std::uint32_t pages_per_cpu) {
    pages = pages_per_cpu;
    table.assign(TraceRing::kPageBytes / 4, 0);
    auto* halves = reinterpret_cast<std::uint16_t*>(table.data());
    halves[0] = static_cast<std::uint16_t>(pages);
    rings.assign(online.size(), {});
    for (std::size_t cpu = 0; cpu < online.size(); ++cpu) {
      if (!online[cpu]) continue;
      const std::size_t list = 32 + cpu * pages;
      halves[1 + cpu] = static_cast<std::uint16_t>(list);
      for (std::uint32_t page = 0; page < pages; ++page)
        table[list + page] = static_cast<std::uint32_t>(kRingFrame + 100 * cpu + page);
      rings[cpu].assign(pages * TraceRing::kPageBytes / 4, 0);
    }
    on = true;
  }
  [[nodiscard]] std::uint32_t& cons(std::size_t cpu) { return rings[cpu][0]; }
  [[nodiscard]] std::uint32_t& prod(std::size_t cpu) { return rings[cpu][1]; }
  void write(std::size_t cpu, std::uint32_t bytes) {
    const auto size = static_cast<std::uint32_t>(pages * TraceRing::kPageBytes - TraceRing::kHeaderBytes);
    prod(cpu) = (prod(cpu) + bytes) % (2 * size);
  }
  void hypercall() {
    if (on && pages != 0 && (mask & kPvClass) != 0) write(0, 8);
  }
};

class FakePages final : public MappedPages {
 public:
  FakePages(FakeXen& xen, std::span<std::byte> bytes) : xen_(xen), bytes_(bytes) { ++xen_.mapped; }
  ~FakePages() override { --xen_.mapped; }
  [[nodiscard]] std::span<std::byte> bytes() const override { return bytes_; }

 private:
  FakeXen& xen_;
  std::span<std::byte> bytes_;
};

class FakeHypervisor final : public Hypervisor {
 public:
  explicit FakeHypervisor(FakeXen& xen) : xen_(xen) {}
  ~FakeHypervisor() override {
    if (bound_) {
      xen_.event_bound = false;
      xen_.calls.emplace_back("unbind");
    }
  }

  Errno open_control() override { return call("open_control"); }
  Errno open_events() override { return call("open_events"); }
  [[nodiscard]] std::string last_message() const override { return xen_.message; }

  Errno bind_trace_event(std::uint32_t& port) override {
    if (const Errno error = call("bind")) return error;
    if (xen_.event_bound) return EEXIST;
    bound_ = xen_.event_bound = true;
    port = FakeXen::kPort;
    return 0;
  }
  [[nodiscard]] int event_fd() const override { return bound_ ? 42 : -1; }
  Errno next_event(std::uint32_t& port) override {
    if (const Errno error = call("next_event")) return error;
    if (xen_.pending.empty()) return EAGAIN;
    port = xen_.pending.front();
    xen_.pending.pop_front();
    return 0;
  }
  Errno unmask(std::uint32_t port) override { return call("unmask " + std::to_string(port)); }

  Errno online_pcpus(std::vector<std::uint32_t>& pcpus) override {
    if (const auto found = xen_.failures.find("online_pcpus"); found != xen_.failures.end())
      return found->second;
    pcpus.clear();
    for (std::uint32_t cpu = 0; !xen_.now && cpu < xen_.online.size(); ++cpu) {
      if (xen_.online[cpu]) pcpus.push_back(cpu);
    }
    if (xen_.now) pcpus = *xen_.now;
    return 0;
  }
  Errno physical_info(PhysicalInfo& info) override {
    info.cpu_khz = 2596128;
    info.max_cpu_id = static_cast<std::uint32_t>(xen_.online.size() - 1);
    return call("physinfo");
  }
  [[nodiscard]] std::string version() override { return "4.17.7"; }
  [[nodiscard]] std::string scheduler() override { return xen_.scheduler; }

  Errno trace_info(TraceInfo& info) override {
    if (const Errno error = call("info")) return error;
    xen_.hypercall();
    info.event_mask = xen_.mask;
    info.table_frame = xen_.pages != 0 ? FakeXen::kTableFrame : 0;
    info.table_bytes = xen_.pages != 0 ? TraceRing::kPageBytes : 0;
    info.dispatch_records = info.page_counts = info.grant_copy = xen_.patched;
    return 0;
  }
  Errno make_buffers(std::uint32_t pages_per_cpu) override {
    if (const Errno error = call("make " + std::to_string(pages_per_cpu))) return error;
    if (xen_.pages != 0) return EBUSY;
    xen_.make(pages_per_cpu);
    return 0;
  }
  Errno set_event_mask(std::uint32_t mask) override {
    char text[24];
    std::snprintf(text, sizeof text, "mask %08x", mask);
    if (const Errno error = call(text)) return error;
    xen_.mask = mask;
    return 0;
  }
  Errno trace_all_cpus() override { return call("all_cpus"); }
  Errno enable_tracing() override {
    if (const Errno error = call("enable")) return error;
    if (xen_.pages == 0) return EINVAL;
    xen_.on = true;
    return 0;
  }
  Errno disable_tracing() override {
    if (const Errno error = call("disable")) return error;
    xen_.on = false;
    return 0;
  }

  Errno map(std::span<const std::uint64_t> frames, Access access,
            std::unique_ptr<MappedPages>& pages) override {
    const bool table = frames.front() == FakeXen::kTableFrame;
    if (const Errno error = call(table ? "map table" : "map " + std::to_string(frames.front()))) return error;
    // Pages can only be mapped as Xen shares them.
    if ((access == Access::kReadWrite) == table) return EPERM;
    for (std::size_t page = 1; page < frames.size(); ++page)
      if (frames[page] != frames[0] + page) return EINVAL;
    auto& words = table ? xen_.table : xen_.rings.at((frames.front() - FakeXen::kRingFrame) / 100);
    if (words.size() * 4 != frames.size() * TraceRing::kPageBytes) return EINVAL;
    pages = std::make_unique<FakePages>(xen_, std::as_writable_bytes(std::span(words)));
    return 0;
  }

  NameLookup name_lookup() override { return xen_.lookup; }

 private:
  Errno call(const std::string& name) {
    xen_.calls.push_back(name);
    const auto found = xen_.failures.find(name);
    return found == xen_.failures.end() ? 0 : found->second;
  }

  FakeXen& xen_;
  bool bound_ = false;
};

} // namespace xenmon

#endif // XENMON_TESTS_UNIT_FAKE_XEN_H
