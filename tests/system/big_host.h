// SPDX-License-Identifier: GPL-2.0-or-later
//
// The trace of a big host, made up sample by sample: 256 pCPUs, 1,024 domains of 4 vCPUs, all of which
// do something in every sample.
#ifndef XENMON_TESTS_SYSTEM_BIG_HOST_H
#define XENMON_TESTS_SYSTEM_BIG_HOST_H

#include <cstdint>
#include <string>
#include <vector>

#include "bake/baker.h"
#include "merge/merge.h"
#include "publish/region_writer.h"
#include "trace_builder.h"

namespace xenmon::test {

class BigHost {
 public:
  static constexpr std::uint32_t kPcpus = 256;
  static constexpr std::uint32_t kDomains = 1'024;
  static constexpr std::uint32_t kVcpusPerDomain = 4;
  static constexpr std::uint32_t kVcpus = kDomains * kVcpusPerDomain;
  static constexpr std::uint64_t kSampleNs = 100'000'000;
  static constexpr std::uint32_t kKhz = 1'000'000; // one TSC cycle is one nanosecond

  // With fewer domains than kDomains the pCPUs are as many all the same.
  explicit BigHost(std::uint32_t domains = kDomains);

  // From the next sample on every vCPU maps and unmaps a page whenever it runs.
  void do_io(bool whether) { io_ = whether; }
  // The records of the next sample, one window to each pCPU. Valid until the next call.
  const std::vector<WindowBuilder>& next_sample();
  [[nodiscard]] std::uint64_t tsc() const { return begin_; }

 private:
  void run_pcpu(std::uint32_t pcpu, WindowBuilder& window);

  std::uint32_t vcpus_;
  bool io_ = false;
  std::uint64_t sample_ = 0;
  std::uint64_t begin_ = 1'000'000;
  std::vector<std::uint32_t> place_;               // by vCPU: the pCPU that it is on
  std::vector<bool> blocked_;                      // by vCPU
  std::vector<std::vector<std::uint32_t>> queues_; // by pCPU: who runs there in this sample
  std::vector<WindowBuilder> windows_;
};

// From a host's records to a region, through all of the daemon's stages.
class BigHostPipeline final : public BakeSink {
 public:
  explicit BigHostPipeline(const std::string& path, std::uint32_t domains = BigHost::kDomains,
                           std::uint64_t sample_ns = BigHost::kSampleNs);

  void play_samples(std::uint32_t samples);
  void on_sample(Baker& from, const BakedSample& sample) override;

  BigHost host;
  Merge merge;
  std::unique_ptr<RegionWriter> writer;
  std::unique_ptr<Baker> baker;
  std::uint64_t rows = 0; // of all samples
  std::uint64_t io_rows = 0;
  std::uint64_t largest_region = 0;
  std::string problem; // what publishing failed with, if it did
};

} // namespace xenmon::test

#endif // XENMON_TESTS_SYSTEM_BIG_HOST_H
