// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/encoder.h"

#include <array>
#include <charconv>
#include <cmath>

#include "export/protobuf_encoder.h"
#include "export/text_encoder.h"

namespace xenmon {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

void append_whole(std::string& text, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  text.append(digits.data(), written.ptr);
}

// Every digit, and no zeros at the end: 1.5, 0.000000016, 3.
void append_seconds(std::string& text, std::uint64_t ns) {
  append_whole(text, ns / kSecond);
  std::uint64_t rest = ns % kSecond;
  if (rest == 0) return;
  std::array<char, 10> digits = {'.'};
  for (std::size_t place = 9; place > 0; --place, rest /= 10)
    digits[place] = static_cast<char>('0' + rest % 10);
  std::size_t length = digits.size();
  while (digits[length - 1] == '0') --length;
  text.append(digits.data(), length);
}

void append_real(std::string& text, double value) {
  if (!std::isfinite(value)) {
    text += std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
    return;
  }
  std::array<char, 32> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  text.append(digits.data(), written.ptr);
}

} // namespace

const char* content_type(Format format) {
  switch (format) {
    case Format::kProtobuf:
      return "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    case Format::kOpenMetrics:
      return "application/openmetrics-text; version=1.0.0; charset=utf-8";
    case Format::kText:
      break;
  }
  return "text/plain; version=0.0.4; charset=utf-8";
}

double Amount::value() const {
  switch (kind_) {
    case Kind::kCount:
      return static_cast<double>(whole_);
    case Kind::kNanoseconds:
      return static_cast<double>(whole_) / static_cast<double>(kSecond);
    case Kind::kReal:
      break;
  }
  return real_;
}

void Amount::append_to(std::string& text) const {
  switch (kind_) {
    case Kind::kCount:
      return append_whole(text, whole_);
    case Kind::kNanoseconds:
      return append_seconds(text, whole_);
    case Kind::kReal:
      return append_real(text, real_);
  }
}

std::unique_ptr<Encoder> make_encoder(Format format) {
  if (format == Format::kProtobuf) return std::make_unique<ProtobufEncoder>();
  return std::make_unique<TextEncoder>(format == Format::kOpenMetrics ? TextEncoder::Dialect::kOpenMetrics
                                                                      : TextEncoder::Dialect::kPrometheus);
}

} // namespace xenmon
