// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/negotiation.h"

#include <algorithm>
#include <cctype>
#include <optional>

namespace xenmon {
namespace {

constexpr int kFullWeight = 1000;

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Takes what comes before the separator away from the text's beginning.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view first = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return trimmed(first);
}

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// "0.75" as 750. What is no weight counts as 0.
int weight_of(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return 0;
  int weight = text[0] == '1' ? kFullWeight : 0;
  if (text.size() > 1 && text[1] != '.') return 0;
  int place = kFullWeight / 10;
  for (std::size_t i = 2; i < text.size(); ++i, place /= 10) {
    if (text[i] < '0' || text[i] > '9') return 0;
    weight += place * (text[i] - '0');
  }
  return std::min(weight, kFullWeight);
}

struct Parameters {
  int weight = kFullWeight;
  std::string_view version;
  std::string_view proto;
  std::string_view encoding;
};

Parameters parameters_of(std::string_view text) {
  Parameters result;
  while (!text.empty()) {
    std::string_view value = take(text, ';');
    const std::string_view name = take(value, '=');
    value = trimmed(value);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    if (same(name, "q")) result.weight = weight_of(value);
    if (same(name, "version")) result.version = value;
    if (same(name, "proto")) result.proto = value;
    if (same(name, "encoding")) result.encoding = value;
  }
  return result;
}

std::optional<Format> format_of(std::string_view type, const Parameters& parameters) {
  if (same(type, "application/vnd.google.protobuf")) {
    const bool ours =
        parameters.proto == "io.prometheus.client.MetricFamily" && parameters.encoding == "delimited";
    return ours ? std::optional(Format::kProtobuf) : std::nullopt;
  }
  const std::string_view version = parameters.version;
  if (same(type, "application/openmetrics-text")) {
    const bool ours = version.empty() || version == "1.0.0" || version == "0.0.1";
    return ours ? std::optional(Format::kOpenMetrics) : std::nullopt;
  }
  const bool text = same(type, "text/plain") || same(type, "text/*") || same(type, "*/*");
  const bool ours = version.empty() || version == "0.0.4";
  return text && ours ? std::optional(Format::kText) : std::nullopt;
}

} // namespace

Format negotiate_format(std::string_view accept) {
  Format best = Format::kText;
  int best_weight = 0;
  while (!accept.empty()) {
    std::string_view parameters_text = take(accept, ',');
    const std::string_view type = take(parameters_text, ';');
    const Parameters parameters = parameters_of(parameters_text);
    const std::optional<Format> format = format_of(type, parameters);
    if (!format || parameters.weight == 0) continue;
    const bool better =
        parameters.weight > best_weight ||
        (parameters.weight == best_weight && static_cast<int>(*format) < static_cast<int>(best));
    if (!better) continue;
    best = *format;
    best_weight = parameters.weight;
  }
  return best;
}

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false; // what * says; what names gzip decides
  while (!accept_encoding.empty()) {
    std::string_view parameters = take(accept_encoding, ',');
    const std::string_view coding = take(parameters, ';');
    const bool wanted = parameters_of(parameters).weight > 0;
    if (same(coding, "gzip")) return wanted;
    if (coding == "*") any = wanted;
  }
  return any;
}

} // namespace xenmon
