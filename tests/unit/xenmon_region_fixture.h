// SPDX-License-Identifier: GPL-2.0-or-later
//
// A region for tests of the front end: what a daemon would publish, written by RegionImage as a daemon's is,
// and what none would, by access to the bytes of the file.
#ifndef XENMON_TESTS_XENMON_REGION_FIXTURE_H
#define XENMON_TESTS_XENMON_REGION_FIXTURE_H

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "publish/region_image.h"
#include "publish/text_field.h"
#include "temporary_directory.h"
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
};

class ScriptedRegion {
 public:
  explicit ScriptedRegion(const RegionSizes& sizes = {}) : pcpus_(sizes.pcpus), image_(make(sizes)) {
    const int fd = open(image_.path().c_str(), O_RDWR | O_CLOEXEC);
    bytes_ = image_.region_bytes();
    void* mapped = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED) std::abort();
    mapping_ = RegionMapping(mapped, bytes_);
    header().generation = 1;
    for (xenmon_pcpu& pcpu : pcpus_) pcpu.running_vcpu = XENMON_NO_SLOT;
    pcpus_[0].seen = pcpus_[1].seen = XENMON_PCPU_HAS_RECORDS;
    publish_tables();
  }

  // ---- the file itself, for what no daemon would write
  xenmon_region_header& header() { return *reinterpret_cast<xenmon_region_header*>(mapping_.data()); }
  std::span<const std::byte> bytes() const { return {mapping_.data(), bytes_}; }
  template <class Record>
  Record& element(const xenmon_table& table, std::uint64_t index) {
    return record_at<Record>(mapping_.data(), table, index);
  }
  xenmon_sample& sample(std::uint64_t number) {
    return element<xenmon_sample>(header().sample, number % header().sample.capacity);
  }

  // ---- what a daemon would
  void see_pcpu(std::uint32_t id, std::uint32_t seen) {
    pcpus_.at(id).seen = seen;
    publish_tables();
  }

  void set_domain(std::uint32_t slot, std::uint32_t domid, std::uint64_t uid, const std::string& name,
                  std::uint32_t flags = XENMON_DOMAIN_IN_USE) {
    make_slots(domains_, slot);
    xenmon_domain& domain = domains_[slot] = {};
    domain.flags = flags;
    domain.domid = domid;
    domain.uid = uid;
    put_text(domain.name, name);
    publish_tables();
  }

  void set_vcpu(std::uint32_t slot, std::uint32_t domain_slot, std::uint32_t vcpu_id) {
    make_slots(vcpus_, slot);
    make_slots(domains_, domain_slot);
    xenmon_vcpu& vcpu = vcpus_[slot] = {};
    vcpu.flags = XENMON_VCPU_IN_USE;
    vcpu.domain_slot = domain_slot;
    vcpu.vcpu_id = vcpu_id;
    std::fill(std::begin(vcpu.hist_lines), std::end(vcpu.hist_lines), UINT32_MAX);
    publish_tables();
  }

  // Publishes the next sample, right after the one before unless a start is given. Slots that its rows name
  // exist from then on, and are free unless they were set.
  void publish(const std::vector<xenmon_row>& rows, const std::vector<xenmon_io_row>& io_rows = {},
               std::uint64_t lost = 0, std::uint64_t length_ns = kSampleNs) {
    for (const xenmon_row& row : rows) {
      make_slots(vcpus_, row.vcpu_slot);
      make_slots(domains_, row.domain_slot);
    }
    for (const xenmon_io_row& row : io_rows) make_slots(domains_, row.domain_slot);
    for (const xenmon_domain_row& row : domain_rows) make_slots(domains_, row.domain_slot);
    Snapshot snapshot;
    SnapshotSample& sample = snapshot.sample.emplace();
    sample.start_ns = clock_ns;
    sample.end_ns = clock_ns + length_ns;
    sample.lost_records = lost;
    sample.rows = rows;
    sample.io_rows = io_rows;
    sample.domain_rows = domain_rows;
    clock_ns += length_ns;
    publish_snapshot(snapshot);
  }

  void add_verdict(std::uint32_t kind, const std::string& text) {
    xenmon_verdict verdict = {};
    verdict.kind = kind;
    put_text(verdict.text, text);
    verdicts_.push_back(verdict);
    image_.set_verdicts(verdicts_);
  }
  void clear_verdicts() { verdicts_.clear(); }
  void set_settings(const std::vector<xenmon_setting>& settings) { image_.set_settings(settings); }

  // The next wait; it belongs to the sample that is published after it.
  void add_wait(const xenmon_wait& wait) {
    Snapshot snapshot;
    snapshot.waits = {&wait, 1};
    publish_snapshot(snapshot);
  }

  // Puts a copy of the file at a path as a daemon does: written aside, then renamed.
  void put(const std::string& path) const {
    const std::string aside = path + ".new";
    write_to(aside, O_CREAT | O_TRUNC);
    std::filesystem::rename(aside, path);
  }
  // Brings the copy that is there up to date, in place.
  void update(const std::string& path) const { write_to(path, 0); }

  std::uint64_t clock_ns = 0;                 // where the next sample starts
  std::vector<xenmon_domain_row> domain_rows; // of each sample from now on

 private:
  RegionImage make(const RegionSizes& sizes) const {
    RegionImage::Options options;
    options.place.path = directory_ / "region";
    options.capacities = {sizes.pcpus, sizes.domains, sizes.vcpus, sizes.samples,
                          sizes.rows,  sizes.io_rows, sizes.waits, sizes.verdicts};
    options.size_limit = 0; // a ring of rows that is full wraps, and the history gets shorter
    RegionFacts facts;
    facts.daemon_start = 77;
    facts.source_kind = XENMON_SOURCE_LIVE;
    facts.io_kinds = kIoKinds;
    facts.sample_ns = kSampleNs;
    facts.history_ns = 10'000 * kMs;
    facts.heartbeat_period_ns = 1'000 * kMs;
    facts.slow_wait_ns = kMs;
    Result<RegionImage> made = RegionImage::create(options, facts);
    if (!made) abort_with(made.error());
    return std::move(*made);
  }
  void publish_tables() { publish_snapshot({}); }
  void publish_snapshot(Snapshot snapshot) {
    snapshot.pcpus = pcpus_;
    snapshot.domains = domains_;
    snapshot.vcpus = vcpus_;
    snapshot.io_kinds = kIoKinds;
    snapshot.flags = header().flags;
    if (const Status published = image_.publish(snapshot); !published) abort_with(published.error());
    // A larger file would be at the path, and this one no more.
    if (image_.region_bytes() != bytes_) abort_with(Error{"The sizes of this test's region are too small."});
  }
  template <class Record>
  static void make_slots(std::vector<Record>& table, std::uint32_t slot) {
    if (slot >= table.size()) table.resize(std::size_t{slot} + 1);
  }
  [[noreturn]] static void abort_with(const Error& error) {
    std::fprintf(stderr, "%s\n", error.message.c_str());
    std::abort();
  }
  void write_to(const std::string& path, int flags) const {
    const int fd = open(path.c_str(), O_WRONLY | flags, 0600);
    const auto all = bytes();
    if (fd < 0 || pwrite(fd, all.data(), all.size(), 0) != static_cast<ssize_t>(all.size())) std::abort();
    close(fd);
  }

  static constexpr std::uint32_t kIoKinds = XENMON_IO_MAP | XENMON_IO_UNMAP | XENMON_IO_TRANSFER;

  TemporaryDirectory directory_;
  std::vector<xenmon_pcpu> pcpus_;
  std::vector<xenmon_domain> domains_;
  std::vector<xenmon_vcpu> vcpus_;
  std::vector<xenmon_verdict> verdicts_;
  RegionImage image_;
  RegionMapping mapping_; // of the same file
  std::size_t bytes_ = 0;
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

} // namespace xenmon::test

#endif // XENMON_TESTS_XENMON_REGION_FIXTURE_H
