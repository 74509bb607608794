// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/protobuf_encoder.h"

#include <protozero/pbf_writer.hpp>
#include <utility>

#include "export/bucket_bounds.h"

namespace xenmon {
namespace {

using protozero::pbf_writer;

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

constexpr std::int32_t kTypeCounter = 0;
constexpr std::int32_t kTypeGauge = 1;
constexpr std::int32_t kTypeHistogram = 4;

constexpr std::uint64_t kSecond = 1'000'000'000;

// So many empty buckets cost less than the beginning of another span.
constexpr std::int32_t kMostEmptyInSpan = 2;

std::int32_t type_of(FamilyKind kind) {
  if (kind == FamilyKind::kHistogram) return kTypeHistogram;
  return kind == FamilyKind::kCounter ? kTypeCounter : kTypeGauge;
}

} // namespace

void ProtobufEncoder::begin(const Family& family) {
  end_family();
  begun_ = &family;
  std::string name = family.name;
  if (family.kind == FamilyKind::kCounter) name += "_total";
  if (family.kind == FamilyKind::kInfo) name += "_info";
  pbf_writer message(family_);
  message.add_string(field::kFamilyName, name);
  message.add_string(field::kFamilyHelp, family.help);
  message.add_enum(field::kFamilyType, type_of(family.kind));
  if (*family.unit != '\0') message.add_string(field::kFamilyUnit, family.unit);
}

// Its length, and the message.
void ProtobufEncoder::end_family() {
  if (begun_ == nullptr) return;
  begun_ = nullptr;
  protozero::add_varint_to_buffer(&all_, family_.size());
  all_ += family_;
  family_.clear();
}

void ProtobufEncoder::begin_metric(const Series& series) {
  metric_.clear();
  value_.clear();
  for (const Label& label : series.labels) {
    part_.clear();
    pbf_writer message(part_);
    message.add_string(field::kLabelName, label.name.data(), label.name.size());
    message.add_string(field::kLabelValue, label.value.data(), label.value.size());
    pbf_writer(metric_).add_message(field::kMetricLabel, part_);
  }
}

void ProtobufEncoder::end_metric(std::uint32_t value_field) {
  pbf_writer(metric_).add_message(value_field, value_);
  pbf_writer(family_).add_message(field::kFamilyMetric, metric_);
}

void ProtobufEncoder::add_created(std::uint32_t field, const Series& series) {
  if (series.created_ns == 0) return;
  part_.clear();
  pbf_writer time(part_);
  time.add_uint64(field::kTimeSeconds, series.created_ns / kSecond);
  time.add_uint64(field::kTimeNanos, series.created_ns % kSecond);
  pbf_writer(value_).add_message(field, part_);
}

void ProtobufEncoder::number(const Series& series, Amount amount) {
  begin_metric(series);
  pbf_writer(value_).add_double(field::kNumberValue, amount.value());
  const bool counter = begun_ != nullptr && begun_->kind == FamilyKind::kCounter;
  if (counter) add_created(field::kCounterCreated, series);
  end_metric(counter ? field::kMetricCounter : field::kMetricGauge);
}

// Counts that are 0 are written, too: they are present.
void ProtobufEncoder::histogram(const Series& series, const HistogramValue& value) {
  begin_metric(series);
  pbf_writer message(value_);
  message.add_uint64(field::kHistogramCount, value.count);
  message.add_double(field::kHistogramSum, Amount::nanoseconds(value.sum_ns).value());
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
    pbf_writer bucket(part_);
    bucket.add_uint64(field::kBucketCount, below);
    bucket.add_double(field::kBucketBound, bound.seconds);
    pbf_writer(value_).add_message(field::kHistogramBucket, part_);
  }
}

void ProtobufEncoder::end_span(std::int32_t offset, std::uint32_t length) {
  part_.clear();
  pbf_writer span(part_);
  span.add_sint32(field::kSpanOffset, offset);
  span.add_uint32(field::kSpanLength, length);
  pbf_writer(value_).add_message(field::kHistogramSpan, part_);
}

void ProtobufEncoder::add_native(const HistogramValue& value) {
  pbf_writer message(value_);
  message.add_sint32(field::kHistogramSchema, kNativeSchema);
  message.add_double(field::kHistogramZeroThreshold, kNativeZeroThreshold);
  message.add_uint64(field::kHistogramZeroCount, 0);

  deltas_.clear();
  const auto native = native_buckets();
  std::int64_t previous = 0;
  const auto add = [&](std::uint64_t count) {
    const auto now = static_cast<std::int64_t>(count);
    deltas_.push_back(now - previous);
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
  message.add_packed_sint64(field::kHistogramDelta, deltas_.begin(), deltas_.end());
}

std::string ProtobufEncoder::finish() {
  end_family();
  return std::exchange(all_, {});
}

} // namespace xenmon
