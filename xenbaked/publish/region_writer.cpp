// SPDX-License-Identifier: GPL-2.0-or-later
#include "publish/region_writer.h"

#include <utility>
#include <vector>

#include "publish/text_field.h"
#include "trace/events.h"

namespace xenmon {

namespace {

// What Xen's own records tell of page exchanges.
constexpr std::uint32_t kGrantRecordKinds = XENMON_IO_MAP | XENMON_IO_UNMAP | XENMON_IO_TRANSFER;

RegionFacts facts_of(const RegionWriter::Options& options, const Origin& origin) {
  RegionFacts facts;
  facts.source_kind = origin.kind;
  facts.cpu_khz = origin.cpu_khz;
  facts.event_mask = origin.event_mask;
  facts.sample_ns = options.sample_ns;
  facts.history_ns = options.history_ns;
  facts.heartbeat_period_ns = options.heartbeat_period_ns;
  facts.slow_wait_ns = options.slow_wait_ns;
  facts.wall_epoch_ns = origin.wall_epoch_ns;
  facts.source_text = origin.text;
  facts.xen_version = origin.xen_version;
  facts.scheduler = origin.scheduler;
  if (event::is_traced(origin.event_mask, event::kGrantMap)) {
    facts.io_kinds = kGrantRecordKinds;
    if (origin.grant_copy) facts.io_kinds |= XENMON_IO_COPY;
  }
  if (origin.cpu_khz_assumed) facts.flags |= XENMON_FLAG_KHZ_ASSUMED;
  if (origin.cpu_khz_measured) facts.flags |= XENMON_FLAG_KHZ_MEASURED;
  if (!origin.facts.pcpus.empty()) facts.flags |= XENMON_FLAG_ALL_PCPUS;
  if (origin.patched) facts.flags |= XENMON_FLAG_PATCHED_XEN;
  const bool dispatches =
      origin.facts.has_dispatches || event::is_traced(origin.event_mask, event::kAcctSwitch);
  if (!event::is_traced(origin.event_mask, event::kSwitchInfNext) && !dispatches)
    facts.flags |= XENMON_FLAG_NO_ALLOCATION;
  return facts;
}

} // namespace

Result<std::unique_ptr<RegionWriter>> RegionWriter::create(const Options& options, const Origin& origin) {
  const RegionFacts facts = facts_of(options, origin);
  RegionImage::Options image_options;
  image_options.place = options.place;
  image_options.capacities.wait = options.wait_capacity;
  Result<RegionImage> image = RegionImage::create(image_options, facts);
  if (!image) return image.error();
  return std::unique_ptr<RegionWriter>(
      new RegionWriter(std::move(*image), BakerSnapshot(facts.flags, facts.io_kinds)));
}

void RegionWriter::set_verdicts(std::span<const Verdict> verdicts) {
  std::vector<xenmon_verdict> records(verdicts.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].kind = verdicts[i].kind;
    put_text(records[i].text, verdicts[i].text);
  }
  image_.set_verdicts(records);
}

Status RegionWriter::start_again() {
  snapshot_.set_trace_health({});
  return image_.restart();
}

} // namespace xenmon
