// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/shown_hosts.h"

#include <utility>

#include "base/clock.h"
#include "far/far_mirror.h"
#include "model/host_lines.h"
#include "text.h"

namespace xenmon {
namespace {

using namespace std::chrono_literals;

constexpr auto kMirrorPause = 2s; // between two processes of a mirror

} // namespace

ShownHosts::ShownHosts(Publisher& publisher, PublisherSettings past) {
  auto host = std::make_unique<Host>();
  host->shown = std::make_unique<ShownTime>(publisher, std::move(past));
  hosts_.push_back(std::move(host));
}

Result<ShownHosts> ShownHosts::several(const std::vector<OtherHost>& others) {
  sweep_private_directories();
  ShownHosts hosts;
  for (const OtherHost& other : others) {
    Result<Publisher> mirror = start_mirror(other);
    if (!mirror) return mirror.error();
    auto host = std::make_unique<Host>();
    host->other = other;
    host->publisher = std::make_unique<Publisher>(std::move(*mirror));
    host->shown = std::make_unique<ShownTime>(*host->publisher, PublisherSettings{});
    host->started = std::chrono::steady_clock::now();
    hosts.hosts_.push_back(std::move(host));
  }
  return hosts;
}

std::string ShownHosts::name() const {
  return are_several() ? printable(hosts_[at_]->other.name()) : "";
}

std::string ShownHosts::said(const Host& host) {
  if (!host.publisher || !host.publisher->mirror) return "";
  std::string words = host.publisher->mirror->last_words();
  return words == FarMirror::kConnected ? "" : words;
}

std::string ShownHosts::trouble() const {
  if (!are_several() || shown().source().health().kind != Health::Kind::kNoRegion) return "";
  const std::string reason = said(*hosts_[at_]);
  return reason.empty() ? "connecting" : reason;
}

void ShownHosts::keep_mirror(Host& host) {
  Publisher& publisher = *host.publisher;
  if (!publisher.mirror) return;
  publisher.mirror->poll();
  const auto now = std::chrono::steady_clock::now();
  if (publisher.mirror->running() || now < host.started + kMirrorPause) return;
  host.started = now;
  // If that fails, the line says why the one before has ended, and the next look tries again.
  (void)restart_mirror(publisher, host.other);
}

void ShownHosts::follow() {
  for (const auto& host : hosts_) {
    if (host->publisher) keep_mirror(*host);
    host->shown->source().follow();
    if (are_several()) host->shown->source().look_at_latency();
  }
}

void ShownHosts::hold(bool held) {
  for (const auto& host : hosts_) host->shown->source().hold(held);
}

void ShownHosts::set_windows(const WindowLengths& windows_ns) {
  for (const auto& host : hosts_) host->shown->source().set_windows(windows_ns);
}

ScreenModel ShownHosts::model() {
  ScreenModel model;
  model.several_hosts = true;
  model.current = true;
  const std::uint64_t now = realtime_ns();
  for (const auto& host : hosts_) {
    ScreenSource& source = host->shown->source();
    const ScreenModel whole = source.model(host_line_state());
    model.nominal_ns = whole.nominal_ns;
    model.paused = whole.paused;
    model.hosts.push_back(make_host_line(host->other.name(), whole, source.health(), said(*host), now));
  }
  return model;
}

} // namespace xenmon
