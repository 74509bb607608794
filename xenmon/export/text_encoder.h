// SPDX-License-Identifier: GPL-2.0-or-later
//
// The two text formats. They differ in how a family is introduced, and in the end. OpenMetrics' _created
// lines are left out: Prometheus before 3 stores each as a series of its own, and
// xenmon_domain_start_time_seconds has the same.
#ifndef XENMON_XENMON_EXPORT_TEXT_ENCODER_H
#define XENMON_XENMON_EXPORT_TEXT_ENCODER_H

#include <string>

#include "export/encoder.h"

namespace xenmon {

class TextEncoder final : public Encoder {
 public:
  enum class Dialect { kPrometheus, kOpenMetrics };
  explicit TextEncoder(Dialect dialect) : dialect_(dialect) {}

  void begin(const Family& family) override;
  void number(const Series& series, Amount amount) override;
  void histogram(const Series& series, const HistogramValue& value) override;
  std::string finish() override;

 private:
  void line(const char* suffix, const std::string& labels, Amount amount);

  Dialect dialect_;
  std::string sample_name_; // of the family begun last
  std::string labels_;      // of the sample that is being written: "a="b",c="d""
  std::string text_;
};

} // namespace xenmon

#endif // XENMON_XENMON_EXPORT_TEXT_ENCODER_H
