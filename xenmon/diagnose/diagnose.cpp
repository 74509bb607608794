// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/diagnose.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/counted.h"
#include "base/seconds_text.h"
#include "diagnose/explain.h"
#include "diagnose/measures.h"
#include "diagnose/neighbour.h"
#include "diagnose/rules.h"
#include "format.h"

namespace xenmon {
namespace {

// "Since when" is looked up in steps of this length, so that a single quiet sample does not end it.
constexpr std::uint64_t kStepNs = 500'000'000;
// It lasts for as long as a step has at least this part of the window's mean.
constexpr double kStillPart = 0.5;

bool holds(const Condition& condition, double value) {
  return condition.at_least ? value >= condition.threshold : value <= condition.threshold;
}

Schedulers bit_of(const std::string& scheduler) {
  return scheduler == "credit" ? kCredit : scheduler == "credit2" ? kCredit2 : kOther;
}

bool is_about(const Finding& finding, const Place& place) {
  if (finding.subject.kind == SubjectKind::kHost || place.domain == nullptr) return true;
  return finding.subject.uid == place.domain->uid;
}

template <class Causes>
bool contains(const Causes& causes, Cause cause) {
  return cause != Cause::kIncomplete && std::find(causes.begin(), causes.end(), cause) != causes.end();
}

bool excluded(const Rule& rule, const Place& place, const std::vector<Finding>& findings) {
  const DomainEvidence* neighbour = place.domain == nullptr ? nullptr : neighbour_of(place).domain;
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
    if (neighbour != nullptr && finding.subject.kind != SubjectKind::kHost &&
        finding.subject.uid == neighbour->uid && contains(rule.unless_neighbour, finding.cause)) {
      return true;
    }
    if (!is_about(finding, place)) return false;
    return contains(rule.unless, finding.cause) ||
           (finding.cause == Cause::kIncomplete && place.domain != nullptr);
  });
}

// Whether the rule applies; then `figures` has what shows it.
bool applies(const Rule& rule, const Place& place, std::vector<Figure>& figures) {
  if ((rule.schedulers & bit_of(scheduler_of(place.evidence, place.domain))) == 0) return false;
  for (const Condition& condition : rule.must) {
    if (!condition.used()) continue;
    const std::optional<double> value = value_of(condition.measure, place);
    if (!value && condition.may_be_unknown) continue;
    if (!value || !holds(condition, *value)) return false;
    const MeasureInfo& info = info_of(condition.measure);
    if (*info.text == '\0') continue;
    figures.push_back({info.name, info.text, info.unit, *value, condition.at_least, condition.threshold});
  }
  for (const Condition& condition : rule.must_not) {
    if (!condition.used()) continue;
    const std::optional<double> value = value_of(condition.measure, place);
    if (value && holds(condition, *value)) return false;
  }
  return true;
}

Subject subject_of(const Rule& rule, const Place& place) {
  Subject subject;
  subject.kind = rule.subject;
  if (place.domain != nullptr) {
    subject.uid = place.domain->uid;
    subject.domid = place.domain->domid;
    subject.domain = place.domain->name;
  }
  if (place.vcpu != nullptr) subject.vcpu = place.vcpu->vcpu;
  return subject;
}

std::uint64_t cost_of(const MetricSums& sums, Cost cost) {
  return cost == Cost::kWaiting ? sums.waited_ns() : cost == Cost::kOffline ? sums.offline_ns : 0;
}

// What the subject lost within the window.
std::uint64_t cost_of(const Place& place, Cost cost) {
  if (place.vcpu != nullptr) return cost_of(place.vcpu->sums, cost);
  if (place.domain != nullptr) return cost_of(place.domain->sums, cost);
  std::uint64_t sum = 0;
  for (const DomainEvidence& domain : place.evidence.domains) sum += cost_of(domain.sums, cost);
  return sum;
}

// The domains' moments added up, in steps.
std::vector<Moment> steps_of(const Place& place) {
  std::vector<Moment> steps;
  const auto add = [&](const DomainEvidence& domain) {
    for (const Moment& moment : domain.moments) {
      const std::uint64_t begin = std::max(moment.start_ns, place.evidence.start_ns);
      const std::size_t step = (begin - place.evidence.start_ns) / kStepNs;
      if (step >= steps.size()) {
        const std::size_t before = steps.size();
        steps.resize(step + 1);
        for (std::size_t i = before; i < steps.size(); ++i)
          steps[i].start_ns = place.evidence.start_ns + i * kStepNs;
      }
      steps[step].waited_ns += moment.waited_ns;
      steps[step].offline_ns += moment.offline_ns;
      steps[step].end_ns = std::max(steps[step].end_ns, moment.end_ns);
    }
  };
  if (place.domain != nullptr) {
    add(*place.domain);
  } else {
    for (const DomainEvidence& domain : place.evidence.domains) add(domain);
  }
  return steps;
}

void find_onset(const Rule& rule, const Place& place, Finding& finding) {
  finding.since_ns = place.evidence.start_ns;
  finding.since_or_earlier = true;
  if (rule.cost == Cost::kNone || place.evidence.length_ns == 0) return;
  std::vector<Moment> steps = steps_of(place);
  const auto of = [&](const Moment& step) {
    return rule.cost == Cost::kWaiting ? step.waited_ns : step.offline_ns;
  };
  std::uint64_t all = 0;
  std::uint64_t length = 0;
  for (const Moment& step : steps) {
    all += of(step);
    length += step.end_ns > step.start_ns ? step.end_ns - step.start_ns : 0;
  }
  if (length == 0) return;
  const double mean = static_cast<double>(all) / static_cast<double>(length);
  const auto lasts = [&](const Moment& step) {
    const double long_ns = step.end_ns > step.start_ns ? static_cast<double>(step.end_ns - step.start_ns) : 0;
    return static_cast<double>(of(step)) >= kStillPart * mean * long_ns;
  };
  // From the newest step with it back to the first: a cause that is over since a moment is still one.
  std::size_t step = steps.size();
  while (step > 0 && !lasts(steps[step - 1])) --step;
  while (step > 0 && lasts(steps[step - 1])) --step;
  if (step == 0) return;
  finding.since_ns = steps[step].start_ns;
  finding.since_or_earlier = false;
}

Finding make_finding(const Rule& rule, const Place& place, std::vector<Figure> figures) {
  Finding finding;
  finding.cause = rule.cause;
  finding.name = rule.name;
  finding.subject = subject_of(rule, place);
  finding.figures = std::move(figures);
  find_onset(rule, place, finding);
  if (rule.cost != Cost::kNone) {
    finding.cost_ns_per_s = 1e9 * quotient(cost_of(place, rule.cost), place.evidence.length_ns);
  }
  finding.harm = rule.harm;
  finding.proof = rule.proof;
  explain(place, finding);
  return finding;
}

// Of several vCPUs of a domain the one that loses most is named.
void try_vcpus(const Rule& rule, const Place& domain, std::vector<Finding>& findings) {
  std::optional<Finding> worst;
  for (const VcpuEvidence& vcpu : domain.domain->vcpus) {
    const Place place{domain.evidence, domain.domain, &vcpu};
    std::vector<Figure> figures;
    if (!applies(rule, place, figures)) continue;
    Finding finding = make_finding(rule, place, std::move(figures));
    if (!worst || finding.cost_ns_per_s.value_or(0) > worst->cost_ns_per_s.value_or(0))
      worst = std::move(finding);
  }
  if (worst) findings.push_back(std::move(*worst));
}

void try_rule(const Rule& rule, const Evidence& evidence, std::vector<Finding>& findings) {
  if (rule.cause == Cause::kNoShortage && !findings.empty()) return;
  if (rule.subject == SubjectKind::kHost) {
    const Place place{evidence};
    std::vector<Figure> figures;
    if (!excluded(rule, place, findings) && applies(rule, place, figures))
      findings.push_back(make_finding(rule, place, std::move(figures)));
    return;
  }
  // All domains see the same findings of earlier rules, and those of this rule that are the host's or their
  // own.
  for (const DomainEvidence& domain : evidence.domains) {
    const Place place{evidence, &domain};
    if (domain.ended || excluded(rule, place, findings)) continue;
    if (rule.subject == SubjectKind::kVcpu) {
      try_vcpus(rule, place, findings);
      continue;
    }
    std::vector<Figure> figures;
    if (applies(rule, place, figures)) findings.push_back(make_finding(rule, place, std::move(figures)));
  }
}

Finding incomplete(const Evidence& evidence, std::string sentence) {
  Finding finding;
  finding.cause = Cause::kIncomplete;
  finding.name = kIncompleteName;
  finding.since_ns = evidence.start_ns;
  finding.since_or_earlier = true;
  finding.sentence = std::move(sentence);
  return finding;
}

// Why the data as a whole are not complete; nothing if they are.
std::optional<Finding> data_incomplete(const Evidence& evidence) {
  if (evidence.lost_records > 0) {
    Finding finding = incomplete(evidence, "The data are not complete: Xen lost " +
                                               counted(evidence.lost_records, "record") +
                                               ", so what happened meanwhile is not known.");
    finding.remedy = "Have xenbaked read more often, or boot Xen with more trace buffer (tbuf_size=128).";
    finding.command = "xenbaked -s 50";
    finding.harm = "xenbaked wakes more often.";
    finding.proof = "No more records are lost.";
    return finding;
  }
  if (evidence.missed_samples > 0) {
    return incomplete(evidence, "The data are not complete: " + counted(evidence.missed_samples, "sample") +
                                    " had been overwritten before they were read.");
  }
  if (evidence.damaged > 0) {
    return incomplete(evidence,
                      "The data are not complete: " + counted(evidence.damaged, "row") +
                          " of the region made no sense; restart xenbaked from the release of xenmon.");
  }
  if (!evidence.verdicts.empty())
    return incomplete(evidence, "The data are not complete: " + evidence.verdicts.front());
  if (evidence.khz_assumed) {
    return incomplete(evidence,
                      "The data are not complete: the frequency of the recorded host's TSC is not known; "
                      "give it with --cpu-khz.");
  }
  if (evidence.length_ns < kShortestWindowNs) {
    return incomplete(evidence, "The data are not complete: there are only " +
                                    seconds_text(evidence.length_ns, 3) + " s of them.");
  }
  return {};
}

void add_incomplete_domains(const Evidence& evidence, std::vector<Finding>& findings) {
  for (const DomainEvidence& domain : evidence.domains) {
    const double unknown = 100 * quotient(domain.sums.unknown_ns, domain.sums.online_ns());
    if (domain.ended || unknown <= kMostUnknownPercent) continue;
    Finding finding = incomplete(evidence, "The data about " + called(domain) +
                                               " are not complete: no record says "
                                               "what its vCPUs did for " +
                                               percent_text(unknown, 8) + " of their time.");
    finding.subject.kind = SubjectKind::kDomain;
    finding.subject.uid = domain.uid;
    finding.subject.domid = domain.domid;
    finding.subject.domain = domain.name;
    findings.push_back(std::move(finding));
  }
}

} // namespace

std::vector<Finding> diagnose(const Evidence& evidence) {
  std::vector<Finding> findings;
  if (auto finding = data_incomplete(evidence)) {
    findings.push_back(std::move(*finding));
    return findings;
  }
  add_incomplete_domains(evidence, findings);
  for (const Rule& rule : rules()) try_rule(rule, evidence, findings);
  return findings;
}

} // namespace xenmon
