// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/protobuf_encoder.h"

#include <bit>
#include <cstring>
#include <utility>

#include "export/bucket_bounds.h"

namespace xenmon {
namespace {

// Numbers of fields, by message.
namespace field {
constexpr std::uint32_t kFamilyName = 1;
constexpr std::uint32_t kFamilyHelp = 2;
constexpr std::uint32_t kFamilyType = 3;
constexpr std::uint32_t kFamilyMetric = 4;
constexpr std::uint32_t kFamilyUnit = 5;
constexpr std::uint32_t kMetricLabel = 1;
constexpr std::uint32_t kMetricGauge = 2;
constexpr std::uint32_t kMetricCounter = 3;
constexpr std::uint32_t kMetricHistogram = 7;
constexpr std::uint32_t kLabelName = 1;
constexpr std::uint32_t kLabelValue = 2;
constexpr std::uint32_t kNumberValue = 1; // of a gauge and of a counter
constexpr std::uint32_t kCounterCreated = 3;
constexpr std::uint32_t kHistogramCount = 1;
constexpr std::uint32_t kHistogramSum = 2;
constexpr std::uint32_t kHistogramBucket = 3;
constexpr std::uint32_t kHistogramSchema = 5;
constexpr std::uint32_t kHistogramZeroThreshold = 6;
constexpr std::uint32_t kHistogramZeroCount = 7;
constexpr std::uint32_t kHistogramSpan = 12;
constexpr std::uint32_t kHistogramDelta = 13;
constexpr std::uint32_t kHistogramCreated = 15;
constexpr std::uint32_t kBucketCount = 1;
constexpr std::uint32_t kBucketBound = 2;
constexpr std::uint32_t kSpanOffset = 1;
constexpr std::uint32_t kSpanLength = 2;
constexpr std::uint32_t kTimeSeconds = 1;
constexpr std::uint32_t kTimeNanos = 2;
} // namespace field

constexpr std::uint32_t kTypeCounter = 0;
constexpr std::uint32_t kTypeGauge = 1;
constexpr std::uint32_t kTypeHistogram = 4;

constexpr std::uint32_t kWireVarint = 0;
constexpr std::uint32_t kWireFixed64 = 1;
constexpr std::uint32_t kWireBytes = 2;

constexpr std::uint64_t kSecond = 1'000'000'000;

// So many empty buckets cost less than the beginning of another span.
constexpr std::int32_t kMostEmptyInSpan = 2;

constexpr std::uint64_t zigzag_of(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ (value < 0 ? ~std::uint64_t{0} : 0);
}

std::uint32_t type_of(FamilyKind kind) {
  if (kind == FamilyKind::kHistogram) return kTypeHistogram;
  return kind == FamilyKind::kCounter ? kTypeCounter : kTypeGauge;
}

} // namespace

void ProtobufMessage::raw_varint(std::uint64_t value) {
  while (value >= 0x80) {
    bytes_ += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  bytes_ += static_cast<char>(value);
}

void ProtobufMessage::raw_zigzag(std::int64_t value) {
  raw_varint(zigzag_of(value));
}

void ProtobufMessage::varint(std::uint32_t field, std::uint64_t value) {
  raw_varint(field << 3 | kWireVarint);
  raw_varint(value);
}

void ProtobufMessage::zigzag(std::uint32_t field, std::int64_t value) {
  varint(field, zigzag_of(value));
}

void ProtobufMessage::real(std::uint32_t field, double value) {
  raw_varint(field << 3 | kWireFixed64);
  char raw[sizeof value];
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(raw, &value, sizeof raw);
  bytes_.append(raw, sizeof raw);
}

void ProtobufMessage::bytes(std::uint32_t field, std::string_view value) {
  raw_varint(field << 3 | kWireBytes);
  raw_varint(value.size());
  bytes_ += value;
}

void ProtobufEncoder::begin(const Family& family) {
  end_family();
  begun_ = &family;
  std::string name = family.name;
  if (family.kind == FamilyKind::kCounter) name += "_total";
  if (family.kind == FamilyKind::kInfo) name += "_info";
  family_.bytes(field::kFamilyName, name);
  family_.bytes(field::kFamilyHelp, family.help);
  family_.varint(field::kFamilyType, type_of(family.kind));
  if (*family.unit != '\0') family_.bytes(field::kFamilyUnit, family.unit);
}

void ProtobufEncoder::end_family() {
  if (begun_ == nullptr) return;
  begun_ = nullptr;
  all_.raw_varint(family_.encoded().size());
  all_.append(family_.encoded());
  family_.clear();
}

void ProtobufEncoder::begin_metric(const Series& series) {
  metric_.clear();
  value_.clear();
  for (const Label& label : series.labels) {
    part_.clear();
    part_.bytes(field::kLabelName, label.name);
    part_.bytes(field::kLabelValue, label.value);
    metric_.bytes(field::kMetricLabel, part_.encoded());
  }
}

void ProtobufEncoder::end_metric(std::uint32_t value_field) {
  metric_.bytes(value_field, value_.encoded());
  family_.bytes(field::kFamilyMetric, metric_.encoded());
}

void ProtobufEncoder::add_created(std::uint32_t field, const Series& series) {
  if (series.created_ns == 0) return;
  part_.clear();
  part_.varint(field::kTimeSeconds, series.created_ns / kSecond);
  part_.varint(field::kTimeNanos, series.created_ns % kSecond);
  value_.bytes(field, part_.encoded());
}

void ProtobufEncoder::number(const Series& series, Amount amount) {
  begin_metric(series);
  value_.real(field::kNumberValue, amount.value());
  const bool counter = begun_ != nullptr && begun_->kind == FamilyKind::kCounter;
  if (counter) add_created(field::kCounterCreated, series);
  end_metric(counter ? field::kMetricCounter : field::kMetricGauge);
}

void ProtobufEncoder::histogram(const Series& series, const HistogramValue& value) {
  begin_metric(series);
  value_.varint(field::kHistogramCount, value.count);
  value_.real(field::kHistogramSum, Amount::nanoseconds(value.sum_ns).value());
  add_classic(value);
  add_native(value);
  add_created(field::kHistogramCreated, series);
  end_metric(field::kMetricHistogram);
}

// +Inf is the count of the whole and needs no bucket.
void ProtobufEncoder::add_classic(const HistogramValue& value) {
  std::uint64_t below = 0;
  auto next = value.buckets.begin();
  for (const ClassicBound& bound : classic_bounds()) {
    for (; next != value.buckets.end() && next->bucket < bound.buckets; ++next) below += next->count;
    part_.clear();
    part_.varint(field::kBucketCount, below);
    part_.real(field::kBucketBound, bound.seconds);
    value_.bytes(field::kHistogramBucket, part_.encoded());
  }
}

void ProtobufEncoder::end_span(std::int32_t offset, std::uint32_t length) {
  part_.clear();
  part_.zigzag(field::kSpanOffset, offset);
  part_.varint(field::kSpanLength, length);
  value_.bytes(field::kHistogramSpan, part_.encoded());
}

void ProtobufEncoder::add_native(const HistogramValue& value) {
  value_.zigzag(field::kHistogramSchema, kNativeSchema);
  value_.real(field::kHistogramZeroThreshold, kNativeZeroThreshold);
  value_.varint(field::kHistogramZeroCount, 0);

  deltas_.clear();
  const auto native = native_buckets();
  std::int64_t previous = 0;
  const auto add = [&](std::uint64_t count) {
    const auto now = static_cast<std::int64_t>(count);
    deltas_.raw_zigzag(now - previous);
    previous = now;
  };
  // A span's offset is the number of empty buckets after the span before it; the first one's is its bucket.
  std::int32_t offset = 0;
  std::uint32_t length = 0;
  std::int32_t end = 0; // the bucket after the last one
  for (const BucketCount& bucket : value.buckets) {
    const std::int32_t at = native[bucket.bucket];
    if (length == 0) {
      offset = at;
    } else if (at - end <= kMostEmptyInSpan) {
      for (; end < at; ++end, ++length) add(0);
    } else {
      end_span(offset, length);
      offset = at - end;
      length = 0;
    }
    add(bucket.count);
    ++length;
    end = at + 1;
  }
  // An empty one shows by an empty span that it is native.
  end_span(offset, length);
  if (!deltas_.encoded().empty()) value_.bytes(field::kHistogramDelta, deltas_.encoded());
}

std::string ProtobufEncoder::finish() {
  end_family();
  return all_.take();
}

} // namespace xenmon
