// SPDX-License-Identifier: GPL-2.0-or-later
#include "totals_report.h"

#include <gtest/gtest.h>

#include <sstream>

namespace xenmon {
namespace {

TraceTotals small() {
  TraceTotals totals;
  totals.records = 5;
  totals.lost_records = 2;
  totals.bad.add(XENMON_BAD_TSC);
  totals.duration_ns = 1000;
  totals.pcpus = 2;
  DomainTotals& domain = totals.domains.emplace_back();
  domain.domid = 3;
  domain.executions = 4;
  domain.times = {1, 2, 3, 4, 5, 6, 7};
  domain.io = {1, 2, 3, 4};
  domain.io_copy_bytes = 5;
  VcpuTotals& vcpu = domain.vcpus.emplace_back();
  vcpu.vcpu_id = 1;
  vcpu.times = {100, 20, 30, 400, 50, 400};
  vcpu.executions = 4;
  vcpu.migrations = 3;
  vcpu.avoidable_ns = 9;
  vcpu.slices.add(10);
  vcpu.slices.add(30);
  vcpu.wait = {1, 2, 3, 4};
  vcpu.wake_wait = {11, 12, 13, 14};
  vcpu.preempt_wait = {21, 22, 23, 24};
  vcpu.run = {5, 6, 7, 8};
  vcpu.running_by_pcpu = {{0, 60}, {1, 40}};
  return totals;
}

TEST(TotalsReport, JsonIsOneLineOfTheDocumentedForm) {
  std::ostringstream out;
  write_json(out, small());
  EXPECT_EQ(
      out.str(),
      R"({"schema":1,"records":5,"lost_records":2,"bad_records":1,)"
      R"("bad_records_by":{"framing":0,"length":0,"tsc":1,"words":0,"content":0,"ring":0,"input":0},)"
      R"("duration_ns":1000,"pcpus":2,"verdicts":[],)"
      R"("domains":[{"domid":3,"name":null,"executions":4,)"
      R"("io":{"total":10,"map":1,"unmap":2,"transfer":3,"copy":4,"copy_bytes":5},)"
      R"("runstates":{"full_run_ns":1,"partial_run_ns":2,"full_contention_ns":3,"partial_contention_ns":4,)"
      R"("concurrency_hazard_ns":5,"domain_blocked_ns":6,"domain_unknown_ns":7},)"
      R"("vcpus":[{"vcpu":1,"gotten_ns":100,"waited_ns":50,"waited_wake_ns":20,"waited_preempt_ns":30,)"
      R"("blocked_ns":400,"offline_ns":50,"unknown_ns":400,"avoidable_wait_ns":9,)"
      R"("executions":4,"migrations":3,)"
      R"("allocated_ns":{"count":2,"sum":40,"min":10,"max":30},)"
      R"("wait_ns":{"p50":1,"p95":2,"p99":3,"max":4},"wake_wait_ns":{"p50":11,"p95":12,"p99":13,"max":14},)"
      R"("preempt_wait_ns":{"p50":21,"p95":22,"p99":23,"max":24},)"
      R"("run_ns":{"p50":5,"p95":6,"p99":7,"max":8},)"
      R"("gotten_by_pcpu_ns":{"0":60,"1":40}}]}]})"
      "\n");
}

TEST(TotalsReport, JsonKeepsNamesThatAreNoUtf8Readable) {
  TraceTotals totals = small();
  totals.domains[0].name = "bad \xff name \"x\"";
  std::ostringstream out;
  write_json(out, totals);
  EXPECT_NE(out.str().find("\"name\":\"bad \xef\xbf\xbd name \\\"x\\\"\""), std::string::npos);
}

TEST(TotalsReport, TextSaysNothingOfTheIdleDomainsWaiting) {
  TraceTotals totals = small();
  totals.domains[0].domid = XENMON_DOMID_IDLE;
  std::ostringstream out;
  write_text(out, totals);
  EXPECT_EQ(out.str().find("waited"), std::string::npos) << out.str();
  EXPECT_EQ(out.str().find("blocked"), std::string::npos);
  EXPECT_EQ(out.str().find("wait until running"), std::string::npos);
  EXPECT_NE(out.str().find("gotten"), std::string::npos);
}

TEST(TotalsReport, TextSteersNoTerminal) {
  TraceTotals totals = small();
  totals.domains[0].name = "\x1b[2J\u202e\u6570";
  std::ostringstream out;
  write_text(out, totals);
  EXPECT_NE(out.str().find("(?[2J?\u6570)"), std::string::npos) << out.str();
}

TEST(TotalsReport, TextSaysTheSame) {
  TraceTotals totals = small();
  totals.domains[0].name = "web";
  std::ostringstream out;
  write_text(out, totals);
  for (const char* expected :
       {"Domain 3 (web): 4 executions, 10 page exchanges", "gotten                    100 ns", "10.00%",
        "2 lost, 1 bad", "waited, preempted", "0: 60 ns 1: 40 ns"}) {
    EXPECT_NE(out.str().find(expected), std::string::npos) << expected << "\nin\n" << out.str();
  }
}

} // namespace
} // namespace xenmon
