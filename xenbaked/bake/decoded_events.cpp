// SPDX-License-Identifier: GPL-2.0-or-later
//
// What each kind of event does, for the records that apply() does not handle by itself.
#include <algorithm>
#include <variant>

#include "bake/baker.h"

namespace xenmon {

void Baker::apply_decoded(std::uint32_t pcpu, const Record& record) {
  std::visit([&](const auto& event) { on(pcpu, record, event); }, decode(record));
}

// Page counts have no TSC of their own; the record's is that of the record before it in the buffer.
void Baker::apply_untimed(std::uint32_t pcpu, const Record& record) {
  apply_decoded(pcpu, record);
}

// What a late record says about vCPUs was true at another time, and others may have said more since: their
// state since then is unknown. Everything else in it counts.
void Baker::apply_late(std::uint32_t pcpu, const Record& record) {
  const auto late = [&](std::initializer_list<std::uint32_t> vcpus) {
    if (!started_) start(record.tsc);
    ++sample_records_;
    for (const std::uint32_t who : vcpus) make_late(who, now_ns_);
  };
  const Event event = decode(record);
  if (const auto* change = std::get_if<decoded::RunstateChange>(&event)) {
    late({change->who});
  } else if (const auto* continued = std::get_if<decoded::Continued>(&event)) {
    late({continued->who});
  } else if (const auto* switched = std::get_if<decoded::Switched>(&event)) {
    late({switched->left, switched->came});
  } else {
    apply(pcpu, record);
  }
}

// Whether records of that dialect are used. The first dispatch record decides, if nothing announced them.
bool Baker::follow(Dialect dialect) {
  if (dialect == Dialect::kXen) return !by_dispatch_records_;
  if (options_.stock_records) return false;
  by_dispatch_records_ = true;
  return true;
}

// Makes `pcpu`, in whose buffer the record is, the one that the record names. False: there can be none such.
bool Baker::settle_pcpu(std::uint32_t named, std::uint32_t& pcpu) {
  if (named == kNotNamed) return true;
  if (named >= kMaxPcpus) {
    counts_.bad.add(XENMON_BAD_CONTENT);
    return false;
  }
  if (named != pcpu) buffers_shared_ = true;
  pcpu = named;
  return true;
}

void Baker::on(std::uint32_t, const Record&, const decoded::Fault& event) {
  counts_.bad.add(event.cause);
}

void Baker::on(std::uint32_t pcpu, const Record& record, const decoded::RunstateChange& event) {
  if (!follow(event.dialect) || !settle_pcpu(event.pcpu, pcpu)) return;
  runstate(pcpu, event.from, event.to, event.who, set_now(record.tsc));
}

void Baker::on(std::uint32_t pcpu, const Record& record, const decoded::Continued& event) {
  if (event.dialect == Dialect::kXen) {
    if (follow(event.dialect)) continue_running(pcpu, event.who, set_now(record.tsc));
    return;
  }
  const bool announced = by_dispatch_records_;
  if (!follow(event.dialect)) return;
  const std::uint64_t now = set_now(record.tsc);
  decoded::Continued counted = event;
  if (!announced) {
    if (has_slices(event.who)) counted.slice_ns = 0;
    // Xen's own record has given it already.
    const Vcpu* vcpu = known_vcpu(event.who);
    if (vcpu != nullptr && vcpu->bucket == kRunning && vcpu->part.pcpu == pcpu) return;
  }
  continued(pcpu, counted, now);
}

void Baker::on(std::uint32_t pcpu, const Record& record, const decoded::UnitChosen& event) {
  if (!follow(Dialect::kXen)) return;
  if (event.unit == kNotNamed) {
    slice(pcpu, event.domid, XENMON_NO_SLOT, event.slice_ns, record.tsc);
  } else {
    chosen(pcpu, event.domid, event.unit, event.waited_ns, event.slice_ns, record.tsc);
  }
}

void Baker::on(std::uint32_t pcpu, const Record& record, const decoded::SliceGranted& event) {
  if (follow(Dialect::kXen)) slice(pcpu, event.domid, event.unit, event.slice_ns, record.tsc);
}

void Baker::on(std::uint32_t pcpu, const Record& record, const decoded::Switched& event) {
  const bool announced = by_dispatch_records_;
  if (!follow(Dialect::kDispatch)) return;
  decoded::Switched counted = event;
  if (!announced && has_slices(event.came)) counted.slice_ns = 0;
  switched(pcpu, counted, set_now(record.tsc));
}

void Baker::on(std::uint32_t, const Record& record, const decoded::DomainAdded& event) {
  if (follow(event.dialect)) domain_added(event.domid, set_now(record.tsc));
}

void Baker::on(std::uint32_t, const Record& record, const decoded::DomainRemoved& event) {
  if (follow(event.dialect)) domain_removed(event.domid, set_now(record.tsc));
}

void Baker::on(std::uint32_t pcpu, const Record&, const decoded::GrantUsed& event) {
  if (exchanges_from_ == ExchangesFrom::kGrantRecords)
    exchange(pcpu, static_cast<IoKind>(event.kind), event.granter);
}

// A copy counts for each domain whose grant it used.
void Baker::on(std::uint32_t pcpu, const Record&, const decoded::GrantCopied& event) {
  if (exchanges_from_ != ExchangesFrom::kGrantRecords) return;
  for (const std::uint32_t granter : {event.source, event.destination}) {
    if (granter == kNotNamed) continue;
    exchange(pcpu, kIoCopy, granter);
    if (granter < kFirstReservedDomid) exchanges_.copy_bytes += event.bytes;
  }
}

// Only if they are not summed up as well.
void Baker::on(std::uint32_t pcpu, const Record&, const decoded::PageExchanged& event) {
  if (options_.stock_records || exchanges_from_ == ExchangesFrom::kPageCounts) return;
  count_exchanges_from(ExchangesFrom::kPageOps);
  if (event.kind >= kIoKinds || event.granter >= kFirstReservedDomid) {
    counts_.bad.add(XENMON_BAD_CONTENT);
    return;
  }
  auto& pending = pcpu_state(pcpu).pending;
  auto found =
      std::find_if(pending.begin(), pending.end(), [&](const auto& of) { return of.first == event.granter; });
  if (found == pending.end()) found = pending.insert(found, {event.granter, {}});
  ++found->second.counts[event.kind];
  if (event.kind == kIoCopy) found->second.copy_bytes += event.bytes;
}

void Baker::on(std::uint32_t pcpu, const Record& record, const decoded::PagesCounted& event) {
  if (options_.stock_records) return;
  const bool names_acting = event.acting != kNotNamed;
  if (event.granter >= kFirstReservedDomid || (names_acting && event.acting >= kFirstReservedDomid)) {
    counts_.bad.add(XENMON_BAD_CONTENT);
    return;
  }
  count_exchanges_from(ExchangesFrom::kPageCounts);
  Exchanges done;
  for (std::size_t kind = 0; kind < kIoKinds; ++kind) done.counts[kind] = event.counts[kind];
  done.copy_bytes = event.copy_bytes;
  if (names_acting) {
    const std::uint64_t ns = to_trace_ns(record.tsc);
    credit_exchanges();
    credit_as_of(event.granter, ns, pcpu, done);
    if (event.acting != event.granter) credit_as_of(event.acting, ns, pcpu, done);
  } else if (by_dispatch_records_) {
    // The first version's belong to the execution that ends with the next record.
    pcpu_state(pcpu).pending.emplace_back(event.granter, done);
  } else {
    exchanges_with(event.granter, kBackend, pcpu).add(done);
  }
}

} // namespace xenmon
