// SPDX-License-Identifier: GPL-2.0-or-later
//
// Prometheus' protobuf format: messages io.prometheus.client.MetricFamily, each after its length. A histogram
// has the native buckets and beside them the classic ones, for servers that do not read native ones.
#ifndef XENMON_XENMON_EXPORT_PROTOBUF_ENCODER_H
#define XENMON_XENMON_EXPORT_PROTOBUF_ENCODER_H

#include <cstdint>
#include <string>
#include <vector>

#include "export/encoder.h"

namespace xenmon {

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
  // Messages as they are made.
  std::string all_;
  std::string family_;
  std::string metric_;
  std::string value_; // the metric's counter, gauge or histogram
  std::string part_;  // a label, a bucket, a span, a time
  std::vector<std::int64_t> deltas_;
};

} // namespace xenmon

#endif // XENMON_XENMON_EXPORT_PROTOBUF_ENCODER_H
