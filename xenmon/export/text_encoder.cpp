// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/text_encoder.h"

#include <utility>

#include "export/bucket_bounds.h"

namespace xenmon {
namespace {

const char* type_name(FamilyKind kind, TextEncoder::Dialect dialect) {
  switch (kind) {
    case FamilyKind::kCounter:
      return "counter";
    case FamilyKind::kGauge:
      return "gauge";
    case FamilyKind::kInfo:
      return dialect == TextEncoder::Dialect::kOpenMetrics ? "info" : "gauge";
    case FamilyKind::kHistogram:
      break;
  }
  return "histogram";
}

const char* suffix_of(FamilyKind kind) {
  if (kind == FamilyKind::kCounter) return "_total";
  return kind == FamilyKind::kInfo ? "_info" : "";
}

void append_labels(std::string& text, std::span<const Label> labels) {
  for (const Label& label : labels) {
    if (!text.empty()) text += ',';
    text += label.name;
    text += "=\"";
    for (const char c : label.value) {
      if (c == '\n') {
        text += "\\n";
        continue;
      }
      if (c == '\\' || c == '"') text += '\\';
      text += c;
    }
    text += '"';
  }
}

} // namespace

void TextEncoder::begin(const Family& family) {
  sample_name_ = std::string(family.name) + suffix_of(family.kind);
  const bool open_metrics = dialect_ == Dialect::kOpenMetrics;
  const std::string name = open_metrics ? family.name : sample_name_;
  text_ += "# HELP " + name + " " + family.help + "\n";
  text_ += "# TYPE " + name + " " + type_name(family.kind, dialect_) + "\n";
  if (open_metrics && *family.unit != '\0') text_ += "# UNIT " + name + " " + family.unit + "\n";
}

void TextEncoder::line(const char* suffix, const std::string& labels, Amount amount) {
  text_ += sample_name_;
  text_ += suffix;
  if (!labels.empty()) {
    text_ += '{';
    text_ += labels;
    text_ += '}';
  }
  text_ += ' ';
  amount.append_to(text_);
  text_ += '\n';
}

void TextEncoder::number(const Series& series, Amount amount) {
  labels_.clear();
  append_labels(labels_, series.labels);
  line("", labels_, amount);
}

void TextEncoder::histogram(const Series& series, const HistogramValue& value) {
  labels_.clear();
  append_labels(labels_, series.labels);
  const std::size_t own_labels = labels_.size();
  const auto bucket_line = [&](const std::string& bound, std::uint64_t count) {
    labels_.resize(own_labels);
    if (own_labels != 0) labels_ += ',';
    labels_ += "le=\"";
    labels_ += bound;
    labels_ += '"';
    line("_bucket", labels_, Amount::count(count));
  };
  std::uint64_t below = 0;
  auto next = value.buckets.begin();
  for (const ClassicBound& bound : classic_bounds()) {
    for (; next != value.buckets.end() && next->bucket < bound.buckets; ++next) below += next->count;
    bucket_line(bound.label, below);
  }
  bucket_line("+Inf", value.count);
  labels_.resize(own_labels);
  line("_count", labels_, Amount::count(value.count));
  line("_sum", labels_, Amount::nanoseconds(value.sum_ns));
}

std::string TextEncoder::finish() {
  if (dialect_ == Dialect::kOpenMetrics) text_ += "# EOF\n";
  return std::exchange(text_, {});
}

} // namespace xenmon
