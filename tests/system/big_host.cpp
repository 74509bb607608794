// SPDX-License-Identifier: GPL-2.0-or-later
#include "big_host.h"

#include <algorithm>

namespace xenmon::test {

namespace {

constexpr std::uint32_t kSliceNs = 5'000'000;
constexpr std::uint64_t kHistoryNs = 10'000'000'000;

std::uint32_t domain_of(std::uint32_t vcpu) {
  return vcpu / BigHost::kVcpusPerDomain;
}
std::uint32_t number_of(std::uint32_t vcpu) {
  return vcpu % BigHost::kVcpusPerDomain;
}

} // namespace

BigHost::BigHost(std::uint32_t domains)
    : vcpus_(domains * kVcpusPerDomain), place_(vcpus_), blocked_(vcpus_), queues_(kPcpus) {
  for (std::uint32_t vcpu = 0; vcpu < vcpus_; ++vcpu) place_[vcpu] = vcpu % kPcpus;
}

const std::vector<WindowBuilder>& BigHost::next_sample() {
  windows_.clear();
  for (std::vector<std::uint32_t>& queue : queues_) queue.clear();
  for (std::uint32_t vcpu = 0; vcpu < vcpus_; ++vcpu) {
    // Every sixteenth moves to the neighbouring pCPU, or back.
    if ((vcpu / kPcpus + sample_) % 16 == 0) place_[vcpu] ^= 1U;
    queues_[place_[vcpu]].push_back(vcpu);
  }
  for (std::uint32_t pcpu = 0; pcpu < kPcpus; ++pcpu) run_pcpu(pcpu, windows_.emplace_back(pcpu));
  ++sample_;
  begin_ += kSampleNs;
  return windows_;
}

// Everybody in turn, and the idle vCPU before and after.
void BigHost::run_pcpu(std::uint32_t pcpu, WindowBuilder& window) {
  const std::vector<std::uint32_t>& queue = queues_[pcpu];
  const std::uint64_t turn = kSampleNs / (queue.size() + 1);
  std::uint64_t now = begin_ + pcpu; // pCPUs do not act at the very same moment
  std::uint32_t previous_domain = kIdle;
  std::uint32_t previous_number = pcpu;
  std::uint32_t previous_state = kRunnableState;
  for (const std::uint32_t vcpu : queue) {
    const std::uint32_t domain = domain_of(vcpu);
    const std::uint32_t number = number_of(vcpu);
    if (blocked_[vcpu]) window.runstate(now + turn / 2, domain, number, kBlockedState, kRunnableState);
    now += turn;
    window.record(event::kSwitchInfNext, now, {domain, number, 0, kSliceNs});
    window.runstate(now, previous_domain, previous_number, kRunningState, previous_state);
    window.runstate(now, domain, number, kRunnableState, kRunningState);
    if (io_) {
      window.record(event::kGrantMap, now + turn / 4, {domain});
      window.record(event::kGrantUnmap, now + turn / 4, {domain});
    }
    blocked_[vcpu] = (vcpu + sample_) % 2 == 0;
    previous_domain = domain;
    previous_number = number;
    previous_state = blocked_[vcpu] ? kBlockedState : kRunnableState;
  }
  now += turn / 2;
  window.record(event::kSwitchInfNext, now, {kIdle, pcpu, 0, UINT32_MAX});
  window.runstate(now, previous_domain, previous_number, kRunningState, previous_state);
  window.runstate(now, kIdle, pcpu, kRunnableState, kRunningState);
}

BigHostPipeline::BigHostPipeline(const std::string& path, std::uint32_t domains, std::uint64_t sample_ns)
    : host(domains) {
  RegionWriter::Options options;
  options.place.path = path;
  options.sample_ns = sample_ns;
  options.history_ns = kHistoryNs;
  Origin origin;
  origin.kind = XENMON_SOURCE_SCRIPTED;
  origin.cpu_khz = BigHost::kKhz;
  Result<std::unique_ptr<RegionWriter>> made = RegionWriter::create(options, origin);
  if (!made) {
    problem = made.error().message;
    return;
  }
  writer = std::move(*made);
  Baker::Options baking;
  baking.cpu_khz = BigHost::kKhz;
  baking.sample_ns = sample_ns;
  baking.linger_ns = kHistoryNs + 2'000'000'000;
  baker = std::make_unique<Baker>(baking, this);
}

void BigHostPipeline::play_samples(std::uint32_t samples) {
  for (std::uint32_t i = 0; i < samples && problem.empty(); ++i) {
    Pass pass;
    for (const WindowBuilder& window : host.next_sample()) pass.windows.push_back(window.window());
    merge.append(pass);
    merge.drain(Merge::kNoLimit, *baker);
    writer->heartbeat(i, 0);
  }
}

void BigHostPipeline::on_sample(Baker& from, const BakedSample& sample) {
  if (!problem.empty()) return;
  if (const Status done = writer->publish(from, sample, merge); !done) problem = done.error().message;
  rows += sample.rows.size();
  io_rows += sample.io_rows.size();
  largest_region = std::max<std::uint64_t>(largest_region, writer->region_bytes());
}

} // namespace xenmon::test
