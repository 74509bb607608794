// SPDX-License-Identifier: GPL-2.0-or-later
#include "serve/host_interface.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <memory>
#include <system_error>
#include <utility>

#include "client/history.h"
#include "client/latency.h"
#include "client/wait_feed.h"
#include "diagnose/diagnose.h"
#include "diagnose/gather.h"
#include "log/record_line.h"
#include "log/wait_line.h"
#include "mirror/mirror_sender.h"
#include "rpc/json_text.h"
#include "serve/figures.h"
#include "serve/findings_json.h"
#include "serve/records.h"
#include "serve/sample_stream.h"
#include "serve/tables.h"
#include "serve/wait_stream.h"

namespace xenmon {
namespace {

constexpr double kSecond = 1e9;
// A region remembers far less; what is longer than this is a mistake.
constexpr double kLongestSeconds = 1e6;
constexpr std::uint64_t kShortestIntervalNs = 1'000'000;
constexpr std::uint64_t kWaitsByDefault = 100;
constexpr std::uint64_t kMostWaits = 4096;

// A parameter in seconds, in ns.
std::optional<std::uint64_t> length_of(Parameters& parameters, const std::string& name) {
  const std::optional<double> seconds = parameters.number(name);
  if (!seconds) return {};
  if (!(*seconds > 0 && *seconds <= kLongestSeconds)) {
    parameters.refuse(name);
    return {};
  }
  return static_cast<std::uint64_t>(*seconds * kSecond);
}

// Keeps the newest.
class NewestWaits final : public WaitSink {
 public:
  NewestWaits(std::uint64_t most, std::uint64_t at_least_ns) : most_(most), at_least_ns_(at_least_ns) {}

  void add(const xenmon_wait& wait) override {
    if (wait.end_ns - wait.start_ns < at_least_ns_) return;
    waits_.push_back(wait);
    if (waits_.size() > most_) waits_.pop_front();
  }
  const std::deque<xenmon_wait>& waits() const { return waits_; }

 private:
  std::uint64_t most_;
  std::uint64_t at_least_ns_;
  std::deque<xenmon_wait> waits_;
};

// A domid has 15 bits.
std::optional<std::uint32_t> domid_of(Parameters& parameters) {
  const std::optional<std::uint64_t> domid = parameters.count("domid");
  if (!domid) return {};
  if (*domid > XENMON_DOMID_IDLE) parameters.refuse("domid");
  return static_cast<std::uint32_t>(*domid);
}

Answer reply(std::string_view name, const FiguresAnswer& figures) {
  return {"", JsonObject().raw("interval", interval_json(figures.interval)).raw(name, figures.records).take(),
          nullptr};
}

} // namespace

HostInterface::HostInterface(std::string region) : region_(region), attachment_(std::move(region)) {}

Answer HostInterface::call(Call& call) {
  if (call.upgrade != (call.method == "Mirror")) return invalid_parameter("upgrade");
  if (call.method == "Mirror") return mirror(call);
  attachment_.poll();
  if (call.method == "GetHost") return host();
  if (call.method == "GetDomains") return figures(call, false);
  if (call.method == "GetVcpus") return figures(call, true);
  if (call.method == "GetPcpus") return pcpus(call);
  if (call.method == "GetLatencies") return latencies(call);
  if (call.method == "GetWaits") return waits(call);
  if (call.method == "GetFindings") return findings(call);
  if (call.method == "MonitorSamples") return monitor_samples(call);
  if (call.method == "MonitorWaits") return monitor_waits(call);
  return method_not_found(call);
}

std::optional<Answer> HostInterface::no_data() {
  if (attachment_.still_readable()) return {};
  return Answer{"xenmon.Host.NoData",
                JsonObject()
                    .text("state", state_name(attachment_.health().kind))
                    .text("reason", health_text(attachment_.health()))
                    .take(),
                nullptr};
}

std::optional<Answer> HostInterface::read_tables(const std::optional<std::uint32_t>& domid) {
  if (auto none = no_data()) return none;
  if (!attachment_.reader()->read_tables(tables_, true)) {
    return Answer{"xenmon.Host.NoData",
                  JsonObject()
                      .text("state", state_name(attachment_.health().kind))
                      .text("reason", "xenbaked keeps writing its tables; try again")
                      .take(),
                  nullptr};
  }
  const auto has_it = [&](const xenmon_domain& domain) {
    return is_in_use(domain) && domain.domid == *domid;
  };
  if (!domid || std::any_of(tables_.domains.begin(), tables_.domains.end(), has_it)) return {};
  return Answer{"xenmon.Host.NoSuchDomain", JsonObject().number("domid", *domid).take(), nullptr};
}

Answer HostInterface::host() {
  const RegionReader* reader = attachment_.still_readable() ? attachment_.reader() : nullptr;
  return {"", JsonObject().raw("host", host_json(attachment_.health(), reader)).take(), nullptr};
}

Answer HostInterface::figures(Call& call, bool vcpus) {
  const auto length_ns = length_of(call.parameters, "window_s");
  const auto domid = domid_of(call.parameters);
  const Grouping grouping{.vcpus = vcpus, .by_pcpu = call.parameters.flag("by_pcpu"), .domid = domid};
  if (grouping.by_pcpu && !length_ns) call.parameters.refuse("by_pcpu");
  if (!call.parameters.wrong().empty()) return invalid_parameter(call.parameters.wrong());
  if (auto none = read_tables(domid)) return std::move(*none);
  const RegionReader& reader = *attachment_.reader();
  return reply(vcpus ? "vcpus" : "domains", length_ns ? window_figures(reader, tables_, grouping, *length_ns)
                                                      : figures_since_start(reader, tables_, grouping));
}

Answer HostInterface::pcpus(Call& call) {
  const auto length_ns = length_of(call.parameters, "window_s");
  if (!call.parameters.wrong().empty()) return invalid_parameter(call.parameters.wrong());
  if (auto none = read_tables({})) return std::move(*none);
  const RegionReader& reader = *attachment_.reader();
  return reply("pcpus",
               length_ns ? window_pcpus(reader, tables_, *length_ns) : pcpus_since_start(reader, tables_));
}

Answer HostInterface::latencies(Call& call) {
  const LatencyWish wish{.vcpus = call.parameters.flag("vcpus"),
                         .buckets = call.parameters.flag("buckets"),
                         .domid = domid_of(call.parameters)};
  if (!call.parameters.wrong().empty()) return invalid_parameter(call.parameters.wrong());
  if (auto none = read_tables(wish.domid)) return std::move(*none);
  return reply("latencies", latencies_since_start(*attachment_.reader(), tables_, wish));
}

Answer HostInterface::waits(Call& call) {
  const std::uint64_t most = call.parameters.count("most").value_or(kWaitsByDefault);
  const std::uint64_t at_least_ns = call.parameters.count("at_least_ns").value_or(0);
  if (most == 0 || most > kMostWaits) call.parameters.refuse("most");
  if (!call.parameters.wrong().empty()) return invalid_parameter(call.parameters.wrong());
  if (auto none = read_tables({})) return std::move(*none);
  const RegionReader& reader = *attachment_.reader();
  DomainDirectory directory(0);
  directory.update(tables_.domains, 0);
  WaitLines lines(directory);
  lines.set_wall_epoch(reader.wall_epoch_ns());
  NewestWaits newest(most, at_least_ns);
  if (reader.has_waits()) {
    WaitFeed feed;
    feed.start(reader, WaitFeed::From::kOldest);
    feed.drain(reader, UINT64_MAX, newest);
  }
  JsonArray records;
  for (const xenmon_wait& wait : newest.waits()) records.add(json_line(wait_columns(), lines.fields(wait)));
  return {
      "",
      JsonObject().number("slow_wait_ns", reader.header().slow_wait_ns).raw("waits", records.take()).take(),
      nullptr};
}

Answer HostInterface::findings(Call& call) {
  const auto length_ns = length_of(call.parameters, "window_s");
  if (!call.parameters.wrong().empty()) return invalid_parameter(call.parameters.wrong());
  if (auto none = no_data()) return std::move(*none);
  LatencyHistory latency;
  const auto evidence = gather_evidence(*attachment_.reader(), length_ns.value_or(kLongWindowNs), latency);
  if (!evidence) {
    return {"xenmon.Host.NoData",
            JsonObject()
                .text("state", state_name(attachment_.health().kind))
                .text("reason", "there is no sample yet, or xenbaked keeps writing its tables; try again")
                .take(),
            nullptr};
  }
  return {"", diagnosis_json(diagnose(*evidence), evidence->start_ns, evidence->end_ns), nullptr};
}

Answer HostInterface::monitor_samples(Call& call) {
  SampleStream::Settings settings;
  settings.region = region_;
  settings.interval_ns =
      length_of(call.parameters, "interval_s").value_or(static_cast<std::uint64_t>(kSecond));
  settings.grouping = {.vcpus = call.parameters.flag("vcpus"),
                       .by_pcpu = call.parameters.flag("by_pcpu"),
                       .domid = domid_of(call.parameters)};
  if (settings.interval_ns < kShortestIntervalNs) call.parameters.refuse("interval_s");
  if (!call.parameters.wrong().empty()) return invalid_parameter(call.parameters.wrong());
  if (!call.more) return expected_more();
  if (auto none = read_tables(settings.grouping.domid)) return std::move(*none);
  return {"", "", std::make_unique<SampleStream>(settings)};
}

Answer HostInterface::monitor_waits(Call& call) {
  const std::uint64_t at_least_ns = call.parameters.count("at_least_ns").value_or(0);
  if (!call.parameters.wrong().empty()) return invalid_parameter(call.parameters.wrong());
  if (!call.more) return expected_more();
  if (auto none = no_data()) return std::move(*none);
  return {"", "", std::make_unique<WaitStream>(region_, at_least_ns)};
}

// The sender follows the region by itself, and says if there is none.
Answer HostInterface::mirror(Call& call) {
  const auto version = call.parameters.count("version");
  const auto daemon = call.parameters.text("daemon_id");
  MirrorProgress progress;
  progress.sample = call.parameters.count("after_sample").value_or(0);
  progress.wait = call.parameters.count("after_wait").value_or(0);
  if (daemon) {
    const auto [end, problem] =
        std::from_chars(daemon->data(), daemon->data() + daemon->size(), progress.daemon_start, 16);
    if (problem != std::errc{} || end != daemon->data() + daemon->size()) call.parameters.refuse("daemon_id");
  }
  if (!version) call.parameters.refuse("version");
  if (!call.parameters.wrong().empty()) return invalid_parameter(call.parameters.wrong());
  const std::string ours = JsonObject().number("version", kMirrorVersion).take();
  if (*version != kMirrorVersion) return {"xenmon.Host.MirrorVersion", ours, nullptr};
  return {"", ours, std::make_unique<MirrorSender>(region_, progress)};
}

} // namespace xenmon
