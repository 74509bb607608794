// SPDX-License-Identifier: GPL-2.0-or-later
//
// A region built by hand, for tests of the front end: what a daemon would publish, and what none would.
#ifndef XENMON_TESTS_XENMON_REGION_FIXTURE_H
#define XENMON_TESTS_XENMON_REGION_FIXTURE_H

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "xenmon/region.h"

namespace xenmon::test {

inline constexpr std::uint64_t kMs = 1'000'000;
inline constexpr std::uint64_t kSampleNs = 100 * kMs;

struct RegionSizes {
  std::uint32_t pcpus = 4;
  std::uint32_t domains = 8;
  std::uint32_t vcpus = 16;
  std::uint32_t samples = 128;
  std::uint32_t rows = 4096;
  std::uint32_t io_rows = 512;
  std::uint32_t waits = 64;
  std::uint32_t verdicts = 8;
  std::uint32_t extra_stride = 0; // as a later minor version would have
};

class FakeRegion {
 public:
  explicit FakeRegion(const RegionSizes& sizes = {}) {
    xenmon_region_header head = {};
    std::uint64_t offset = 4096;
    const auto place = [&](xenmon_table& table, std::size_t record, std::uint32_t capacity) {
      table = {offset, static_cast<std::uint32_t>(record) + sizes.extra_stride, capacity, 0, 0};
      offset += std::uint64_t{table.stride} * capacity;
    };
    place(head.pcpu, sizeof(xenmon_pcpu), sizes.pcpus);
    place(head.domain, sizeof(xenmon_domain), sizes.domains);
    place(head.vcpu, sizeof(xenmon_vcpu), sizes.vcpus);
    place(head.hist, sizeof(xenmon_histograms), sizes.vcpus);
    place(head.sample, sizeof(xenmon_sample), sizes.samples);
    place(head.row, sizeof(xenmon_row), sizes.rows);
    place(head.io_row, sizeof(xenmon_io_row), sizes.io_rows);
    place(head.verdict, sizeof(xenmon_verdict), sizes.verdicts);
    place(head.wait, sizeof(xenmon_wait), sizes.waits);
    head.slow_wait_ns = kMs;
    head.pcpu.count = sizes.pcpus;
    head.magic = XENMON_MAGIC;
    head.version_major = XENMON_VERSION_MAJOR;
    head.version_minor = XENMON_VERSION_MINOR;
    head.header_bytes = sizeof(head);
    head.region_bytes = offset;
    head.generation = 1;
    head.daemon_start = 77;
    head.source_kind = XENMON_SOURCE_LIVE;
    head.io_kinds = XENMON_IO_MAP | XENMON_IO_UNMAP | XENMON_IO_TRANSFER;
    head.sample_ns = kSampleNs;
    head.history_ns = 10'000 * kMs;
    head.heartbeat_period_ns = 1'000 * kMs;
    head.state = XENMON_STATE_STARTING;
    words_.assign(offset / 8, 0);
    header() = head;
    for (std::uint32_t id = 0; id < 2; ++id) see_pcpu(id);
  }

  xenmon_region_header& header() { return *reinterpret_cast<xenmon_region_header*>(words_.data()); }
  std::span<const std::byte> bytes() const { return std::as_bytes(std::span(words_)); }

  template <class Record>
  Record& element(const xenmon_table& table, std::uint64_t index) {
    auto* base = reinterpret_cast<std::byte*>(words_.data());
    return *reinterpret_cast<Record*>(base + table.offset + index * table.stride);
  }
  xenmon_sample& sample(std::uint64_t number) {
    return element<xenmon_sample>(header().sample, number % header().sample.capacity);
  }

  void see_pcpu(std::uint32_t id) { element<xenmon_pcpu>(header().pcpu, id).seen = 1; }

  void set_domain(std::uint32_t slot, std::uint32_t domid, std::uint64_t uid, const std::string& name,
                  std::uint32_t flags = XENMON_DOMAIN_IN_USE) {
    xenmon_domain domain = {};
    domain.flags = flags;
    domain.domid = domid;
    domain.uid = uid;
    std::strncpy(domain.name, name.c_str(), sizeof(domain.name) - 1);
    element<xenmon_domain>(header().domain, slot) = domain;
    header().domain.count = std::max(header().domain.count, slot + 1);
  }

  void set_vcpu(std::uint32_t slot, std::uint32_t domain_slot, std::uint32_t vcpu_id) {
    xenmon_vcpu vcpu = {};
    vcpu.flags = XENMON_VCPU_IN_USE;
    vcpu.domain_slot = domain_slot;
    vcpu.vcpu_id = vcpu_id;
    std::fill(std::begin(vcpu.hist_lines), std::end(vcpu.hist_lines), UINT32_MAX);
    element<xenmon_vcpu>(header().vcpu, slot) = vcpu;
    header().vcpu.count = std::max(header().vcpu.count, slot + 1);
  }

  // Publishes the next sample, right behind the one before unless a start is given.
  void publish(const std::vector<xenmon_row>& rows, const std::vector<xenmon_io_row>& io_rows = {},
               std::uint64_t lost = 0, std::uint64_t length_ns = kSampleNs) {
    xenmon_sample entry = {};
    entry.seq = ++header().newest_sample;
    entry.start_ns = clock_ns;
    clock_ns += length_ns;
    entry.end_ns = clock_ns;
    entry.first_row = next_row_;
    entry.first_io_row = next_io_row_;
    entry.row_count = static_cast<std::uint32_t>(rows.size());
    entry.io_row_count = static_cast<std::uint32_t>(io_rows.size());
    entry.lost_records = lost;
    for (const xenmon_row& row : rows) {
      element<xenmon_row>(header().row, next_row_++ % header().row.capacity) = row;
    }
    for (const xenmon_io_row& row : io_rows) {
      element<xenmon_io_row>(header().io_row, next_io_row_++ % header().io_row.capacity) = row;
    }
    sample(entry.seq) = entry;
    header().state = XENMON_STATE_RUNNING;
  }

  void add_verdict(std::uint32_t kind, const std::string& text) {
    xenmon_verdict verdict = {};
    verdict.kind = kind;
    std::strncpy(verdict.text, text.c_str(), sizeof(verdict.text) - 1);
    element<xenmon_verdict>(header().verdict, header().verdict.count++) = verdict;
  }

  // Puts the next wait into its ring; it belongs to the sample that is published behind it.
  void add_wait(xenmon_wait wait) {
    wait.seq = ++header().newest_wait;
    element<xenmon_wait>(header().wait, wait.seq % header().wait.capacity) = wait;
  }

  // Puts the file at a path as a daemon does: written aside, then renamed.
  void put(const std::string& path) const {
    const std::string aside = path + ".new";
    write_to(aside, O_CREAT | O_TRUNC);
    std::filesystem::rename(aside, path);
  }
  // Brings the file that is there up to date, in place.
  void update(const std::string& path) const { write_to(path, 0); }

  std::uint64_t clock_ns = 0; // where the next sample starts

 private:
  void write_to(const std::string& path, int flags) const {
    const int fd = open(path.c_str(), O_WRONLY | flags, 0600);
    const auto all = bytes();
    if (fd < 0 || pwrite(fd, all.data(), all.size(), 0) != static_cast<ssize_t>(all.size())) std::abort();
    close(fd);
  }

  std::vector<std::uint64_t> words_;
  std::uint64_t next_row_ = 0;
  std::uint64_t next_io_row_ = 0;
};

struct RowTimes {
  std::uint32_t running_ms = 0;
  std::uint32_t waited_ms = 0;
  std::uint32_t blocked_ms = 0;
  std::uint32_t executions = 0;
  std::uint32_t slice_ms = 0; // of each execution; 0: no limit
};

inline xenmon_row make_row(std::uint32_t domain_slot, std::uint32_t pcpu, const RowTimes& times) {
  xenmon_row row = {};
  row.domain_slot = domain_slot;
  row.pcpu = pcpu;
  row.running_ns = times.running_ms * static_cast<std::uint32_t>(kMs);
  row.waited_wake_ns = times.waited_ms * static_cast<std::uint32_t>(kMs);
  row.blocked_ns = times.blocked_ms * static_cast<std::uint32_t>(kMs);
  row.executions = times.executions;
  if (times.slice_ms > 0) {
    row.slice_count = times.executions;
    row.slice_min_ns = row.slice_max_ns = times.slice_ms * static_cast<std::uint32_t>(kMs);
    row.slice_sum_ns = std::uint64_t{row.slice_count} * row.slice_min_ns;
  }
  return row;
}

inline xenmon_io_row make_io_row(std::uint32_t domain_slot, std::uint32_t pcpu, std::uint32_t map,
                                 std::uint32_t unmap = 0) {
  xenmon_io_row row = {};
  row.domain_slot = domain_slot;
  row.pcpu = pcpu;
  row.map = map;
  row.unmap = unmap;
  return row;
}

// Of vCPU 0 of that domain, which ended then on pCPU 0, with nobody named.
inline xenmon_wait make_wait(std::uint32_t domid, std::uint64_t uid, std::uint64_t end_ns,
                             std::uint64_t length_ns) {
  xenmon_wait wait = {};
  wait.domid = domid;
  wait.domain_uid = uid;
  wait.start_ns = end_ns - length_ns;
  wait.end_ns = end_ns;
  wait.kind = XENMON_WAIT_WOKEN;
  return wait;
}

// A directory for one test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "xenmon-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

} // namespace xenmon::test

#endif // XENMON_TESTS_XENMON_REGION_FIXTURE_H
