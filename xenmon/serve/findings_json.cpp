// SPDX-License-Identifier: GPL-2.0-or-later
#include "serve/findings_json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/seconds_text.h"
#include "rpc/json_text.h"

namespace xenmon {
namespace {

// With at most three decimals: more would be noise.
std::string decimal_json(double value) {
  if (!std::isfinite(value)) return "0";
  std::array<char, 400> text; // of the largest double
  std::snprintf(text.data(), text.size(), "%.3f", value);
  return text.data();
}

const char* kind_name(SubjectKind kind) {
  switch (kind) {
    case SubjectKind::kDomain:
      return "domain";
    case SubjectKind::kVcpu:
      return "vcpu";
    case SubjectKind::kHost:
      break;
  }
  return "host";
}

std::string figure_json(const Figure& figure) {
  JsonObject json;
  json.text("name", figure.name).raw("value", decimal_json(figure.value));
  return json.raw(figure.at_least ? "at_least" : "at_most", decimal_json(figure.threshold)).take();
}

} // namespace

std::string finding_json(const Finding& finding) {
  JsonObject json;
  json.text("cause", finding.name).text("subject", kind_name(finding.subject.kind));
  if (finding.subject.kind != SubjectKind::kHost) {
    json.number("domid", finding.subject.domid);
    if (!finding.subject.domain.empty()) json.text("domain", finding.subject.domain);
    json.number("domain_uid", finding.subject.uid);
  }
  if (finding.subject.kind == SubjectKind::kVcpu) json.number("vcpu", finding.subject.vcpu);
  json.text("sentence", finding.sentence);
  JsonArray figures;
  for (const Figure& figure : finding.figures) figures.add(figure_json(figure));
  json.raw("figures", figures.take());
  json.raw("since_s", seconds_text(finding.since_ns)).flag("since_or_earlier", finding.since_or_earlier);
  if (finding.cost_ns_per_s)
    json.number("cost_ns_per_s", static_cast<std::uint64_t>(std::max(0.0, *finding.cost_ns_per_s)));
  if (!finding.remedy.empty()) json.text("remedy", finding.remedy);
  if (!finding.command.empty()) json.text("command", finding.command);
  if (!finding.harm.empty()) json.text("may_harm", finding.harm);
  if (!finding.proof.empty()) json.text("helped_if", finding.proof);
  return json.take();
}

std::string findings_json(std::span<const Finding> findings) {
  JsonArray array;
  for (const Finding& finding : findings) array.add(finding_json(finding));
  return array.take();
}

std::string diagnosis_json(std::span<const Finding> findings, std::uint64_t start_ns, std::uint64_t end_ns) {
  return JsonObject()
      .raw("start_s", seconds_text(start_ns))
      .raw("end_s", seconds_text(end_ns))
      .raw("findings", findings_json(findings))
      .take();
}

} // namespace xenmon
