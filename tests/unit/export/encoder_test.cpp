// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "export/bucket_bounds.h"
#include "export/protobuf_reading.h"

namespace xenmon::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Family kCounter{"a_seconds", FamilyKind::kCounter, "seconds", "Help."};
constexpr Family kGauge{"b", FamilyKind::kGauge, "", "Help."};
constexpr Family kInfo{"c", FamilyKind::kInfo, "", "Help."};
constexpr Family kHistogram{"d_seconds", FamilyKind::kHistogram, "seconds", "Help."};

std::string text_of(Amount amount) {
  std::string text;
  amount.append_to(text);
  return text;
}

TEST(AmountTest, WritesEveryDigit) {
  EXPECT_EQ(text_of(Amount::count(0)), "0");
  EXPECT_EQ(text_of(Amount::count(UINT64_MAX)), "18446744073709551615");
  EXPECT_EQ(text_of(Amount::nanoseconds(0)), "0");
  EXPECT_EQ(text_of(Amount::nanoseconds(1)), "0.000000001");
  EXPECT_EQ(text_of(Amount::nanoseconds(1'500'000'000)), "1.5");
  EXPECT_EQ(text_of(Amount::nanoseconds(3'000'000'000)), "3");
  EXPECT_EQ(text_of(Amount::nanoseconds(UINT64_MAX)), "18446744073.709551615");
  EXPECT_EQ(text_of(Amount::real(0.25)), "0.25");
  EXPECT_EQ(text_of(Amount::real(std::numeric_limits<double>::infinity())), "+Inf");
  EXPECT_EQ(text_of(Amount::real(-std::numeric_limits<double>::infinity())), "-Inf");
  EXPECT_EQ(text_of(Amount::real(std::nan(""))), "NaN");
  EXPECT_EQ(Amount::nanoseconds(1'500'000'000).value(), 1.5);
}

std::string small_exposition(Format format) {
  const auto encoder = make_encoder(format);
  const std::array labels = {Label{"domain", "we\"ird\\\n\xC3\xA9"}, Label{"domid", "5"}};
  encoder->begin(kCounter);
  encoder->number({labels, 2'000'000'001}, Amount::nanoseconds(1'500'000'000));
  encoder->begin(kGauge);
  encoder->number({}, Amount::count(7));
  encoder->begin(kInfo);
  encoder->number({labels}, Amount::count(1));
  return encoder->finish();
}

TEST(TextEncoderTest, PrometheusText) {
  EXPECT_EQ(small_exposition(Format::kText),
            "# HELP a_seconds_total Help.\n"
            "# TYPE a_seconds_total counter\n"
            "a_seconds_total{domain=\"we\\\"ird\\\\\\n\xC3\xA9\",domid=\"5\"} 1.5\n"
            "# HELP b Help.\n"
            "# TYPE b gauge\n"
            "b 7\n"
            "# HELP c_info Help.\n"
            "# TYPE c_info gauge\n"
            "c_info{domain=\"we\\\"ird\\\\\\n\xC3\xA9\",domid=\"5\"} 1\n");
}

TEST(TextEncoderTest, OpenMetrics) {
  EXPECT_EQ(small_exposition(Format::kOpenMetrics),
            "# HELP a_seconds Help.\n"
            "# TYPE a_seconds counter\n"
            "# UNIT a_seconds seconds\n"
            "a_seconds_total{domain=\"we\\\"ird\\\\\\n\xC3\xA9\",domid=\"5\"} 1.5\n"
            "# HELP b Help.\n"
            "# TYPE b gauge\n"
            "b 7\n"
            "# HELP c Help.\n"
            "# TYPE c info\n"
            "c_info{domain=\"we\\\"ird\\\\\\n\xC3\xA9\",domid=\"5\"} 1\n"
            "# EOF\n");
}

TEST(TextEncoderTest, AnEmptyExpositionIsWhole) {
  EXPECT_EQ(make_encoder(Format::kText)->finish(), "");
  EXPECT_EQ(make_encoder(Format::kOpenMetrics)->finish(), "# EOF\n");
}

HistogramValue value_of(const std::vector<BucketCount>& buckets, std::uint64_t sum_ns) {
  HistogramValue value{buckets, 0, sum_ns};
  for (const BucketCount& bucket : buckets) value.count += bucket.count;
  return value;
}

TEST(TextEncoderTest, ABoundHasWhatIsAtItAndBelow) {
  const auto encoder = make_encoder(Format::kText);
  encoder->begin(kHistogram);
  const std::vector<BucketCount> buckets = {
      {xenmon_hist_bucket(1023), 1}, {xenmon_hist_bucket(1024), 2}, {XENMON_HIST_BUCKETS - 1, 4}};
  const std::array labels = {Label{"domid", "1"}};
  encoder->histogram({labels}, value_of(buckets, 5));
  const std::string text = encoder->finish();
  EXPECT_THAT(text, HasSubstr("# TYPE d_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("d_seconds_bucket{domid=\"1\",le=\"1.023e-06\"} 1\n"
                              "d_seconds_bucket{domid=\"1\",le=\"4.095e-06\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("d_seconds_bucket{domid=\"1\",le=\"1.073741823\"} 3\n"
                              "d_seconds_bucket{domid=\"1\",le=\"+Inf\"} 7\n"
                              "d_seconds_count{domid=\"1\"} 7\n"
                              "d_seconds_sum{domid=\"1\"} 0.000000005\n"));
}

TEST(TextEncoderTest, AHistogramMayHaveNoLabels) {
  const auto encoder = make_encoder(Format::kText);
  encoder->begin(kHistogram);
  encoder->histogram({}, {});
  EXPECT_THAT(encoder->finish(), HasSubstr("d_seconds_bucket{le=\"+Inf\"} 0\nd_seconds_count 0\n"));
}

// As Go's formatter, and so Prometheus, writes them when it gets them as numbers.
TEST(BucketBoundsTest, LabelsAreTheSameInAllFormats) {
  std::vector<std::string> labels;
  for (const ClassicBound& bound : classic_bounds()) labels.push_back(bound.label);
  EXPECT_THAT(labels, ElementsAre("1.023e-06", "4.095e-06", "1.6383e-05", "6.5535e-05", "0.000262143",
                                  "0.001048575", "0.004194303", "0.008388607", "0.016777215", "0.033554431",
                                  "0.134217727", "1.073741823"));
}

TEST(BucketBoundsTest, ABoundIsTheEndOfABucket) {
  for (const ClassicBound& bound : classic_bounds()) {
    const auto end_ns = static_cast<std::uint64_t>(std::llround(bound.seconds * 1e9)) + 1;
    EXPECT_EQ(xenmon_hist_lower(bound.buckets), end_ns);
  }
}

TEST(BucketBoundsTest, EachBucketHasANativeOneOfItsOwnWithItsMidpoint) {
  const auto native = native_buckets();
  for (std::uint32_t bucket = 0; bucket < XENMON_HIST_BUCKETS; ++bucket) {
    if (bucket > 0) {
      EXPECT_GT(native[bucket], native[bucket - 1]) << bucket;
    }
    const double midpoint = bucket_midpoint_ns(bucket) / 1e9;
    EXPECT_GT(midpoint, std::exp2((native[bucket] - 1) / 32.0)) << bucket;
    EXPECT_LE(midpoint, std::exp2(native[bucket] / 32.0)) << bucket;
  }
}

// ---- protobuf

// A native histogram, as a server takes it in: {bucket: count}.
std::map<std::int32_t, std::uint64_t> native_counts(std::string_view histogram) {
  std::vector<std::int64_t> deltas;
  for (const ProtobufField& packed : fields_of(histogram, 13)) {
    ProtobufReader reader(packed.bytes);
    while (!reader.at_end()) deltas.push_back(unzigzag(reader.varint()));
  }
  std::map<std::int32_t, std::uint64_t> counts;
  std::int64_t count = 0;
  std::int32_t bucket = 0;
  std::size_t next = 0;
  for (const ProtobufField& span : fields_of(histogram, 12)) {
    bucket += static_cast<std::int32_t>(unzigzag(fields_of(span.bytes, 1).at(0).whole));
    const std::uint64_t length = fields_of(span.bytes, 2).at(0).whole;
    for (std::uint64_t i = 0; i < length; ++i, ++bucket) {
      count += deltas.at(next++);
      if (count != 0) counts[bucket] = static_cast<std::uint64_t>(count);
    }
  }
  EXPECT_EQ(next, deltas.size());
  return counts;
}

std::string_view only_histogram(const std::string& exposition) {
  ProtobufReader reader(exposition);
  const std::string_view family = reader.delimited();
  EXPECT_TRUE(reader.at_end() && !reader.failed());
  const auto metrics = fields_of(family, 4);
  EXPECT_EQ(metrics.size(), 1U);
  return fields_of(metrics.at(0).bytes, 7).at(0).bytes;
}

std::string encode_histogram(const std::vector<BucketCount>& buckets, std::uint64_t sum_ns = 0,
                             std::uint64_t created_ns = 0) {
  const auto encoder = make_encoder(Format::kProtobuf);
  encoder->begin(kHistogram);
  encoder->histogram({{}, created_ns}, value_of(buckets, sum_ns));
  return encoder->finish();
}

TEST(ProtobufEncoderTest, FamiliesAreDelimited) {
  const std::string all = small_exposition(Format::kProtobuf);
  ProtobufReader reader(all);
  const std::string_view counter = reader.delimited();
  const std::string_view gauge = reader.delimited();
  const std::string_view info = reader.delimited();
  ASSERT_TRUE(reader.at_end() && !reader.failed());
  EXPECT_EQ(fields_of(counter, 1).at(0).bytes, "a_seconds_total");
  EXPECT_EQ(fields_of(counter, 2).at(0).bytes, "Help.");
  EXPECT_EQ(fields_of(counter, 3).at(0).whole, 0U); // COUNTER
  EXPECT_EQ(fields_of(counter, 5).at(0).bytes, "seconds");
  EXPECT_EQ(fields_of(gauge, 3).at(0).whole, 1U); // GAUGE
  EXPECT_EQ(fields_of(info, 1).at(0).bytes, "c_info");
  EXPECT_EQ(fields_of(info, 3).at(0).whole, 1U);

  const std::string_view metric = fields_of(counter, 4).at(0).bytes;
  const auto labels = fields_of(metric, 1);
  ASSERT_EQ(labels.size(), 2U);
  EXPECT_EQ(fields_of(labels[0].bytes, 1).at(0).bytes, "domain");
  EXPECT_EQ(fields_of(labels[0].bytes, 2).at(0).bytes, "we\"ird\\\n\xC3\xA9");
  const std::string_view value = fields_of(metric, 3).at(0).bytes;
  EXPECT_EQ(fields_of(value, 1).at(0).real(), 1.5);
  const std::string_view created = fields_of(value, 3).at(0).bytes;
  EXPECT_EQ(fields_of(created, 1).at(0).whole, 2U);
  EXPECT_EQ(fields_of(created, 2).at(0).whole, 1U);

  const std::string_view gauge_metric = fields_of(gauge, 4).at(0).bytes;
  EXPECT_TRUE(fields_of(gauge_metric, 1).empty());
  EXPECT_EQ(fields_of(fields_of(gauge_metric, 2).at(0).bytes, 1).at(0).real(), 7.0);
}

TEST(ProtobufEncoderTest, AHistogramHasClassicBoundsBesideTheNativeBuckets) {
  const std::string all =
      encode_histogram({{xenmon_hist_bucket(1023), 1}, {xenmon_hist_bucket(5'000'000), 9}}, 45'001'023, 1);
  const std::string_view histogram = only_histogram(all);
  EXPECT_EQ(fields_of(histogram, 1).at(0).whole, 10U);
  EXPECT_EQ(fields_of(histogram, 2).at(0).real(), 0.045001023);
  EXPECT_EQ(unzigzag(fields_of(histogram, 5).at(0).whole), 5);
  EXPECT_EQ(fields_of(histogram, 6).at(0).real(), 0x1p-128);
  EXPECT_EQ(fields_of(histogram, 7).at(0).whole, 0U);
  EXPECT_EQ(fields_of(histogram, 15).size(), 1U);
  const auto bounds = fields_of(histogram, 3);
  ASSERT_EQ(bounds.size(), kClassicBounds);
  EXPECT_EQ(fields_of(bounds[0].bytes, 1).at(0).whole, 1U);
  EXPECT_EQ(fields_of(bounds[0].bytes, 2).at(0).real(), 1.023e-6);
  EXPECT_EQ(fields_of(bounds[7].bytes, 1).at(0).whole, 10U);
}

// Else a server would take it for a classic one.
TEST(ProtobufEncoderTest, AnEmptyHistogramIsNativeAllTheSame) {
  const std::string all = encode_histogram({});
  const std::string_view histogram = only_histogram(all);
  EXPECT_EQ(fields_of(histogram, 12).size(), 1U);
  EXPECT_TRUE(fields_of(histogram, 13).empty());
  EXPECT_TRUE(native_counts(histogram).empty());
}

TEST(ProtobufEncoderTest, AllBucketsCanBeFull) {
  std::vector<BucketCount> buckets;
  std::map<std::int32_t, std::uint64_t> wanted;
  for (std::uint32_t bucket = 0; bucket < XENMON_HIST_BUCKETS; ++bucket) {
    buckets.push_back({bucket, std::uint64_t{1} << (bucket % 50)});
    wanted[native_buckets()[bucket]] = buckets.back().count;
  }
  const std::string all = encode_histogram(buckets);
  EXPECT_EQ(native_counts(only_histogram(all)), wanted);
}

TEST(ProtobufEncoderTest, AnyBucketsComeBackAsTheyWere) {
  std::mt19937 random(1); // NOLINT(cert-msc51-cpp): the same each time
  for (int round = 0; round < 500; ++round) {
    const std::uint32_t step = 1 + random() % 60;
    std::vector<BucketCount> buckets;
    std::map<std::int32_t, std::uint64_t> wanted;
    for (std::uint32_t at = random() % step; at < XENMON_HIST_BUCKETS; at += 1 + random() % step) {
      buckets.push_back({at, 1 + random()});
      wanted[native_buckets()[at]] = buckets.back().count;
    }
    const std::string all = encode_histogram(buckets);
    ASSERT_EQ(native_counts(only_histogram(all)), wanted) << round;
  }
}

} // namespace
} // namespace xenmon::test
