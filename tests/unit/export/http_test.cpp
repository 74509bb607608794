// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "export/body_cache.h"
#include "export/exporter_options.h"
#include "export/gzip.h"
#include "export/listeners.h"
#include "export/negotiation.h"
#include "export/textfile.h"
#include "temporary_directory.h"

namespace xenmon::test {
namespace {

// ---- negotiation

// What Prometheus 2.42 sends with native histograms, and without.
constexpr char kWithNative[] =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
    "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
constexpr char kWithoutNative[] =
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

TEST(NegotiationTest, TheFormatOfTheHighestWeight) {
  EXPECT_EQ(negotiate_format(kWithNative), Format::kProtobuf);
  EXPECT_EQ(negotiate_format(kWithoutNative), Format::kOpenMetrics);
  EXPECT_EQ(negotiate_format("text/plain;q=0.9, application/openmetrics-text;q=0.5"), Format::kText);
  EXPECT_EQ(negotiate_format("Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=1.0"),
            Format::kOpenMetrics);
}

TEST(NegotiationTest, AmongEqualsTheOneThatSaysMost) {
  EXPECT_EQ(negotiate_format("text/plain, application/openmetrics-text"), Format::kOpenMetrics);
}

TEST(NegotiationTest, TextForWhoeverAsksForNothingThatWeHave) {
  for (const char* accept :
       {"", "*/*", "text/html,application/xhtml+xml", "application/openmetrics-text;q=0",
        "application/openmetrics-text;version=9.0.0", "application/vnd.google.protobuf",
        "application/vnd.google.protobuf;proto=other;encoding=delimited", ",,;;=,;q=;q=2,q", "a/b;q=x"}) {
    EXPECT_EQ(negotiate_format(accept), Format::kText) << accept;
  }
}

TEST(NegotiationTest, Gzip) {
  EXPECT_TRUE(accepts_gzip("gzip"));
  EXPECT_TRUE(accepts_gzip("deflate, GZIP;q=0.5"));
  EXPECT_TRUE(accepts_gzip("*"));
  EXPECT_FALSE(accepts_gzip(""));
  EXPECT_FALSE(accepts_gzip("identity, br"));
  EXPECT_FALSE(accepts_gzip("gzip;q=0, *"));
  EXPECT_FALSE(accepts_gzip("*;q=0.000"));
}

// ---- gzip

TEST(GzipTest, IsAGzipFile) {
  const auto compressed = gzip(std::string(100'000, 'x'));
  ASSERT_TRUE(compressed);
  EXPECT_LT(compressed->size(), 1000U);
  EXPECT_EQ(compressed->substr(0, 3), "\x1f\x8b\x08");
  EXPECT_TRUE(gzip(""));
}

// ---- the cache

struct FakeSource {
  std::uint64_t now_ns = 1'000'000'000;
  int rendered = 0;
  std::size_t bytes = 1000;

  BodyCache cache(std::size_t most_bytes = BodyCache::kMostBytes) {
    return {[this](Format) {
              ++rendered;
              return std::string(bytes, 'x');
            },
            [this] { return now_ns; }, most_bytes};
  }
};

TEST(BodyCacheTest, ManyAtOnceCostWhatOneCosts) {
  FakeSource source;
  BodyCache cache = source.cache();
  const BodyCache::Answer first = cache.get(Format::kText, false);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(cache.get(Format::kText, false).body, first.body);
  EXPECT_EQ(source.rendered, 1);
  const BodyCache::Answer gzipped = cache.get(Format::kText, true);
  EXPECT_TRUE(gzipped.gzipped);
  EXPECT_EQ(cache.get(Format::kText, true).body, gzipped.body);
  EXPECT_EQ(source.rendered, 1);
  cache.get(Format::kProtobuf, false);
  EXPECT_EQ(source.rendered, 2);
}

TEST(BodyCacheTest, WhatIsOldIsMadeAgain) {
  FakeSource source;
  BodyCache cache = source.cache();
  cache.get(Format::kText, false);
  source.now_ns += BodyCache::kFreshNs - 1;
  cache.get(Format::kText, false);
  EXPECT_EQ(source.rendered, 1);
  source.now_ns += 1;
  cache.get(Format::kText, false);
  EXPECT_EQ(source.rendered, 2);
}

TEST(BodyCacheTest, NobodyHoldsWhatIsOld) {
  FakeSource source;
  BodyCache cache = source.cache();
  cache.get(Format::kText, true);
  source.now_ns += BodyCache::kFreshNs;
  cache.get(Format::kProtobuf, false);
  EXPECT_EQ(cache.bytes_held(), source.bytes);
}

TEST(BodyCacheTest, SlowReadersAreBounded) {
  FakeSource source;
  BodyCache cache = source.cache(3 * source.bytes);
  std::vector<Body> slow;
  for (int i = 0; i < 3; ++i) {
    slow.push_back(cache.get(Format::kText, false).body);
    ASSERT_TRUE(slow.back());
    source.now_ns += BodyCache::kFreshNs;
  }
  EXPECT_FALSE(cache.get(Format::kText, false).body);
  EXPECT_EQ(source.rendered, 3);
  slow.pop_back();
  EXPECT_TRUE(cache.get(Format::kText, false).body);
}

// ---- sockets

TEST(ListenersTest, ReportsThePortThatTheSystemChose) {
  for (const std::string where : {"127.0.0.1:", "[::1]:"}) {
    const auto listener = listen_on(where + "0");
    if (!listener && where.front() == '[') continue; // a machine without IPv6
    ASSERT_TRUE(listener) << listener.error().message;
    EXPECT_EQ(listener->address().substr(0, where.size()), where);
    EXPECT_NE(listener->address(), where + "0");
  }
}

TEST(ListenersTest, RefusesWhatIsNoAddress) {
  for (const char* where : {"", "9100", ":9100", "localhost:9100", "127.0.0.1", "127.0.0.1:65536", "::1:9100",
                            "[::1]", "127.0.0.1:x", "unix:", "tcp:1"}) {
    const auto listener = listen_on(where);
    ASSERT_FALSE(listener) << where;
    EXPECT_EQ(listener.error().status, ExitStatus::kUsage) << where;
  }
  EXPECT_FALSE(listen_on("unix:" + std::string(200, 'x')));
}

TEST(ListenersTest, AnAddressInUseIsBusy) {
  const auto first = listen_on("127.0.0.1:0");
  ASSERT_TRUE(first);
  const auto second = listen_on(first->address());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().status, ExitStatus::kBusy);
}

TEST(ListenersTest, AUnixSocketIsForTheGroupAndGoesWithItsListener) {
  const TemporaryDirectory directory;
  const std::string path = directory / "socket";
  {
    const auto listener = listen_on("unix:" + path);
    ASSERT_TRUE(listener) << listener.error().message;
    EXPECT_EQ(listener->address(), "unix:" + path);
    struct stat status = {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0660U);
    EXPECT_FALSE(listen_on("unix:" + path)) << "in use";
  }
  EXPECT_NE(access(path.c_str(), F_OK), 0);
}

TEST(ListenersTest, ReplacesAnAbandonedSocketAndNothingElse) {
  const TemporaryDirectory directory;
  const std::string path = directory / "socket";
  {
    auto listener = listen_on("unix:" + path);
    ASSERT_TRUE(listener);
    ASSERT_EQ(link(path.c_str(), (path + ".kept").c_str()), 0);
  }
  ASSERT_EQ(rename((path + ".kept").c_str(), path.c_str()), 0);
  EXPECT_TRUE(listen_on("unix:" + path));
  std::ofstream(path) << "a file of somebody's";
  EXPECT_FALSE(listen_on("unix:" + path));
  EXPECT_EQ(access(path.c_str(), F_OK), 0);
}

TEST(ListenersTest, SystemdsDescriptorsAreForTheProcessThatTheyName) {
  setenv("LISTEN_PID", "1", 1);
  setenv("LISTEN_FDS", "1", 1);
  const auto listeners = listeners_from_systemd();
  ASSERT_TRUE(listeners);
  EXPECT_TRUE(listeners->empty());
  EXPECT_EQ(getenv("LISTEN_FDS"), nullptr);
}

// ---- the file

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(TextfileTest, ReplacesTheFileAsAWhole) {
  const TemporaryDirectory directory;
  const std::string path = directory / "xenmon.prom";
  ASSERT_TRUE(write_textfile(path, "a 1\n"));
  std::ifstream old(path);
  ASSERT_TRUE(write_textfile(path, "a 2\n"));
  EXPECT_EQ(contents(path), "a 2\n");
  const std::string read_from_old{std::istreambuf_iterator<char>(old), {}};
  EXPECT_EQ(read_from_old, "a 1\n");
  struct stat status = {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0644U);
}

TEST(TextfileTest, AFailureLeavesNothingBehind) {
  const TemporaryDirectory directory;
  const std::string path = directory / "xenmon.prom";
  ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
  EXPECT_FALSE(write_textfile(path, "a 1\n"));
  ASSERT_EQ(rmdir(path.c_str()), 0);
  EXPECT_EQ(rmdir((directory / "").c_str()), 0) << "something is left";
  EXPECT_FALSE(write_textfile(directory / "missing/xenmon.prom", "a 1\n"));
}

// ---- the command line

Result<std::variant<ExporterOptions, ExporterInformation>> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "xenmon-exporter");
  return parse_exporter_options(static_cast<int>(words.size()), words.data());
}

TEST(ExporterOptionsTest, TakesWhatItSaysItTakes) {
  const auto parsed = parse({"--listen", "127.0.0.1:1", "--listen=unix:/x", "--vcpus", "--region", "/r"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  const auto& options = std::get<ExporterOptions>(*parsed);
  EXPECT_EQ(options.listen, (std::vector<std::string>{"127.0.0.1:1", "unix:/x"}));
  EXPECT_TRUE(options.vcpus);
  EXPECT_EQ(options.region, "/r");
}

TEST(ExporterOptionsTest, RefusesWhatMakesNoSense) {
  for (const std::vector<const char*>& words :
       std::vector<std::vector<const char*>>{{"--every", "5"},
                                             {"--textfile", "/x", "--every", "0"},
                                             {"--textfile", "/x", "--every", "-1"},
                                             {"--textfile", "/x", "--listen", "127.0.0.1:1"},
                                             {"--textfile", ""},
                                             {"--region", ""},
                                             {"--port", "1"},
                                             {"word"}}) {
    const auto parsed = parse(words);
    ASSERT_FALSE(parsed) << words[0];
    EXPECT_EQ(parsed.error().status, ExitStatus::kUsage) << words[0];
    EXPECT_EQ(parsed.error().message.back(), '.');
  }
}

} // namespace
} // namespace xenmon::test
