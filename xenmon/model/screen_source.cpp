// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/screen_source.h"

#include <algorithm>

#include "base/clock.h"
#include "base/seconds_text.h"
#include "base/trace_time.h"
#include "client/known_pcpus.h"
#include "daemon/replay_control.h"
#include "model/model_builder.h"

namespace xenmon {
namespace {

constexpr std::uint64_t kRetentionNs = 2 * kLongWindowNs;

constexpr std::uint64_t kPointNs = 1'000'000'000; // from one point of the graphs to the next

std::string position_text(std::uint64_t ns) {
  return seconds_text(ns, 1) + " s";
}

void add_growth(HostModel& host, const CounterTrack::Growth& growth) {
  host.recent = growth.counters;
  host.recent_trace_ns = growth.trace_ns;
  host.recent_wall_ns = growth.wall_ns;
  host.own_cpu_ns = growth.own_cpu_ns;
  host.own_wall_ns = growth.own_wall_ns;
}

} // namespace

ScreenSource::ScreenSource(Publisher& publisher)
    : publisher_(publisher),
      follower_(
          {.path = publisher.region, .retention_ns = kRetentionNs, .vcpus = SampleFeed::Vcpus::kResolve}) {}

const RegionReader* ScreenSource::readable() const {
  return follower_.attachment().still_readable() ? follower_.reader() : nullptr;
}

void ScreenSource::set_windows(const WindowLengths& windows_ns) {
  history_.set_windows(windows_ns);
  latency_.set_window(windows_ns[kLongWindow]);
  contenders_.clear();
  start_again(Graphs::kGoOn);
}

void ScreenSource::start_again(Graphs graphs) {
  history_.clear();
  rewinding_ = graphs == Graphs::kGoOn;
  follower_.repeat(*this);
  rewinding_ = false;
}

Result<SampleFeed::From> ScreenSource::begin(const RegionReader& reader) {
  latency_.clear();
  contenders_.clear();
  counters_.clear();
  return history_.begin(reader);
}

void ScreenSource::add(const Sample& sample) {
  // Another story, or after a jump the same one at another time.
  if (!rewinding_ && (sample.start_ns < history_.end_ns() || history_.end_ns() == 0)) {
    trend_.clear();
    next_point_ns_ = sample.start_ns + kPointNs;
  }
  history_.add(sample);
  if (sample.end_ns < next_point_ns_) return;
  add_to_trend();
  next_point_ns_ = sample.end_ns + kPointNs;
}

void ScreenSource::add_to_trend() {
  const DomainDirectory& directory = follower_.directory();
  by_domain_.assign(directory.size(), {});
  const std::span<const Account> accounts = history_.accounts();
  for (AccountIndex i = 0; i < accounts.size(); ++i) {
    const Account& account = accounts[i];
    if (account.domain >= by_domain_.size() || (pcpu_ && account.pcpu != *pcpu_)) continue;
    by_domain_[account.domain].add(history_.sums(WindowId::kShort, i));
  }
  std::vector<Trend::Lately> domains;
  for (DomainIndex index = 0; index < by_domain_.size(); ++index) {
    const DomainEntry& entry = directory[index];
    if (entry.domid == XENMON_DOMID_IDLE || by_domain_[index] == MetricSums{}) continue;
    domains.push_back({entry.uid, by_domain_[index]});
  }
  const std::size_t pcpus = pcpu_ ? 1 : seen_pcpus(follower_.feed().tables()).size();
  trend_.add(domains, history_.length_ns(WindowId::kShort) * pcpus);
}

void ScreenSource::select(std::optional<std::uint32_t> pcpu) {
  if (pcpu == pcpu_) return;
  pcpu_ = pcpu;
  // The graphs were of another one. What is held cannot be read again.
  trend_.clear();
  if (!held_) start_again(Graphs::kStartAgain);
}

void ScreenSource::follow() {
  if (publisher_.daemon) publisher_.daemon->poll();
  if (publisher_.mirror) publisher_.mirror->poll();
  if (held_) return;
  (void)follow_replay(publisher_.replay, follower_, *this); // begin() refuses nothing
  if (const RegionReader* reader = readable()) {
    counters_.add({history_.end_ns(), boottime_ns(), process_cpu_ns(), reader->counters()},
                  history_.nominal_ns(WindowId::kLong));
  }
}

void ScreenSource::look_at_latency() {
  if (const RegionReader* reader = held_ ? nullptr : readable())
    latency_.look(*reader, follower_.feed().tables(), history_.end_ns());
}

void ScreenSource::hold(bool held) {
  if (held == held_) return;
  held_ = held;
  if (held) return;
  follow();
  start_again(Graphs::kGoOn);
}

ScreenModel ScreenSource::model(const ViewState& state) {
  ScreenModel model =
      build_screen_model(history_, follower_.feed(), follower_.attachment(), pcpu_, state.view);
  if (state.view == View::kLatency) {
    look_at_latency();
    if (const RegionReader* reader = held_ ? nullptr : readable())
      contenders_.look(*reader, history_.end_ns(), history_.nominal_ns(WindowId::kLong));
    add_latency(model, latency_, follower_.feed(), state);
  }
  model.damaged += contenders_.damaged();
  add_growth(model.host, counters_.growth());
  if (publisher_.daemon && !publisher_.daemon->running() && !publisher_.daemon->ended_well()) {
    model.last_words = "xenbaked: " + publisher_.daemon->outcome().message;
    model.current = false;
  }
  if (publisher_.replay) {
    const bool going = publisher_.replay->state() == ReplayControl::State::kGoing;
    const std::uint64_t to = publisher_.replay->target_ns();
    model.position = going ? "going to " + (to == kTraceEnd ? "the end" : position_text(to))
                     : follower_.attachment().health().held ? ""
                                                            : "at " + position_text(position_ns());
    const auto length = publisher_.replay->length_ns(); // before the end has been seen, nobody knows it
    if (length && !model.position.empty()) model.position += " of " + position_text(*length);
  }
  model.paused = held_;
  if (held_) model.current = false;
  return model;
}

void ScreenSource::complete(ScreenModel& model, const ViewState& state, std::span<const TableLine> lines,
                            std::size_t rows) const {
  if (state.view != View::kLatency) return;
  const std::size_t first = std::min(state.position().row, lines.size());
  complete_latency(model, latency_, lines.subspan(first, std::min(rows, lines.size() - first)), state);
}

SelectedModel ScreenSource::selected(const ScreenModel& model, const ViewState& state,
                                     const std::vector<TableLine>& lines) const {
  if (state.view != View::kLatency || lines.empty()) return {};
  const TableLine& line = lines[selected_position(lines, state)];
  return {selected_latency(model, latency_, line, shows_since_start(model, state)),
          contenders_.of({line.id.parent, line.id.child})};
}

Status ScreenSource::check_selected() const {
  const Health::Kind kind = follower_.attachment().health().kind;
  const bool whole = kind == Health::Kind::kRecordingOver || follower_.attachment().health().held;
  return check_pcpu(pcpu_, follower_.feed().tables(), history_.length_ns(WindowId::kLong), whole);
}

std::uint64_t ScreenSource::wall_epoch_ns() const {
  const RegionReader* reader = readable();
  return reader == nullptr ? 0 : reader->wall_epoch_ns();
}

std::vector<std::uint32_t> ScreenSource::pcpus() const {
  return seen_pcpus(follower_.feed().tables());
}

} // namespace xenmon
