// SPDX-License-Identifier: GPL-2.0-or-later
//
// What every log can do, whatever it writes: it takes samples, and is reopened, finished and asked how it is.
#ifndef XENMON_XENMON_LOG_LOG_OUTPUT_H
#define XENMON_XENMON_LOG_LOG_OUTPUT_H

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "client/sample_feed.h"

namespace xenmon {

class LogOutput : public SampleSink {
 public:
  // A file was moved away; open a new one with its name.
  virtual void reopen() = 0;
  // No more samples will come: writes what was begun.
  virtual void finish() = 0;
  // What is wrong with the trace as a whole, after what has been written, if the form of the log can contain
  // it.
  virtual Status write_verdicts(const std::vector<std::string>& sentences) = 0;

  // Trace time logged, in ns.
  [[nodiscard]] virtual std::uint64_t passed_ns() const = 0;
  // True once everything that was asked for has been written. Later samples are left out.
  [[nodiscard]] virtual bool done() const = 0;
  // The first failure to write; nothing is written after it.
  [[nodiscard]] virtual const Status& status() const = 0;
  // What it found in the region beside the samples, made no sense and was skipped, of all daemons.
  [[nodiscard]] virtual std::uint64_t damaged() const { return 0; }
};

} // namespace xenmon

#endif // XENMON_XENMON_LOG_LOG_OUTPUT_H
