// SPDX-License-Identifier: GPL-2.0-or-later
#include "publish/region_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "xenmon/region.h"

namespace xenmon {
namespace {

namespace fs = std::filesystem;

class RegionFileTest : public testing::Test {
 protected:
  RegionFileTest() {
    std::string pattern = (fs::temp_directory_path() / "xenmon-region-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~RegionFileTest() override {
    fs::permissions(directory_, fs::perms::owner_all);
    fs::remove_all(directory_);
  }

  Status publish(const std::string& path, bool world_readable = false) {
    Result<RegionPlace> place = RegionPlace::open({path, world_readable});
    if (!place) return place.error();
    Result<RegionMapping> mapping = place->make(8192);
    if (!mapping) return mapping.error();
    mapping->data()[0] = std::byte{42};
    return place->place();
  }
  static unsigned mode_of(const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(lstat(path.c_str(), &status), 0);
    return status.st_mode & 07777U;
  }

  fs::path directory_;
};

TEST_F(RegionFileTest, MakesItsDirectoryAndAFileOfTheRightModeUnderAnyUmask) {
  for (const mode_t mask : {mode_t{0}, mode_t{022}, mode_t{0777}}) {
    const fs::path path = directory_ / ("run" + std::to_string(mask)) / "region";
    const mode_t before = umask(mask);
    const Status made = publish(path.string());
    umask(before);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(mode_of(path.parent_path()), 0755U);
    EXPECT_EQ(mode_of(path), 0640U);
    EXPECT_EQ(fs::file_size(path), 8192U);
  }
  ASSERT_TRUE(publish((directory_ / "run0" / "open").string(), true));
  EXPECT_EQ(mode_of(directory_ / "run0" / "open"), 0644U);
}

TEST_F(RegionFileTest, APlantedSymlinkIsReplacedAndNotFollowed) {
  const fs::path victim = directory_ / "victim";
  std::ofstream(victim) << "precious";
  fs::create_directory(directory_ / "run");
  fs::permissions(directory_ / "run", fs::perms(0755));
  const fs::path path = directory_ / "run" / "region";
  fs::create_symlink(victim, path);
  ASSERT_TRUE(publish(path.string()));
  EXPECT_FALSE(fs::is_symlink(path));
  EXPECT_EQ(fs::file_size(victim), 8U);
}

TEST_F(RegionFileTest, AnOldRegionIsReplacedAndItsHoldersSeeNothing) {
  fs::create_directory(directory_ / "run");
  const fs::path path = directory_ / "run" / "region";
  const std::uint64_t magic = XENMON_MAGIC;
  std::ofstream(path).write(reinterpret_cast<const char*>(&magic), sizeof magic);
  fs::permissions(path, fs::perms(0666));
  fs::create_hard_link(path, directory_ / "held");
  ASSERT_TRUE(publish(path.string()));
  EXPECT_EQ(mode_of(path), 0640U);
  EXPECT_EQ(fs::file_size(directory_ / "held"), sizeof magic);
}

TEST_F(RegionFileTest, WhatIsNoRegionIsNotReplaced) {
  fs::create_directory(directory_ / "run");
  const fs::path path = directory_ / "run" / "region";
  const auto refused = [&] {
    const Status made = publish(path.string());
    return !made && made.error().message ==
                        path.string() +
                            " exists and is not a region of xenbaked; remove it, or choose another --region.";
  };
  // Our own data: --region names the wrong file.
  std::ofstream(path) << "precious data";
  EXPECT_TRUE(refused());
  EXPECT_EQ(fs::file_size(path), 13U);
  fs::remove(path);
  // A device, for root.
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_TRUE(refused());
  EXPECT_TRUE(fs::is_fifo(path));
  fs::remove(path);
  EXPECT_FALSE(fs::exists(directory_ / "run" / "region.lock"));
  // As mktemp makes it.
  std::ofstream(path).close();
  EXPECT_TRUE(publish(path.string()));
}

TEST_F(RegionFileTest, WhatWasInTheMakingWhenItsMakerWasKilledIsSweptUp) {
  fs::create_directory(directory_ / "run");
  fs::permissions(directory_ / "run", fs::perms(0755));
  const std::string path = (directory_ / "run" / "region").string();
  for (const char* left : {".region.0123456789abcdef", ".region.fedcba9876543210"})
    std::ofstream(directory_ / "run" / left) << "half";
  const char* const others[] = {".region.0123456789abcdef.part", ".region.0123456789abcde",
                                ".other.0123456789abcdef", ".region.0123456789abcdeg"};
  for (const char* other : others) std::ofstream(directory_ / "run" / other) << "somebody's";
  {
    Result<RegionPlace> first = RegionPlace::open({path, false});
    ASSERT_TRUE(first);
    EXPECT_FALSE(fs::exists(directory_ / "run" / ".region.0123456789abcdef"));
    EXPECT_FALSE(fs::exists(directory_ / "run" / ".region.fedcba9876543210"));
    for (const char* other : others) EXPECT_TRUE(fs::exists(directory_ / "run" / other)) << other;
    // Nor is anything swept away from the holder of the lock.
    std::ofstream(directory_ / "run" / ".region.0123456789abcdef") << "in the making";
    EXPECT_FALSE(RegionPlace::open({path, false}));
    EXPECT_TRUE(fs::exists(directory_ / "run" / ".region.0123456789abcdef"));
  }
}

TEST_F(RegionFileTest, APlantedLockSymlinkIsRefused) {
  const fs::path victim = directory_ / "victim";
  std::ofstream(victim) << "precious";
  fs::create_directory(directory_ / "run");
  fs::create_symlink(victim, directory_ / "run" / "region.lock");
  EXPECT_FALSE(publish((directory_ / "run" / "region").string()));
  EXPECT_EQ(fs::file_size(victim), 8U);
}

TEST_F(RegionFileTest, APlantedDirectoryIsSaid) {
  fs::create_directories(directory_ / "run" / "region" / "full");
  const Status made = publish((directory_ / "run" / "region").string());
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("is not a region"), std::string::npos);
  // Nothing unfinished is left behind.
  for (const auto& entry : fs::directory_iterator(directory_ / "run")) {
    EXPECT_NE(entry.path().filename().string().rfind(".region", 0), 0U) << entry.path();
  }
}

TEST_F(RegionFileTest, RefusesADirectoryThatIsASymlink) {
  fs::create_directory(directory_ / "real");
  fs::create_directory_symlink(directory_ / "real", directory_ / "run");
  const Status made = publish((directory_ / "run" / "region").string());
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("symlink"), std::string::npos);
  EXPECT_TRUE(fs::is_empty(directory_ / "real"));
}

TEST_F(RegionFileTest, RefusesADirectoryThatOthersMayWrite) {
  fs::create_directory(directory_ / "run");
  fs::permissions(directory_ / "run", fs::perms(0777));
  ASSERT_FALSE(publish((directory_ / "run" / "region").string()));
  // Sticky, as /tmp is: others cannot replace what is ours.
  fs::permissions(directory_ / "run", fs::perms(01777));
  EXPECT_TRUE(publish((directory_ / "run" / "region").string()));
}

TEST_F(RegionFileTest, TheSecondDaemonAtOnePathIsRefused) {
  const std::string path = (directory_ / "run" / "region").string();
  {
    const Result<RegionPlace> first = RegionPlace::open({path, false});
    ASSERT_TRUE(first);
    const Result<RegionPlace> second = RegionPlace::open({path, false});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().status, ExitStatus::kBusy);
  }
  EXPECT_TRUE(publish(path));
}

} // namespace
} // namespace xenmon
