// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/replay_source.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "merge/merge.h"
#include "trace_builder.h"
#include "xenmon/region.h"

namespace xenmon {
namespace {

using test::recording;
using test::WindowBuilder;

constexpr std::uint32_t kEvent = 0x22202;

class ReplaySourceTest : public testing::Test {
 protected:
  ReplaySourceTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "xenmon-replay-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~ReplaySourceTest() override { std::filesystem::remove_all(directory_); }

  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }

  struct Read {
    std::vector<std::uint32_t> pcpus;
    std::vector<std::size_t> bytes;
    std::uint64_t bad = 0;
    std::size_t passes = 0;
  };
  static Read read_all(Source& source) {
    Read read;
    Pass pass;
    do {
      EXPECT_TRUE(source.read_pass(pass));
      ++read.passes;
      read.bad += pass.bad.total();
      for (const Window& window : pass.windows) {
        if (window.full) continue; // it only says that something may be lost
        read.pcpus.push_back(window.pcpu);
        read.bytes.push_back(window.first.size() + window.second.size());
      }
    } while (!pass.last);
    return read;
  }
  Read read_file(const std::string& bytes) const {
    Result<std::unique_ptr<Source>> source = open_replay({write("trace", bytes), 0});
    if (!source) {
      ADD_FAILURE() << source.error().message;
      return {};
    }
    return read_all(**source);
  }
  std::string refusal(const std::string& file) const {
    const Result<std::unique_ptr<Source>> source = open_replay({file, 0});
    return source ? "" : source.error().message;
  }

  std::filesystem::path directory_;
};

TEST_F(ReplaySourceTest, FindsTheWindows) {
  WindowBuilder a(0);
  WindowBuilder b(5);
  a.record(kEvent, 10, {1});
  b.record(kEvent, 20, {});
  const Read read = read_file(recording({&a, &b, &a}));
  EXPECT_EQ(read.pcpus, (std::vector<std::uint32_t>{0, 5, 0}));
  EXPECT_EQ(read.bytes, (std::vector<std::size_t>{16, 12, 16}));
  EXPECT_EQ(read.bad, 0U);
}

TEST_F(ReplaySourceTest, ATruncatedFileIsUsedAsFarAsItGoes) {
  WindowBuilder a(0);
  a.record(kEvent, 10, {}).record(kEvent, 20, {});
  const std::string whole = recording({&a, &a});
  const std::size_t half = recording({&a}).size();
  for (std::size_t size = half + 1; size < whole.size(); ++size) {
    const Read read = read_file(whole.substr(0, size));
    EXPECT_EQ(read.bad, 1U) << size;
    EXPECT_EQ(read.pcpus.size(), size < half + 12 ? 1U : 2U) << size;
  }
}

TEST_F(ReplaySourceTest, LooksForTheNextFrameWhereTheFramingIsBroken) {
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.record(kEvent, 10, {});
  b.record(kEvent, 20, {});
  const Read read = read_file(recording({&a}) + std::string(40, '\x55') + recording({&b}));
  EXPECT_EQ(read.pcpus, (std::vector<std::uint32_t>{0, 1}));
  EXPECT_EQ(read.bad, 1U);
}

TEST_F(ReplaySourceTest, AWindowThatClaimsTooMuchDoesNotSwallowAnotherPcpus) {
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.record(kEvent, 10, {});
  b.record(kEvent, 20, {});
  std::string file = recording({&a, &b, &a});
  for (const char size : {'\x20', '\x14', '\x7c'}) {
    file[8] = size;
    const Read read = read_file(file);
    EXPECT_EQ(read.pcpus, (std::vector<std::uint32_t>{0, 1, 0})) << int{size};
    EXPECT_EQ(read.bad, 1U) << int{size};
  }
}

TEST_F(ReplaySourceTest, RefusesWhatIsNoRecordingInOneSentence) {
  EXPECT_NE(refusal(path("missing")).find("No such file"), std::string::npos);
  EXPECT_NE(refusal(write("empty", "")).find("empty"), std::string::npos);
  EXPECT_NE(refusal(write("text", "no trace at all, just words")).find("not a recording"), std::string::npos);
  EXPECT_NE(refusal(directory_.string()).find("directory"), std::string::npos);
  EXPECT_FALSE(refusal(write("broken.xz", std::string("\xfd"
                                                      "7zXZ\0\0\4garbage",
                                                      14)))
                   .empty());
}

TEST_F(ReplaySourceTest, CompressedRecordingsReadTheSameInPassesOfTheTracingTool) {
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.record(kEvent, 10, {});
  b.record(kEvent, 20, {});
  const std::string plain = write("trace", recording({&a, &b, &a, &b, &b}));
  for (const std::string tool : {"xz -k", "zstd -q -k", "gzip -k"}) {
    ASSERT_EQ(std::system((tool + " " + plain).c_str()), 0);
  }
  for (const std::string suffix : {".xz", ".zst", ".gz"}) {
    Result<std::unique_ptr<Source>> source = open_replay({plain + suffix, 0});
    ASSERT_TRUE(source) << source.error().message;
    const Read read = read_all(**source);
    EXPECT_EQ(read.pcpus, (std::vector<std::uint32_t>{0, 1, 0, 1, 1}));
    EXPECT_EQ(read.passes, 3U);
    EXPECT_EQ(read.bad, 0U);
    ASSERT_TRUE((*source)->rewind());
    EXPECT_EQ(read_all(**source).pcpus, read.pcpus);
  }
}

TEST_F(ReplaySourceTest, DamagedCompressionIsCounted) {
  const std::string whole = path("trace.xz");
  std::filesystem::copy_file(XENMON_RECORDINGS "/web-credit2-2pcpu.xentrace.xz", whole);
  const auto size = std::filesystem::file_size(whole);
  std::filesystem::resize_file(whole, size / 2);
  Result<std::unique_ptr<Source>> source = open_replay({whole, 0});
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_GE(read_all(**source).bad, 1U);
  std::filesystem::resize_file(whole, 20);
  EXPECT_NE(refusal(whole).find("is damaged"), std::string::npos);
}

// Small, so that all of it is in the decompressors' last block.
TEST_F(ReplaySourceTest, WhateverIsCutOffIsSaidAndTheRestIsRead) {
  WindowBuilder a(0);
  WindowBuilder b(1);
  for (std::uint64_t tsc = 10; tsc < 30; ++tsc) a.record(kEvent, tsc * tsc * tsc, {1});
  b.record(kEvent, 20, {});
  const std::string bytes = recording({&a, &b, &a, &b, &b});
  const std::string plain = write("trace", bytes);
  for (const std::string tool : {"xz -k", "zstd -q -k", "gzip -k"}) {
    ASSERT_EQ(std::system((tool + " " + plain).c_str()), 0);
  }
  const auto read_part = [&](const std::string& suffix, const std::string& part, std::size_t& got) {
    Result<std::unique_ptr<Source>> source = open_replay({write("part" + suffix, part), 0});
    if (!source) return source.error().message;
    for (const std::size_t size : read_all(**source).bytes) got += size + 12;
    return (*source)->damage().value_or("");
  };
  for (const std::string suffix : {".xz", ".zst", ".gz", ""}) {
    std::ifstream file(plain + suffix, std::ios::binary);
    const std::string whole(std::istreambuf_iterator<char>(file), {});
    std::size_t got = 0;
    EXPECT_EQ(read_part(suffix, whole, got), "");
    EXPECT_EQ(got, bytes.size());
    std::size_t most = 0;
    for (std::size_t size = 1; size < whole.size(); ++size) {
      got = 0;
      const std::string said = read_part(suffix, whole.substr(0, size), got);
      if (suffix.empty() && got == size && said.empty()) continue; // between two windows nothing tells
      EXPECT_NE(said, "") << suffix << " cut at " << size;
      if (suffix.empty() && size > 12) {
        EXPECT_NE(said.find("is cut off in the middle"), std::string::npos) << size;
      }
      most = std::max(most, got);
    }
    // zstd decompresses a block of 128 KiB as a whole; the others give what there is.
    if (suffix != ".zst") {
      EXPECT_GT(most, bytes.size() - 50) << suffix;
    }
  }
}

// Of the pCPUs whose turn had not come, nothing is known after their last record.
TEST_F(ReplaySourceTest, ACutWithinARoundIsALossOfThePcpusBehindIt) {
  WindowBuilder a(0);
  WindowBuilder b(1);
  WindowBuilder c(2);
  for (WindowBuilder* each : {&a, &b, &c}) each->record(kEvent, 10, {}).record(kEvent, 20, {});
  const std::string round = recording({&a, &b, &c});
  const std::string whole = recording({&a, &b, &c, &a, &b, &c});
  const std::size_t window = round.size() / 3;
  const auto lost_at_end = [&](std::size_t size) {
    Result<std::unique_ptr<Source>> source = open_replay({write("part", whole.substr(0, size)), 0});
    Pass pass;
    EXPECT_TRUE((*source)->read_pass(pass) && pass.last);
    std::vector<std::uint32_t> pcpus;
    for (const Window& each : pass.windows) {
      if (each.full) pcpus.push_back(each.pcpu);
    }
    return pcpus;
  };
  using Pcpus = std::vector<std::uint32_t>;
  EXPECT_EQ(lost_at_end(whole.size()), Pcpus{});
  EXPECT_EQ(lost_at_end(round.size() + window - 4), (Pcpus{0, 1, 2})) << "within the first window";
  EXPECT_EQ(lost_at_end(round.size() + 2 * window - 4), (Pcpus{1, 2}));
  EXPECT_EQ(lost_at_end(round.size() + 3 * window - 4), Pcpus{2});
}

TEST_F(ReplaySourceTest, ADamagedPlainFileIsNotCutOff) {
  WindowBuilder a(0);
  a.record(kEvent, 10, {});
  Result<std::unique_ptr<Source>> source =
      open_replay({write("trace", recording({&a}) + std::string(40, '\x55') + recording({&a})), 0});
  ASSERT_TRUE(source);
  EXPECT_EQ(read_all(**source).bad, 1U);
  EXPECT_EQ((*source)->damage(), std::nullopt);
}

TEST_F(ReplaySourceTest, TakesFrequencyAndNamesFromBesideTheFile) {
  WindowBuilder a(0);
  a.record(kEvent, 10, {});
  write("trace.json",
        R"({"cpu_khz": 2596128, "scheduler": "credit2", "xen_version": "4.17.7",
            "domains": [{"domid": 3, "name": "web"}, {"domid": "x"}, 5]})");
  const std::string plain = write("trace", recording({&a}));
  ASSERT_EQ(std::system(("xz -k " + plain).c_str()), 0);
  for (const std::string& file : {plain, plain + ".xz"}) {
    Result<std::unique_ptr<Source>> source = open_replay({file, 0});
    ASSERT_TRUE(source);
    EXPECT_EQ((*source)->origin().cpu_khz, 2'596'128U);
    EXPECT_FALSE((*source)->origin().cpu_khz_assumed);
    EXPECT_EQ((*source)->origin().scheduler, "credit2");
    EXPECT_EQ((*source)->origin().kind, XENMON_SOURCE_RECORDING);
    EXPECT_EQ((*source)->domain_name({3, 1, true}), "web");
    EXPECT_EQ((*source)->domain_name({4, 1, true}), std::nullopt);
    EXPECT_EQ((*open_replay({file, 1'000'000}))->origin().cpu_khz, 1'000'000U);
  }
  write("trace.json", "{ not json");
  EXPECT_NE(refusal(plain).find("not valid JSON"), std::string::npos);
}

TEST_F(ReplaySourceTest, ANameIsOfOneDomainOfADomid) {
  WindowBuilder a(0);
  a.record(kEvent, 10, {});
  write("trace.json", R"({"domains": [{"domid": 3, "name": "last"}, {"domid": 4, "use": 1, "name": "first"},
                                      {"domid": 4, "use": 3, "name": "third"}]})");
  Result<std::unique_ptr<Source>> source = open_replay({write("trace", recording({&a})), 0});
  ASSERT_TRUE(source);
  EXPECT_EQ((*source)->domain_name({3, 2, true}), "last");
  EXPECT_EQ((*source)->domain_name({3, 1, false}), std::nullopt);
  EXPECT_EQ((*source)->domain_name({4, 1, true}), "first");
  EXPECT_EQ((*source)->domain_name({4, 1, false}), "first");
  EXPECT_EQ((*source)->domain_name({4, 2, true}), std::nullopt);
  EXPECT_EQ((*source)->domain_name({4, 3, true}), "third");
}

TEST_F(ReplaySourceTest, WithoutAFrequencyItAssumesWhatXenalyzeDoesAndSaysSo) {
  WindowBuilder a(0);
  a.record(kEvent, 10, {});
  Result<std::unique_ptr<Source>> source = open_replay({write("trace", recording({&a})), 0});
  ASSERT_TRUE(source);
  EXPECT_EQ((*source)->origin().cpu_khz, 2'400'000U);
  EXPECT_TRUE((*source)->origin().cpu_khz_assumed);
}

} // namespace
} // namespace xenmon
