// SPDX-License-Identifier: GPL-2.0-or-later
//
// Logs as xenmon writes them, and files of them.
#ifndef XENMON_TESTS_XENMON_LOG_FIXTURE_H
#define XENMON_TESTS_XENMON_LOG_FIXTURE_H

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "plot/log_reader.h"
#include "xenmon_region_fixture.h"

namespace xenmon::test {

inline constexpr char kFilesHeader[] =
    "# passed cpu dom cpu(tot) cpu(%) cpu/ex allocated/ex blocked(tot) blocked(%) blocked/io waited(tot) "
    "waited(%) waited/ex ex/s io(tot) io/ex\n";
inline constexpr char kCsvHeader[] =
    "passed_s,wall_time,interval_s,domid,domain,domain_uid,vcpu,pcpu,running_ns,waited_wake_ns,"
    "waited_preempt_ns,blocked_ns,offline_ns,unknown_ns,executions,continues,slice_count,slice_sum_ns,"
    "slice_min_ns,slice_max_ns,io_map_pages,io_unmap_pages,io_transfer_pages,io_copy_pages,io_copy_bytes,"
    "lost_records,missed_samples\r\n";

// A line of -n: this share of a pCPU gotten, blocked and waited, in %, and so many executions and page
// exchanges per second.
inline std::string files_line(int passed_ms, int pcpu, int dom, int gotten, int blocked, int waited,
                              int executions, int io) {
  const auto ns = [](int percent) { return std::to_string(percent * 10'000'000LL) + ".000 0.000 0.000 "; };
  return std::to_string(passed_ms) + ".000 " + std::to_string(pcpu) + " " + std::to_string(dom) + " " +
         ns(gotten) + "0.000 " + ns(blocked) + ns(waited) + std::to_string(executions) + ".000 " +
         std::to_string(io) + ".000 0.000\n";
}

// What a line of the streams says; the interval is a second.
struct StreamLine {
  int passed_s = 1;
  int domid = 1;
  std::string name = "web";
  int uid = 7;
  int vcpu = -1; // -1: none
  int pcpu = 0;
  int gotten = 0; // in %
  int blocked = 0;
  int waited = 0;
  int offline = 0;
  int executions = 0;
  int io = 0;
  int lost = 0;
  int missed = 0;
};

inline std::string csv_line(const StreamLine& l) {
  const auto ns = [](int percent) { return std::to_string(percent * 10'000'000LL) + ","; };
  const std::string io = l.vcpu < 0 ? std::to_string(l.io) + ",0,0,0,0," : ",,,,,";
  return std::to_string(l.passed_s) + ".000000000,,1.000000000," + std::to_string(l.domid) + "," + l.name +
         "," + std::to_string(l.uid) + "," + (l.vcpu < 0 ? "" : std::to_string(l.vcpu)) + "," +
         std::to_string(l.pcpu) + "," + ns(l.gotten) + "0," + ns(l.waited) + ns(l.blocked) + ns(l.offline) +
         "0," + std::to_string(l.executions) + ",0,0,0,0,0," + io + std::to_string(l.lost) + "," +
         std::to_string(l.missed) + "\r\n";
}

inline std::string json_line(const StreamLine& l) {
  const auto put = [](const char* name, long long number) {
    return std::string(",\"") + name + "\":" + std::to_string(number);
  };
  const auto ns = [&put](const char* name, int percent) { return put(name, percent * 10'000'000LL); };
  std::string line = "{\"passed_s\":" + std::to_string(l.passed_s) + ".000000000,\"interval_s\":1.000000000" +
                     put("domid", l.domid) + ",\"domain\":\"" + l.name + "\"" + put("domain_uid", l.uid);
  if (l.vcpu >= 0) line += put("vcpu", l.vcpu);
  line += put("pcpu", l.pcpu) + ns("running_ns", l.gotten) + put("waited_wake_ns", 0) +
          ns("waited_preempt_ns", l.waited) + ns("blocked_ns", l.blocked) + ns("offline_ns", l.offline) +
          put("unknown_ns", 0) + put("executions", l.executions);
  if (l.vcpu < 0) {
    line += put("io_map_pages", l.io) + put("io_unmap_pages", 0) + put("io_transfer_pages", 0) +
            put("io_copy_pages", 0) + put("io_copy_bytes", 0);
  }
  return line + put("lost_records", l.lost) + put("missed_samples", l.missed) + "}\n";
}

class LogTest : public testing::Test {
 protected:
  // Writes a file and names it.
  std::string file(const std::string& name, const std::string& content) {
    const std::string path = files / name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  LogFile read(const std::string& name, const std::string& content) {
    auto log = read_log(file(name, content));
    if (!log) {
      ADD_FAILURE() << log.error().message;
      return {};
    }
    return std::move(*log);
  }

  // Why a file is refused.
  std::string refused(const std::string& name, const std::string& content) {
    const auto log = read_log(file(name, content));
    return log ? "accepted" : log.error().message;
  }

  TemporaryDirectory files;
};

} // namespace xenmon::test

#endif // XENMON_TESTS_XENMON_LOG_FIXTURE_H
