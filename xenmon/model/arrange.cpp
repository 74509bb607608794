// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/arrange.h"

#include <algorithm>
#include <cctype>
#include <tuple>

#include "model/host_lines.h"

namespace xenmon {
namespace {

std::string lower(const std::string& text) {
  std::string result;
  for (const char c : text) result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

// Sorts positions by a value for each; equal ones keep their order.
template <class Value>
void sort_by(std::vector<std::size_t>& positions, bool down, const Value& value) {
  using Key = std::decay_t<decltype(value(std::size_t{}))>;
  std::vector<std::pair<Key, std::size_t>> keyed;
  keyed.reserve(positions.size());
  for (const std::size_t position : positions) keyed.emplace_back(value(position), position);
  std::stable_sort(keyed.begin(), keyed.end(), [down](const auto& a, const auto& b) {
    return down ? b.first < a.first : a.first < b.first;
  });
  for (std::size_t i = 0; i < keyed.size(); ++i) positions[i] = keyed[i].second;
}

class Arranger {
 public:
  Arranger(const ScreenModel& model, const ViewState& state)
      : model_(model),
        state_(state),
        metric_(sorted_by(state)),
        down_(descending(metric_) != state.sort().reversed),
        window_(state.view == View::kDomains ? WindowId::kLong : state.window) {}

  // Positions in `domains`, or what `domain_of` makes of positions in something else.
  std::vector<std::size_t> domains() const {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < model_.domains.size(); ++i) {
      if (matches(model_.domains[i], state_.filter)) order.push_back(i);
    }
    sort(
        order, [this](std::size_t i) -> const DomainModel& { return model_.domains[i]; },
        [this](std::size_t i) { return value(model_.domains[i].halves, &model_.domains[i].latency); });
    return order;
  }

  std::vector<std::size_t> vcpus(const DomainModel& domain) const {
    std::vector<std::size_t> order(domain.vcpus.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    if (metric_ == Metric::kName || metric_ == Metric::kId) return order;
    sort_by(order, down_,
            [&](std::size_t i) { return value(domain.vcpus[i].halves, &domain.vcpus[i].latency); });
    return order;
  }

  std::vector<std::size_t> pcpus() const {
    std::vector<std::size_t> order(model_.pcpus.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    if (metric_ == Metric::kId) {
      if (down_) std::reverse(order.begin(), order.end());
      return order;
    }
    sort_by(order, down_, [this](std::size_t i) { return value(model_.pcpus[i].busy, nullptr); });
    return order;
  }

  std::vector<std::size_t> shares(const PcpuModel& pcpu) const {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < pcpu.shares.size(); ++i) {
      if (matches(model_.domains[pcpu.shares[i].domain], state_.filter)) order.push_back(i);
    }
    sort(
        order, [&](std::size_t i) -> const DomainModel& { return model_.domains[pcpu.shares[i].domain]; },
        [&](std::size_t i) { return value(pcpu.shares[i].halves, nullptr); });
    return order;
  }

 private:
  double value(const Halves& halves, const LatencyModel* latency) const {
    if (spread_of(metric_))
      return latency == nullptr ? 0 : metric_value(metric_, *latency, shows_since_start(model_, state_));
    return metric_value(metric_, halves[index_of(window_)].sums, model_.length(window_), state_.basis);
  }

  template <class DomainOf, class ValueOf>
  void sort(std::vector<std::size_t>& order, const DomainOf& domain_of, const ValueOf& value_of) const {
    if (metric_ == Metric::kName) {
      sort_by(order, down_, [&](std::size_t i) { return std::pair(domain_of(i).name, domain_of(i).domid); });
    } else if (metric_ == Metric::kId) {
      sort_by(order, down_, [&](std::size_t i) { return std::pair(domain_of(i).domid, domain_of(i).uid); });
    } else {
      sort_by(order, down_, value_of);
    }
    std::stable_partition(order.begin(), order.end(), [&](std::size_t i) { return !domain_of(i).idle(); });
  }

  const ScreenModel& model_;
  const ViewState& state_;
  Metric metric_;
  bool down_;
  WindowId window_;
};

// Positions in model.hosts: sorted, and those without figures after the others.
std::vector<std::size_t> host_order(const ScreenModel& model, const ViewState& state) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < model.hosts.size(); ++i)
    if (matches(model.hosts[i], state.host_filter)) order.push_back(i);
  const HostKey key = host_sorted_by(state);
  const bool down = descending(key) != state.sort().reversed;
  if (key == HostKey::kName) {
    sort_by(order, down, [&](std::size_t i) { return model.hosts[i].name; });
    return order;
  }
  sort_by(order, down, [&](std::size_t i) { return host_value(key, model.hosts[i]); });
  std::stable_partition(order.begin(), order.end(),
                        [&](std::size_t i) { return model.hosts[i].trouble.empty(); });
  return order;
}

} // namespace

Metric sorted_by(const ViewState& state) {
  const auto metrics = metrics_of(state.view);
  return metrics[std::min(state.sort().key, metrics.size() - 1)];
}

bool matches(const DomainModel& domain, const std::string& pattern) {
  if (pattern.empty()) return true;
  const std::string wanted = lower(pattern);
  const std::string id = std::to_string(domain.domid);
  if (!domain.idle() && (wanted == id || wanted == "d" + id)) return true;
  return lower(domain.idle() ? "idle" : domain.name).find(wanted) != std::string::npos;
}

bool matches(const HostLineModel& host, const std::string& pattern) {
  return lower(host.name).find(lower(pattern)) != std::string::npos;
}

bool shows_since_start(const ScreenModel& model, const ViewState& state) {
  return state.latency_since_start || model.latency_length_ns == 0;
}

std::vector<std::size_t> domain_order(const ScreenModel& model, const ViewState& state) {
  return Arranger(model, state).domains();
}

std::vector<TableLine> table_lines(const ScreenModel& model, const ViewState& state) {
  std::vector<TableLine> lines;
  if (state.view == View::kHosts) {
    for (const std::size_t position : host_order(model, state))
      lines.push_back({{position, {}}, position, {}, false});
    return lines;
  }
  const Arranger arranger(model, state);
  if (state.view == View::kPcpus) {
    for (const std::size_t position : arranger.pcpus()) {
      const PcpuModel& pcpu = model.pcpus[position];
      const bool folded = state.folded_pcpus.contains(pcpu.pcpu);
      lines.push_back({{pcpu.pcpu, {}}, position, {}, folded});
      if (folded) continue;
      for (const std::size_t share : arranger.shares(pcpu))
        lines.push_back({{pcpu.pcpu, model.domains[pcpu.shares[share].domain].uid}, position, share, false});
    }
  } else if (state.view == View::kVcpus || state.view == View::kLatency) {
    for (const std::size_t position : arranger.domains()) {
      const DomainModel& domain = model.domains[position];
      // Idle vCPUs do not wait for anything.
      if (state.view == View::kLatency && domain.idle()) continue;
      const bool folded = state.folded_domains.contains(domain.uid);
      lines.push_back({{domain.uid, {}}, position, {}, folded});
      if (folded) continue;
      for (const std::size_t vcpu : arranger.vcpus(domain))
        lines.push_back({{domain.uid, domain.vcpus[vcpu].vcpu}, position, vcpu, false});
    }
  }
  return lines;
}

std::size_t selected_position(const std::vector<TableLine>& lines, const ViewState& state) {
  const auto& selected = state.view == View::kPcpus   ? state.selected_pcpu
                         : state.view == View::kHosts ? state.selected_host
                                                      : state.selected_domain;
  if (!selected) return 0;
  const auto is = [&lines](std::size_t i, const LineId& id) { return lines[i].id == id; };
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (is(i, *selected)) return i;
  // Folded away: what it is folded into.
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (is(i, {selected->parent, {}})) return i;
  return 0;
}

std::optional<std::size_t> find_domain(const ScreenModel& model, const std::vector<std::size_t>& order,
                                       std::size_t from, const std::string& pattern) {
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t at = (from + i) % order.size();
    if (matches(model.domains[order[at]], pattern)) return at;
  }
  return std::nullopt;
}

} // namespace xenmon
