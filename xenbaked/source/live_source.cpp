// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/live_source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "source/live_refusal.h"
#include "source/trace_ring_table.h"
#include "text.h"
#include "trace/events.h"
#include "trace/record.h"
#include "xenmon/region.h"

namespace xenmon {
namespace {

constexpr std::uint32_t kDomainZero = 0;
// DOMID_FIRST_RESERVED (public/xen.h): no domain of this number or above has a name.
constexpr std::uint32_t kFirstReservedDomain = 0x7ff0;
// One call handles at most this many events; the rest keeps the descriptor readable.
constexpr int kEventsAtOnce = 64;

std::vector<std::uint64_t> consecutive_frames(std::uint64_t first, std::size_t bytes) {
  std::vector<std::uint64_t> frames((bytes + TraceRing::kPageBytes - 1) / TraceRing::kPageBytes);
  for (std::uint64_t& frame : frames) frame = first++;
  return frames;
}

// Names as data has them, and none where there can be none.
NameLookup whole_names(NameLookup lookup) {
  return [lookup = std::move(lookup)](std::uint32_t domid) -> std::optional<std::string> {
    if (domid >= kFirstReservedDomain) return std::nullopt;
    const std::optional<std::string> name = lookup(domid);
    if (!name) return std::nullopt;
    std::string whole = whole_text(*name);
    if (whole.empty()) return std::nullopt;
    return whole;
  };
}

} // namespace

Result<std::unique_ptr<Source>> LiveSource::open(const LiveOptions& options) {
  auto source = open_on(options, read_host_facts(), make_xen_hypervisor());
  if (!source) return source.error();
  return std::unique_ptr<Source>(std::move(*source));
}

Result<std::unique_ptr<LiveSource>> LiveSource::open_on(const LiveOptions& options, const HostFacts& facts,
                                                        std::unique_ptr<Hypervisor> hypervisor) {
  if (Status good = check_host(facts); !good) return good.error();
  auto source = std::make_unique<LiveSource>(Private{}, std::move(hypervisor), options.keeper);
  if (Status started = source->start(options, facts); !started) return started.error();
  return source;
}

Result<bool> LiveSource::restore(TracingKeeper& keeper) {
  return restore_on(keeper, read_host_facts(), make_xen_hypervisor());
}

Result<bool> LiveSource::restore_on(TracingKeeper& keeper, const HostFacts& facts,
                                    std::unique_ptr<Hypervisor> hypervisor) {
  const auto left = keeper.left_behind();
  if (!left) return left.error();
  if (!*left) return false;
  if (Status good = check_host(facts); !good) return good.error();
  LiveSource source(Private{}, std::move(hypervisor), &keeper);
  if (Status connected = source.connect(facts); !connected) return connected.error();
  return source.restore_leftover();
}

Result<bool> LiveSource::restore_leftover() {
  if (keeper_ == nullptr) return false;
  const auto left = keeper_->left_behind();
  if (!left) return left.error();
  if (!*left) return false;
  if (Status restored = restore_tracing(*hypervisor_, (*left)->event_mask, (*left)->on); !restored)
    return restored.error();
  keeper_->forget();
  return true;
}

LiveSource::LiveSource(Private, std::unique_ptr<Hypervisor> hypervisor, TracingKeeper* keeper)
    : keeper_(keeper),
      hypervisor_(std::move(hypervisor)),
      tracing_(std::make_unique<LiveTracing>(*hypervisor_, keeper)),
      names_(std::make_unique<NameThread>(whole_names(hypervisor_->name_lookup()))) {}

LiveSource::~LiveSource() {
  (void)close();
}

Status LiveSource::connect(const HostFacts& facts) {
  if (const Errno error = hypervisor_->open_control())
    return refuse_device(error, "/dev/xen/privcmd", "xen-privcmd", *hypervisor_);
  if (const Errno error = hypervisor_->open_events())
    return refuse_device(error, "/dev/xen/evtchn", "xen-evtchn", *hypervisor_);
  if (const Errno error = hypervisor_->bind_trace_event(port_)) return refuse_event(error, facts);
  return ok();
}

Status LiveSource::map_rings(const TraceInfo& info, std::uint32_t max_cpu_id) {
  const std::size_t table_bytes = std::min<std::size_t>(info.table_bytes, kMaxRingTableBytes);
  std::unique_ptr<MappedPages> table_pages;
  if (const Errno error = hypervisor_->map(consecutive_frames(info.table_frame, table_bytes),
                                           Hypervisor::Access::kRead, table_pages))
    return refuse_map(error, "Xen's table of trace buffers", *hypervisor_);

  auto table = parse_ring_table(table_pages->bytes().first(table_bytes), max_cpu_id);
  if (!table) return table.error();
  pages_per_ring_ = table->pages_per_ring;
  rings_.reserve(table->rings.size());
  for (const RingPlace& place : table->rings) {
    std::unique_ptr<MappedPages> pages;
    if (const Errno error = hypervisor_->map(place.frames, Hypervisor::Access::kReadWrite, pages))
      return refuse_map(error, "the trace buffer of CPU " + std::to_string(place.pcpu), *hypervisor_);
    const std::span<std::byte> bytes = pages->bytes();
    rings_.push_back(Ring{place.pcpu, std::move(pages), TraceRing(bytes)});
  }
  return ok();
}

Status LiveSource::start(const LiveOptions& options, const HostFacts& facts) {
  if (Status connected = connect(facts); !connected) return connected;
  if (const Result<bool> restored = restore_leftover(); !restored) return restored.error();

  const std::uint32_t pages = options.buffer_pages != 0 ? options.buffer_pages : LiveOptions::kPagesDefault;
  const std::uint32_t stock_mask = options.without_slices ? event::kMaskWithoutSlices : event::kDefaultMask;
  auto info = tracing_->prepare(options.event_mask.value_or(stock_mask), pages);
  if (!info) return info.error();
  PhysicalInfo physical;
  if (const Errno error = hypervisor_->physical_info(physical))
    return refuse_sysctl(error, "describe this machine's CPUs", *hypervisor_);
  if (Status mapped = map_rings(*info, physical.max_cpu_id); !mapped) return mapped;

  learn_pcpus();
  // Opens a handle of its own, so before system calls are given up.
  if (SettingsLookup lookup = hypervisor_->settings_lookup())
    settings_ = std::make_unique<SettingsThread>(std::move(lookup));

  origin_.kind = XENMON_SOURCE_LIVE;
  origin_.cpu_khz = physical.cpu_khz;
  origin_.xen_version = hypervisor_->version();
  origin_.scheduler = hypervisor_->scheduler();

  LiveTracing::Rings rings;
  rings.discard = [this] { discard_all(); };
  // During one experiment no ring goes round completely, so the sums differ when a position does.
  rings.marks = [this] {
    std::uint64_t sum = 0;
    for (const Ring& ring : rings_) sum += ring.buffer.produced();
    return sum;
  };
  if (Status found = tracing_->find_state(rings); !found) return found;
  origin_.patched = info->dispatch_records;
  origin_.event_mask = options.event_mask.value_or(
      origin_.patched && !options.stock_records ? event::kDispatchMask : stock_mask);
  const bool dispatches = origin_.patched && event::is_traced(origin_.event_mask, event::kDispatchSwitch);
  origin_.facts.has_dispatches = dispatches;
  origin_.facts.has_page_counts = dispatches && info->page_counts;
  origin_.grant_copy = info->grant_copy;
  auto started = tracing_->start(origin_.event_mask, rings);
  if (!started) return started.error();
  origin_.wall_epoch_ns = *started;
  return ok();
}

// Xen makes buffers for the pCPUs that are online at that moment. One that has gone offline since writes
// nothing, and one that has come online since has no buffer. If Xen does not say which are online, no pCPU is
// assumed to be idle because it is silent.
void LiveSource::learn_pcpus() {
  std::vector<std::uint32_t> online;
  if (hypervisor_->online_pcpus(online) != 0) return;
  TraceFacts& facts = origin_.facts;
  for (const std::uint32_t pcpu : online) {
    const bool traced =
        std::any_of(rings_.begin(), rings_.end(), [&](const Ring& ring) { return ring.pcpu == pcpu; });
    (traced ? facts.pcpus : facts.untraced_pcpus).push_back(pcpu);
  }
  facts.pcpus_missing = !facts.untraced_pcpus.empty();
  facts.check_waits = true;
}

void LiveSource::discard_all() {
  for (Ring& ring : rings_) ring.buffer.discard();
}

Status LiveSource::read_pass(Pass& pass) {
  pass.clear();
  pass.last = hypervisor_ == nullptr;
  if (pass.last) return ok();
  pass.one_pcpu = rings_.size() == 1;
  const Result<bool> changed = tracing_->keep_masks();
  if (!changed) return changed.error();
  if (*changed) {
    // It is not known from which point on records are missing.
    discard_all();
    pass.gap = true;
    ++counts_.masks_changed;
    return tracing_->resume(); // a fault, if there was one, is gone with the rest
  }
  for (Ring& ring : rings_) {
    const TraceRing::Taken taken = ring.buffer.take();
    if (taken.fault != TraceRing::Fault::kNone) {
      pass.bad.add(XENMON_BAD_RING);
    } else if (!taken.first.empty()) {
      pass.windows.push_back(Window{ring.pcpu, taken.first, taken.second, taken.full});
    }
  }
  const std::uint64_t faults = pass.bad.total();
  if (faults == 0) return ok();
  pass.gap = true;
  counts_.ring_faults += faults;
  return tracing_->resume();
}

void LiveSource::release_pass() {
  for (Ring& ring : rings_) ring.buffer.release();
}

int LiveSource::event_fd() const {
  return hypervisor_ ? hypervisor_->event_fd() : -1;
}

Status LiveSource::acknowledge() {
  if (!hypervisor_) return ok();
  for (int event = 0; event < kEventsAtOnce; ++event) {
    std::uint32_t port = 0;
    Errno error = hypervisor_->next_event(port);
    if (error == EAGAIN || error == EINTR) return ok();
    if (error == 0 && port != port_) {
      ++counts_.unexpected_ports;
      continue;
    }
    if (error == 0) error = hypervisor_->unmask(port);
    if (error != 0)
      return Error{std::string("Xen's trace event can no longer be received (") + std::strerror(error) +
                   "): start xenbaked again."};
  }
  return ok();
}

std::optional<std::string> LiveSource::domain_name(const DomidUse& domain) const {
  if (domain.domid == kDomainZero) return "Domain-0";
  return std::nullopt;
}

Status LiveSource::close() {
  if (!hypervisor_) return ok();
  Status restored = tracing_->restore();
  // The event is released last: until then no other program can start to change what is being restored.
  names_.reset();
  settings_.reset();
  rings_.clear();
  tracing_.reset();
  hypervisor_.reset();
  return restored;
}

} // namespace xenmon
