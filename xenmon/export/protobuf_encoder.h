// SPDX-License-Identifier: GPL-2.0-or-later
//
// Prometheus' protobuf format: messages io.prometheus.client.MetricFamily, each after its length. A histogram
// has the native buckets and beside them the classic ones, for servers that do not read native ones.
#ifndef XENMON_XENMON_EXPORT_PROTOBUF_ENCODER_H
#define XENMON_XENMON_EXPORT_PROTOBUF_ENCODER_H

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "export/encoder.h"

namespace xenmon {

// The wire format of protobuf, as far as it is needed here. Fields that are 0 are written like others:
// histograms have counts that are present and 0.
class ProtobufMessage {
 public:
  void varint(std::uint32_t field, std::uint64_t value);
  void zigzag(std::uint32_t field, std::int64_t value);
  void real(std::uint32_t field, double value);
  void bytes(std::uint32_t field, std::string_view value);

  // Without a field: an element of a packed field, or a length before a message.
  void raw_varint(std::uint64_t value);
  void raw_zigzag(std::int64_t value);
  void append(std::string_view encoded) { bytes_ += encoded; }

  [[nodiscard]] const std::string& encoded() const { return bytes_; }
  void clear() { bytes_.clear(); }
  std::string take() { return std::exchange(bytes_, {}); }

 private:
  std::string bytes_;
};

class ProtobufEncoder final : public Encoder {
 public:
  void begin(const Family& family) override;
  void number(const Series& series, Amount amount) override;
  void histogram(const Series& series, const HistogramValue& value) override;
  std::string finish() override;

 private:
  void end_family();
  void begin_metric(const Series& series);
  void end_metric(std::uint32_t value_field);
  void add_created(std::uint32_t field, const Series& series);
  void add_classic(const HistogramValue& value);
  void add_native(const HistogramValue& value);
  void end_span(std::int32_t offset, std::uint32_t length);

  const Family* begun_ = nullptr;
  ProtobufMessage all_;
  ProtobufMessage family_;
  ProtobufMessage metric_;
  ProtobufMessage value_; // the metric's counter, gauge or histogram
  ProtobufMessage part_;  // a label, a bucket, a span, a time
  ProtobufMessage deltas_;
};

} // namespace xenmon

#endif // XENMON_XENMON_EXPORT_PROTOBUF_ENCODER_H
