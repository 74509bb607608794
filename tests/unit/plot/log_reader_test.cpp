// SPDX-License-Identifier: GPL-2.0-or-later
#include "plot/log_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "plot/line_reader.h"
#include "xenmon_log_fixture.h"

namespace xenmon::test {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

class LogReaderTest : public LogTest {};

const LogDomain& only_domain(const LogFile& file) {
  static const LogDomain kNone;
  if (file.parts.size() == 1 && file.parts[0].domains.size() == 1)
    return file.parts[0].domains.begin()->second;
  ADD_FAILURE() << "not one domain in one part";
  return kNone;
}

void expect_rates(const MetricRates& rates, double running, double blocked, double waited, double executions,
                  double io) {
  EXPECT_DOUBLE_EQ(rates.running, running);
  EXPECT_DOUBLE_EQ(rates.blocked, blocked);
  EXPECT_DOUBLE_EQ(rates.waited, waited);
  EXPECT_DOUBLE_EQ(rates.executions, executions);
  EXPECT_DOUBLE_EQ(rates.io, io);
}

TEST_F(LogReaderTest, ANameMayHaveLineEnds) {
  std::string line = csv_line({.pcpu = 0, .gotten = 25});
  const std::string name = "\"line\nbreak, \"\"x\"\"\r\n.\"";
  std::string named = line;
  const std::size_t at = named.find(",web,");
  ASSERT_NE(at, std::string::npos) << named;
  named.replace(at + 1, 3, name);
  const LogFile file = read("a.csv", kCsvHeader + named + line);
  EXPECT_EQ(file.malformed_lines, 0U);
  ASSERT_EQ(file.parts.size(), 1U);
  const LogFile first = read("b.csv", kCsvHeader + named);
  EXPECT_EQ(only_domain(first).name, "line?break, \"x\"?.");
  // What is cut off within a name takes no other record with it.
  const LogFile cut = read("c.csv", kCsvHeader + named.substr(0, at + 4) + "\r\n" + line + line);
  EXPECT_EQ(cut.malformed_lines, 1U);
  EXPECT_EQ(cut.first_malformed, 2U);
  EXPECT_EQ(cut.parts[0].intervals.size(), 1U);
}

TEST_F(LogReaderTest, AllFormsSayTheSame) {
  const std::string files_text = kFilesHeader + files_line(1000, 0, 1, 25, 10, 30, 4, 7) +
                                 files_line(1000, 1, 1, 50, 20, 5, 6, 1) +
                                 files_line(2000, 1, 1, 1, 2, 3, 4, 5);
  const StreamLine lines[] = {
      {.pcpu = 0, .gotten = 25, .blocked = 10, .waited = 30, .executions = 4, .io = 7},
      {.vcpu = 0, .pcpu = 0, .gotten = 25, .blocked = 10, .waited = 30, .executions = 4},
      {.pcpu = 1, .gotten = 50, .blocked = 20, .waited = 5, .executions = 6, .io = 1},
      {.passed_s = 2, .pcpu = 1, .gotten = 1, .blocked = 2, .waited = 3, .executions = 4, .io = 5}};
  std::string csv = kCsvHeader;
  std::string json;
  for (const StreamLine& line : lines) {
    csv += csv_line(line);
    json += json_line(line);
  }
  for (const LogFile& file : {read("a-dom1.log", files_text), read("a.csv", csv), read("a.jsonl", json)}) {
    EXPECT_EQ(file.malformed_lines, 0U);
    const LogDomain& domain = only_domain(file);
    ASSERT_EQ(domain.rates.size(), 2U);
    EXPECT_EQ(domain.rates[0].first, 0U);
    expect_rates(domain.rates[0].second, 0.75, 0.3, 0.35, 10, 8);
    EXPECT_EQ(domain.rates[1].first, 1U);
    expect_rates(domain.rates[1].second, 0.01, 0.02, 0.03, 4, 5);
    EXPECT_EQ(file.parts[0].intervals[1].end_s, 2);
  }
}

TEST_F(LogReaderTest, PassesOverVerdicts) {
  const StreamLine line{.gotten = 25};
  const std::string verdict = "{\"passed_s\":1.000000000,\"verdict\":\"CPUs 2 to 7 were not traced.\"}\n";
  for (const LogFile& file :
       {read("a.jsonl", json_line(line) + verdict), read("b.jsonl", verdict + json_line(line)),
        read("a-dom1.log", kFilesHeader + files_line(1000, 0, 1, 25, 0, 0, 0, 0) +
                               "# verdict: CPUs 2 to 7 were not traced.\n")}) {
    EXPECT_EQ(file.malformed_lines, 0U);
    ASSERT_EQ(only_domain(file).rates.size(), 1U);
  }
}

TEST_F(LogReaderTest, KnowsTheNamesOfStreamsAsTheyWereQuoted) {
  const std::string csv = kCsvHeader + csv_line({.name = "\"a \"\"b\"\", c\"", .gotten = 1});
  EXPECT_EQ(only_domain(read("a.csv", csv)).name, "a \"b\", c");
  EXPECT_EQ(only_domain(read("a.jsonl", json_line({.name = "a \\\"b\\\"\\u0007", .gotten = 1}))).name,
            "a \"b\"?");
}

TEST_F(LogReaderTest, ReadsColumnsByName) {
  std::string csv = kCsvHeader + csv_line({.gotten = 40, .io = 3});
  // Another column in front of all.
  csv = "more," + csv.insert(csv.find('\n') + 1, "\"1,1\",");
  expect_rates(only_domain(read("a.csv", csv)).rates.at(0).second, 0.4, 0, 0, 0, 3);
}

TEST_F(LogReaderTest, TheIdleDomainHasOneNumber) {
  const LogFile file = read("a-idle.log", kFilesHeader + files_line(1000, 0, -1, 25, 0, 0, 1, 0));
  EXPECT_EQ(file.parts[0].domains.begin()->first.domid, XENMON_DOMID_IDLE);
}

TEST_F(LogReaderTest, LeavesOutAndCountsWhatIsMalformedOrCutShort) {
  const std::string good = csv_line({.gotten = 10});
  const std::string next = csv_line({.passed_s = 2, .gotten = 20});
  std::string negative = good;
  negative.replace(negative.find("100000000"), 9, "-10000000");
  for (const std::string& bad : {std::string("rubbish\n"), std::string(",,\n"), good.substr(30), negative,
                                 "\"" + good, std::string(200'000, 'x') + "\n",
                                 std::string("1e400") + good.substr(11), std::string(3, '\0') + "\n"}) {
    const LogFile file = read("a.csv", kCsvHeader + good + bad + next);
    EXPECT_EQ(file.malformed_lines, 1U) << bad.substr(0, 60);
    EXPECT_EQ(file.first_malformed, 3U) << bad.substr(0, 60);
    EXPECT_EQ(only_domain(file).rates.size(), 2U) << bad.substr(0, 60);
  }
  // The last line has no end: what is there may look whole, and is not.
  for (std::size_t cut = 1; cut < next.size(); ++cut) {
    const LogFile file = read("a.csv", kCsvHeader + good + next.substr(0, cut));
    EXPECT_EQ(file.malformed_lines, 1U) << cut;
    EXPECT_EQ(only_domain(file).rates.size(), 1U) << cut;
  }
  const std::string json = json_line({.gotten = 10});
  for (const std::string& bad :
       {json.substr(0, 40) + "\n", json.substr(0, json.size() - 1), std::string("[1]\n"),
        std::string("{\"domid\":\"x\"}\n"), std::string("{}\n"), std::string("7\n")}) {
    const LogFile file = read("a.jsonl", json + bad);
    EXPECT_EQ(file.malformed_lines, 1U) << bad;
    EXPECT_EQ(only_domain(file).rates.size(), 1U) << bad;
  }
  const std::string line = files_line(1000, 0, 1, 25, 10, 30, 4, 7);
  for (const std::string& bad :
       {std::string("2000.000 0 1\n"), "9" + line.substr(0, line.size() - 1), line.substr(0, 20) + line,
        std::string("2000.000 0 -7") + line.substr(12), std::string("nan") + line.substr(8)}) {
    const LogFile file = read("a-dom1.log", kFilesHeader + line + bad);
    EXPECT_EQ(file.malformed_lines, 1U) << bad;
    EXPECT_EQ(only_domain(file).rates.size(), 1U) << bad;
  }
}

TEST_F(LogReaderTest, RefusesWhatIsNoLog) {
  EXPECT_THAT(refused("x", "root:x:0:0:root:/root:/bin/bash\n"), HasSubstr("is not a log"));
  EXPECT_THAT(refused("x", "{\"a\": 1}\n"), HasSubstr("is not a log"));
  EXPECT_THAT(refused("x", "passed_s,domid\n1,2\n"), HasSubstr("is not a log"));
  EXPECT_THAT(refused("x", "\x7f" + std::string("ELF\0\0\n", 6)), HasSubstr("is not a log"));
  EXPECT_THAT(refused("x", "passed_s,wall_ti"), HasSubstr("is not a log"));
  EXPECT_THAT(refused("x", ""), HasSubstr("is empty"));
  for (const std::string& path : {files / "missing", files / "."}) {
    const auto log = read_log(path);
    ASSERT_FALSE(log);
    EXPECT_THAT(log.error().message, HasSubstr("cannot read the log"));
    EXPECT_THAT(log.error().message, EndsWith("."));
  }
}

TEST_F(LogReaderTest, AHeaderAloneIsALogWithoutRecords) {
  for (const LogFile& file : {read("a.csv", kCsvHeader), read("a-dom1.log", kFilesHeader)}) {
    ASSERT_EQ(file.parts.size(), 1U);
    EXPECT_TRUE(file.parts[0].intervals.empty());
    EXPECT_EQ(file.malformed_lines, 0U);
  }
}

TEST_F(LogReaderTest, ARemarkPartsTheBearersOfADomid) {
  const LogFile file =
      read("a-dom5.log", kFilesHeader + files_line(1000, 0, 5, 1, 0, 0, 1, 0) +
                             "# a new domain 5 (web (2)); the lines above are from another domain\n" +
                             files_line(1000, 0, 5, 2, 0, 0, 1, 0) + files_line(2000, 0, 5, 3, 0, 0, 1, 0) +
                             "# a new domain 5; the lines above are from another domain\n" +
                             files_line(3000, 0, 5, 4, 0, 0, 1, 0));
  ASSERT_EQ(file.parts.size(), 1U);
  std::vector<std::string> names;
  std::vector<std::size_t> lengths;
  for (const auto& [key, domain] : file.parts[0].domains) {
    EXPECT_EQ(key.domid, 5U);
    names.push_back(domain.name);
    lengths.push_back(domain.rates.size());
  }
  EXPECT_THAT(names, ElementsAre("", "web (2)", ""));
  EXPECT_THAT(lengths, ElementsAre(1, 2, 1));
}

TEST_F(LogReaderTest, KnowsWhereRecordsWereLostAndSamplesMissed) {
  const LogFile of_files =
      read("a-dom1.log", kFilesHeader + files_line(1000, 0, 1, 1, 0, 0, 1, 0) +
                             "# in the interval ending at 1000.000: 3 trace records lost\n"
                             "# in the interval ending at 2000.000: 1 sample missed\n");
  const LogFile of_stream =
      read("a.csv", kCsvHeader + csv_line({.gotten = 1, .lost = 3}) + csv_line({.passed_s = 2, .missed = 1}));
  for (const LogFile& file : {of_files, of_stream}) {
    const auto& intervals = file.parts.at(0).intervals;
    ASSERT_EQ(intervals.size(), 2U);
    EXPECT_TRUE(intervals[0].has_losses && !intervals[0].has_missed_samples);
    EXPECT_TRUE(!intervals[1].has_losses && intervals[1].has_missed_samples);
    EXPECT_EQ(intervals[1].end_s, 2);
  }
}

TEST_F(LogReaderTest, UnknownTimeIsNotZero) {
  const LogFile file = read("a.csv", kCsvHeader + csv_line({}) + csv_line({.passed_s = 2, .offline = 100}));
  const LogDomain& domain = only_domain(file);
  EXPECT_FALSE(domain.rates.at(0).second.other_time_known);
  EXPECT_TRUE(domain.rates.at(1).second.other_time_known); // paused
}

TEST_F(LogReaderTest, TimeThatGoesBackBeginsAnotherLog) {
  const std::string csv = kCsvHeader + csv_line({.passed_s = 1, .gotten = 1}) +
                          csv_line({.passed_s = 2, .gotten = 2}) + kCsvHeader +
                          csv_line({.passed_s = 1, .gotten = 3});
  const LogFile file = read("a.csv", csv);
  ASSERT_EQ(file.parts.size(), 2U);
  EXPECT_EQ(file.malformed_lines, 0U);
  EXPECT_EQ(file.parts[0].intervals.size(), 2U);
  EXPECT_NE(file.parts[0].log, file.parts[1].log);
  EXPECT_EQ(file.parts[1].name, "a.csv, log 2");
}

TEST_F(LogReaderTest, KnowsWhichFilesAreOfOneLog) {
  const std::string line = kFilesHeader + files_line(1000, 0, 1, 1, 0, 0, 1, 0);
  for (const char* name : {"a-dom1.log", "a-idle.log", "a-dom12.log.3", "a-dom1.log-20260131"})
    EXPECT_EQ(read(name, line).parts[0].log, files / "a") << name;
  for (const char* name : {"a-dom.log", "b", "a-dom1x.log"})
    EXPECT_EQ(read(name, line).parts[0].log, files / name) << name;
  EXPECT_EQ(read("a.csv.12", kCsvHeader).parts[0].log, files / "a.csv");
  EXPECT_EQ(read("run7", kCsvHeader).parts[0].log, files / "run7");
}

TEST_F(LogReaderTest, LinesLongerThanAnyAreTakenOnceAndNotKept) {
  const std::string path = file(
      "x", "one\r\n" + std::string(3 * LineReader::kLongestLine, 'y') + "\n\ntwo\n" + std::string(100, 'z'));
  auto lines = LineReader::open(path);
  ASSERT_TRUE(lines);
  std::vector<std::string> whole;
  std::vector<std::uint64_t> cut;
  Line line;
  for (;;) {
    const auto got = lines->next(line);
    ASSERT_TRUE(got);
    if (!*got) break;
    if (line.whole) {
      whole.emplace_back(line.text);
    } else {
      cut.push_back(lines->number());
    }
  }
  EXPECT_THAT(whole, ElementsAre("one", "", "two"));
  EXPECT_THAT(cut, ElementsAre(2, 5));
}

} // namespace
} // namespace xenmon::test
