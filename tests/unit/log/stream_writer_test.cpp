// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/stream_writer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "xenmon_region_fixture.h"

namespace xenmon::test {
namespace {

constexpr char kHeader[] =
    "passed_s,wall_time,interval_s,domid,domain,domain_uid,vcpu,pcpu,running_ns,waited_wake_ns,"
    "waited_preempt_ns,blocked_ns,offline_ns,unknown_ns,executions,continues,slice_count,slice_sum_ns,"
    "slice_min_ns,slice_max_ns,io_map_pages,io_unmap_pages,io_transfer_pages,io_copy_pages,io_copy_bytes,"
    "lost_records,missed_samples,restarts,migrations,avoidable_wait_ns,full_run_ns,partial_run_ns,full_"
    "contention_ns,partial_contention_ns,"
    "concurrency_hazard_ns,domain_blocked_ns,domain_unknown_ns\r\n";

class StreamWriterTest : public testing::Test {
 protected:
  StreamWriterTest() : reader(*RegionReader::make(region.bytes(), "R")) {
    region.set_domain(0, 0, 100, "Domain-0");
    region.set_domain(1, 5, 105, "web \"a\", b\\c");
    region.set_domain(2, XENMON_DOMID_IDLE, 1, "");
  }

  std::string stream(StreamFormat format, bool vcpus = false, std::optional<std::uint32_t> pcpu = {}) {
    StreamWriter::Settings settings;
    settings.format = format;
    settings.path = files / "stream";
    settings.vcpus = vcpus;
    settings.pcpu = pcpu;
    settings.interval_ns = 100 * kMs;
    settings.formulas = formulas;
    StreamWriter writer(settings, directory);
    writer.set_wall_epoch(wall_epoch_ns);
    SampleFeed feed(directory, vcpus ? SampleFeed::Vcpus::kResolve : SampleFeed::Vcpus::kLeave);
    feed.start(reader, SampleFeed::From::kOldest);
    feed.drain(reader, writer);
    writer.finish();
    EXPECT_TRUE(writer.status());
    EXPECT_TRUE(writer.write_verdicts(verdicts));
    damaged = feed.damaged();
    std::stringstream text;
    text << std::ifstream(settings.path).rdbuf();
    return text.str();
  }

  TemporaryDirectory files;
  ScriptedRegion region;
  RegionReader reader;
  DomainDirectory directory{20'000 * kMs};
  std::vector<std::string> verdicts;
  std::uint64_t wall_epoch_ns = 0;
  std::uint64_t damaged = 0;
  CsvFormulas formulas = CsvFormulas::kWhole;
};

TEST_F(StreamWriterTest, CsvHasItsColumnsAndQuotesWhatNeedsIt) {
  xenmon_row row = make_row(1, 0, {.running_ms = 50});
  row.executions = 3;
  region.publish({row});
  EXPECT_EQ(stream(StreamFormat::kCsv), std::string(kHeader) +
                                            "0.100000000,,0.100000000,5,\"web \"\"a\"\", "
                                            "b\\c\",105,,0,50000000,0,0,0,0,0,3,0,0,0,0,0,0,0,0,0,0,"
                                            "0,0,0,0,0,,,,,,,\r\n");
}

TEST_F(StreamWriterTest, JsonLeavesOutWhatIsNotKnown) {
  region.publish({make_row(1, XENMON_NO_PCPU, {.blocked_ms = 100})});
  const std::string line = stream(StreamFormat::kJsonLines);
  EXPECT_EQ(line.find("{\"passed_s\":0.100000000,\"interval_s\":0.100000000,\"domid\":5,"
                      "\"domain\":\"web \\\"a\\\", b\\\\c\",\"domain_uid\":105,\"running_ns\":0,"),
            0U)
      << line;
  EXPECT_EQ(line.find("pcpu"), std::string::npos) << line;
  EXPECT_EQ(line.find("wall_time"), std::string::npos) << line;
  EXPECT_EQ(line.substr(line.size() - 2), "}\n");
}

TEST_F(StreamWriterTest, GuardsSpreadsheetsOnlyIfAsked) {
  for (const std::string name : {"=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"}) {
    region.set_domain(1, 5, 105, name);
    region.publish({make_row(1, 0, {.running_ms = 50})});
    const bool quoted = name.front() == '\r';
    const std::string quote = quoted ? "\"" : "";
    EXPECT_NE(stream(StreamFormat::kCsv).find(",5," + quote + name + quote + ",105,"), std::string::npos)
        << name;
    formulas = CsvFormulas::kGuarded;
    EXPECT_NE(stream(StreamFormat::kCsv).find(",5," + quote + "'" + name + quote + ",105,"),
              std::string::npos)
        << name;
    formulas = CsvFormulas::kWhole;
  }
}

TEST_F(StreamWriterTest, TheIdleDomainNeitherWaitsNorIsBlocked) {
  region.publish({make_row(2, 0, {.running_ms = 40, .waited_ms = 50, .blocked_ms = 10})});
  EXPECT_NE(stream(StreamFormat::kCsv).find(",32767,Idle,1,,0,40000000,,,,0,0,"), std::string::npos)
      << stream(StreamFormat::kCsv);
  const std::string line = stream(StreamFormat::kJsonLines);
  EXPECT_NE(line.find("\"running_ns\":40000000,\"offline_ns\":0,"), std::string::npos) << line;
}

TEST_F(StreamWriterTest, UidsStayUniqueWhenAnotherDaemonFollows) {
  StreamWriter::Settings settings;
  settings.format = StreamFormat::kJsonLines;
  settings.path = files / "stream";
  settings.interval_ns = 100 * kMs;
  StreamWriter writer(settings, directory);
  SampleFeed feed(directory);
  region.publish({make_row(0, 0, {.running_ms = 50}), make_row(1, 0, {.running_ms = 50})});
  feed.start(reader, SampleFeed::From::kOldest);
  feed.drain(reader, writer);
  writer.restart();
  // The other one has seen another domain first; and number 5 is still the same domain.
  ScriptedRegion second;
  second.set_domain(0, 0, 2, "Domain-0");
  second.set_domain(1, 9, 105, "new");
  second.set_domain(2, 5, 100, "web \"a\", b\\c");
  second.publish({make_row(0, 0, {.running_ms = 20}), make_row(1, 0, {.running_ms = 20}),
                  make_row(2, 0, {.running_ms = 20})});
  const auto next = RegionReader::make(second.bytes(), "R");
  feed.start(*next, SampleFeed::From::kOldest);
  feed.drain(*next, writer);
  writer.finish();
  std::vector<std::string> lines;
  std::ifstream stream(settings.path);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 5U);
  const auto has = [&](std::size_t line, const std::string& part) {
    EXPECT_NE(lines[line].find(part), std::string::npos) << lines[line];
  };
  has(0, "\"domid\":0,\"domain\":\"Domain-0\",\"domain_uid\":100,");
  has(1, "\"domain_uid\":105,");
  has(1, "\"restarts\":0,");
  has(2, "\"domain\":\"Domain-0\",\"domain_uid\":100,");
  has(2, "\"restarts\":1,");
  has(3, "\"domid\":5,");
  has(3, "\"domain_uid\":105,");
  has(4, "\"domid\":9,\"domain\":\"new\",\"domain_uid\":106,");
}

TEST_F(StreamWriterTest, VerdictsAreObjectsOfTheirOwn) {
  region.publish({make_row(1, 0, {.running_ms = 50})});
  const std::string as_csv = stream(StreamFormat::kCsv);
  const std::string as_json = stream(StreamFormat::kJsonLines);
  verdicts = {"CPUs 2 to 7 were \"not\" traced."};
  EXPECT_EQ(stream(StreamFormat::kCsv), as_csv);
  EXPECT_EQ(stream(StreamFormat::kJsonLines),
            as_json + "{\"passed_s\":0.100000000,\"verdict\":\"CPUs 2 to 7 were \\\"not\\\" traced.\"}\n");
}

TEST_F(StreamWriterTest, TellsTheIntervalsEndByTheWallClock) {
  wall_epoch_ns = 1'000'000'000ULL * 1'700'000'000;
  region.publish({make_row(1, 0, {.running_ms = 50})});
  EXPECT_NE(stream(StreamFormat::kCsv).find("\n0.100000000,2023-11-14T22:13:20.100Z,0.100000000,"),
            std::string::npos);
}

TEST_F(StreamWriterTest, RecordsOfVcpusFollowThatOfTheirDomain) {
  region.set_vcpu(0, 1, 0);
  region.set_vcpu(1, 1, 7);
  xenmon_row first = make_row(1, 0, {.running_ms = 50});
  xenmon_row second = make_row(1, 0, {.running_ms = 30});
  first.vcpu_slot = 1;
  second.vcpu_slot = 0;
  region.publish({first, second});
  const std::string text = stream(StreamFormat::kJsonLines, true);
  const std::size_t domain = text.find("\"running_ns\":80000000");
  const std::size_t vcpu0 = text.find("\"vcpu\":0,\"pcpu\":0,\"running_ns\":30000000");
  const std::size_t vcpu7 = text.find("\"vcpu\":7,\"pcpu\":0,\"running_ns\":50000000");
  ASSERT_NE(domain, std::string::npos) << text;
  EXPECT_LT(domain, vcpu0);
  EXPECT_LT(vcpu0, vcpu7);
  EXPECT_NE(vcpu7, std::string::npos) << text;
}

TEST_F(StreamWriterTest, ARowOfAVcpuThatIsAnotherDomainsIsDamage) {
  region.set_vcpu(0, 0, 0);
  xenmon_row row = make_row(1, 0, {.running_ms = 50});
  row.vcpu_slot = 0;
  region.publish({row, row});
  region.element<xenmon_row>(region.header().row, 1).vcpu_slot = 1'000'000;
  EXPECT_EQ(stream(StreamFormat::kJsonLines, true), "");
  EXPECT_EQ(damaged, 2U);
}

TEST_F(StreamWriterTest, OnePcpuAloneLeavesOutTheOthers) {
  region.publish({make_row(1, 0, {.running_ms = 50}), make_row(0, 1, {.running_ms = 70})});
  const std::string text = stream(StreamFormat::kJsonLines, false, 1);
  EXPECT_EQ(text.find("\"pcpu\":0"), std::string::npos) << text;
  EXPECT_NE(text.find("\"pcpu\":1,\"running_ns\":70000000"), std::string::npos) << text;
}

} // namespace
} // namespace xenmon::test
