// SPDX-License-Identifier: GPL-2.0-or-later
#include "serve/records.h"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <vector>

#include "base/seconds_text.h"
#include "log/record_line.h"
#include "rpc/json_text.h"
#include "text.h"

namespace xenmon {
namespace {

std::string hexadecimal(std::uint64_t number) {
  std::array<char, 20> text;
  std::snprintf(text.data(), text.size(), "%016" PRIx64, number);
  return text.data();
}

const char* vcpu_state_name(std::uint32_t state) {
  constexpr std::array kNames = {"running", "runnable", "blocked", "offline", "unknown"};
  return kNames[std::min<std::size_t>(state, kNames.size() - 1)];
}

void add_wall_time(JsonObject& json, std::uint64_t epoch_ns, std::uint64_t at_ns) {
  if (epoch_ns != 0) json.text("wall_time", wall_time_text(epoch_ns + at_ns, 3));
}

void add_known(JsonObject& json, std::string_view name, const std::string& value) {
  if (!value.empty()) json.text(name, value);
}

std::string io_kinds(std::uint32_t kinds) {
  JsonArray names;
  if ((kinds & XENMON_IO_MAP) != 0) names.add("\"map\"");
  if ((kinds & XENMON_IO_UNMAP) != 0) names.add("\"unmap\"");
  if ((kinds & XENMON_IO_TRANSFER) != 0) names.add("\"transfer\"");
  if ((kinds & XENMON_IO_COPY) != 0) names.add("\"copy\"");
  return names.take();
}

std::uint64_t newest_end_ns(const RegionReader& reader) {
  xenmon_sample newest;
  return reader.read_sample_head(reader.newest_sample(), newest) == ReadOutcome::kCopied ? newest.end_ns : 0;
}

} // namespace

const char* state_name(Health::Kind kind) {
  switch (kind) {
    case Health::Kind::kNoRegion:
      return "no_region";
    case Health::Kind::kWaiting:
      return "waiting";
    case Health::Kind::kLive:
      return "live";
    case Health::Kind::kRecording:
      return "recording";
    case Health::Kind::kRecordingOver:
      return "recording_over";
    case Health::Kind::kEnded:
      return "ended";
    case Health::Kind::kGone:
      return "gone";
  }
  return "no_region";
}

std::string interval_json(const IntervalRecord& interval) {
  JsonObject json;
  json.raw("interval_s", seconds_text(interval.length_ns)).raw("end_s", seconds_text(interval.end_ns));
  add_wall_time(json, interval.wall_epoch_ns, interval.end_ns);
  return json.number("lost_records", interval.lost_records)
      .number("missed_samples", interval.missed_samples)
      .number("restarts", interval.restarts)
      .take();
}

std::string figures_json(const FiguresRecord& figures) {
  const bool is_idle = figures.domid == XENMON_DOMID_IDLE;
  JsonObject json;
  json.number("domid", figures.domid);
  if (is_idle || !figures.domain.empty()) json.text("domain", is_idle ? "Idle" : figures.domain);
  json.number("domain_uid", figures.domain_uid);
  if (figures.vcpu) json.number("vcpu", *figures.vcpu);
  if (figures.pcpu) json.raw("pcpu", std::to_string(*figures.pcpu));
  for (const SumInfo& info : kSums) {
    if (is_idle && !info.idle) continue;
    if (figures.vcpu && !info.source.of_vcpu()) continue;
    if (!info.source.of_pcpu() && figures.sums.lived_ns() == 0) continue;
    json.number(info.name, figures.sums.*info.sum);
  }
  json.number("slice_min_ns", figures.slice_min_ns).number("slice_max_ns", figures.slice_max_ns);
  if (figures.vcpus) json.number("vcpus", *figures.vcpus);
  if (figures.state) json.text("state", vcpu_state_name(*figures.state));
  if (figures.last_pcpu != XENMON_NO_PCPU) json.number("last_pcpu", figures.last_pcpu);
  return json.take();
}

std::string pcpu_json(const PcpuRecord& pcpu) {
  JsonObject json;
  json.number("pcpu", pcpu.pcpu)
      .number("running_ns", pcpu.running_ns)
      .number("idle_ns", pcpu.idle_ns)
      .number("unknown_ns", pcpu.unknown_ns);
  if (pcpu.executions) json.number("executions", *pcpu.executions);
  return json.number("records", pcpu.records).number("lost_records", pcpu.lost_records).take();
}

std::string distribution_json(const Distribution& distribution, bool buckets) {
  const Quantiles found = quantiles(distribution);
  JsonObject json;
  json.number("count", found.count)
      .number("p50_ns", found.p50_ns)
      .number("p95_ns", found.p95_ns)
      .number("p99_ns", found.p99_ns)
      .number("max_ns", found.max_ns);
  if (!buckets) return json.take();
  JsonArray array;
  for (std::uint32_t bucket = 0; bucket < XENMON_HIST_BUCKETS; ++bucket) {
    if (distribution.counts[bucket] == 0) continue;
    JsonObject entry;
    entry.number("lower_ns", xenmon_hist_lower(bucket));
    if (bucket + 1 < XENMON_HIST_BUCKETS) entry.number("upper_ns", xenmon_hist_lower(bucket + 1));
    array.add(entry.number("count", distribution.counts[bucket]).take());
  }
  return json.raw("buckets", array.take()).take();
}

std::string host_json(const Health& health, const RegionReader* reader) {
  const xenmon_region_header header = reader == nullptr ? xenmon_region_header{} : reader->header();
  const xenmon_counters counters = reader == nullptr ? xenmon_counters{} : reader->counters();
  const std::uint64_t end_ns = reader == nullptr ? 0 : newest_end_ns(*reader);
  TablesCopy tables;
  std::vector<std::string> verdicts;
  if (reader != nullptr) {
    if (!reader->read_tables(tables, true)) tables = {};
    if (!reader->read_verdicts(verdicts)) verdicts.clear();
  }
  JsonObject json;
  json.text("state", state_name(health.kind))
      .flag("current", health.current())
      .text("state_text", health_text(health))
      .number("quiet_ns", health.quiet_ns)
      .raw("end_s", seconds_text(end_ns));
  if (reader != nullptr) add_wall_time(json, reader->wall_epoch_ns(), end_ns);
  json.text("daemon_id", hexadecimal(header.daemon_start));
  if (header.source_kind == XENMON_SOURCE_RECORDING)
    add_known(json, "recording", whole_field(header.source_text, sizeof header.source_text));
  add_known(json, "xen_version", whole_field(header.xen_version, sizeof header.xen_version));
  add_known(json, "scheduler", whole_field(header.scheduler, sizeof header.scheduler));
  JsonArray sentences;
  for (const std::string& verdict : verdicts) sentences.add(json_string(verdict));
  return json.number("cpu_khz", header.cpu_khz)
      .number("sample_ns", header.sample_ns)
      .number("history_ns", header.history_ns)
      .number("slow_wait_ns", header.slow_wait_ns)
      .number("pcpus", static_cast<std::uint64_t>(
                           std::count_if(tables.pcpus.begin(), tables.pcpus.end(),
                                         [](const xenmon_pcpu& pcpu) { return pcpu.seen != 0; })))
      .number("domains",
              static_cast<std::uint64_t>(std::count_if(tables.domains.begin(), tables.domains.end(),
                                                       [](const xenmon_domain& domain) {
                                                         return (domain.flags & XENMON_DOMAIN_IN_USE) != 0 &&
                                                                (domain.flags & XENMON_DOMAIN_DEAD) == 0 &&
                                                                domain.domid != XENMON_DOMID_IDLE;
                                                       })))
      .number("vcpus",
              static_cast<std::uint64_t>(std::count_if(tables.vcpus.begin(), tables.vcpus.end(),
                                                       [&](const xenmon_vcpu& vcpu) {
                                                         if ((vcpu.flags & XENMON_VCPU_IN_USE) == 0)
                                                           return false;
                                                         if (vcpu.domain_slot >= tables.domains.size())
                                                           return false;
                                                         const xenmon_domain& domain =
                                                             tables.domains[vcpu.domain_slot];
                                                         return (domain.flags & XENMON_DOMAIN_DEAD) == 0 &&
                                                                domain.domid != XENMON_DOMID_IDLE;
                                                       })))
      .raw("io_kinds", io_kinds(header.io_kinds))
      .number("records", counters.records)
      .number("lost_records", counters.lost_records)
      .number("bad_records", counters.bad_records)
      .number("late_records", counters.late_records)
      .raw("verdicts", sentences.take())
      .take();
}

} // namespace xenmon
