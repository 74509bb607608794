// SPDX-License-Identifier: GPL-2.0-or-later
//
// Writes metric families in one of the formats that Prometheus reads:
//
//   kProtobuf     io.prometheus.client.MetricFamily, delimited; the only one that has native histograms
//   kOpenMetrics  OpenMetrics 1.0, text
//   kText         Prometheus' own text, 0.0.4
//
// A caller begins a family, writes all of its samples, begins the next one, and takes the whole at the end:
//
//   encoder->begin(family::kDomainVcpus);
//   encoder->number({labels}, Amount::count(4));
//   std::string body = encoder->finish();
//
// Each family once, and no two samples of a family with the same labels: a scraper refuses the whole
// otherwise. Label values are UTF-8; encoders escape what their format needs escaped.
#ifndef XENMON_XENMON_EXPORT_ENCODER_H
#define XENMON_XENMON_EXPORT_ENCODER_H

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "export/family.h"

namespace xenmon {

enum class Format { kProtobuf, kOpenMetrics, kText };
inline constexpr std::size_t kFormats = 3;
// For the HTTP header.
const char* content_type(Format format);

struct Label {
  std::string_view name;
  std::string_view value;
};

// A number that keeps what it was made of: text has nanoseconds to the last digit.
class Amount {
 public:
  static constexpr Amount count(std::uint64_t count) { return {Kind::kCount, count, 0}; }
  static constexpr Amount nanoseconds(std::uint64_t ns) { return {Kind::kNanoseconds, ns, 0}; }
  static constexpr Amount real(double value) { return {Kind::kReal, 0, value}; }

  [[nodiscard]] double value() const; // in the family's base unit: nanoseconds as seconds
  void append_to(std::string& text) const;

 private:
  enum class Kind : std::uint8_t { kCount, kNanoseconds, kReal };
  constexpr Amount(Kind kind, std::uint64_t whole, double value) : kind_(kind), whole_(whole), real_(value) {}

  Kind kind_;
  std::uint64_t whole_;
  double real_;
};

// A bucket of xenmon/region.h and how many durations it has; never 0.
struct BucketCount {
  std::uint32_t bucket = 0;
  std::uint64_t count = 0;
};

struct HistogramValue {
  std::span<const BucketCount> buckets; // ascending
  std::uint64_t count = 0;              // of all of them
  std::uint64_t sum_ns = 0;
};

// The labels of a sample, and when its counter started: ns since 1970, 0 if unknown.
struct Series {
  std::span<const Label> labels;
  std::uint64_t created_ns = 0;
};

class Encoder {
 public:
  Encoder() = default;
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  virtual ~Encoder() = default;

  virtual void begin(const Family& family) = 0;
  // A sample of a counter, a gauge or an info.
  virtual void number(const Series& series, Amount amount) = 0;
  virtual void histogram(const Series& series, const HistogramValue& value) = 0;
  // Everything that was written. The encoder is empty then and may be used again.
  virtual std::string finish() = 0;
};

std::unique_ptr<Encoder> make_encoder(Format format);

} // namespace xenmon

#endif // XENMON_XENMON_EXPORT_ENCODER_H
