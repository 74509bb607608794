// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/unfinished_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "temporary_directory.h"

namespace xenmon::test {
namespace {

class UnfinishedFileTest : public testing::Test {
 protected:
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(files_ / "."))
      found.insert(entry.path().filename());
    return found;
  }
  static std::string content(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  static unsigned mode(const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 ? status.st_mode & 0777U : 0;
  }
  static void put(const UnfinishedFile& file, std::string_view text) {
    ASSERT_EQ(write_all(file.fd(), std::as_bytes(std::span(text))), 0);
  }

  TemporaryDirectory files_;
  std::string path_ = files_ / "log";
};

TEST_F(UnfinishedFileTest, AppearsWhenItIsPlaced) {
  std::ofstream(path_) << "old";
  UnfinishedFile file(AT_FDCWD, path_, ".part", 0600);
  ASSERT_TRUE(file.valid());
  put(file, "new");
  EXPECT_EQ(content(path_), "old");
  EXPECT_EQ(names().size(), 2U);
  for (const std::string& name : names())
    EXPECT_EQ(is_unfinished_name(name, "log", ".part"), name != "log") << name;
  EXPECT_EQ(file.place_as(path_), 0);
  EXPECT_EQ(content(path_), "new");
  file.discard();
  EXPECT_EQ(names(), std::set<std::string>{"log"});
}

TEST_F(UnfinishedFileTest, IsRemovedWithTheObject) {
  {
    UnfinishedFile file(AT_FDCWD, path_, "", 0600);
    UnfinishedFile moved(std::move(file));
    EXPECT_TRUE(moved.valid());
    EXPECT_EQ(names().size(), 1U);
    UnfinishedFile other(AT_FDCWD, path_, "", 0600);
    EXPECT_EQ(names().size(), 2U);
    other = std::move(moved); // the one that it was is removed
    EXPECT_EQ(names().size(), 1U);
  }
  EXPECT_TRUE(names().empty());
}

TEST_F(UnfinishedFileTest, IsRelativeToAnOpenDirectory) {
  const Descriptor directory(open((files_ / ".").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  UnfinishedFile file(directory.get(), "region", "", 0600);
  ASSERT_TRUE(file.valid());
  EXPECT_EQ(file.place_as("region"), 0);
  EXPECT_EQ(names(), std::set<std::string>{"region"});
}

TEST_F(UnfinishedFileTest, SaysWhyItCannotBeMadeOrPlaced) {
  errno = 0;
  EXPECT_FALSE(UnfinishedFile(AT_FDCWD, files_ / "missing/log", "", 0600).valid());
  EXPECT_EQ(errno, ENOENT);
  std::filesystem::create_directory(path_);
  UnfinishedFile file(AT_FDCWD, path_, "", 0600);
  EXPECT_EQ(file.place_as(path_), EISDIR);
  file.discard();
  EXPECT_EQ(names(), std::set<std::string>{"log"});
}

TEST(UnfinishedName, IsRecognised) {
  EXPECT_TRUE(is_unfinished_name(".log.0123456789abcdef", "log", ""));
  EXPECT_TRUE(is_unfinished_name(".log.0123456789abcdef.part", "log", ".part"));
  EXPECT_FALSE(is_unfinished_name(".log.0123456789abcdef.part", "log", ""));
  EXPECT_FALSE(is_unfinished_name(".log.0123456789abcdef", "log", ".part"));
  for (const char* other :
       {"", "log", ".log.0123456789ABCDEF", ".log.0123456789abcde", ".log.0123456789abcdef0",
        "xlog.0123456789abcdef", ".log-0123456789abcdef", ".dog.0123456789abcdef"})
    EXPECT_FALSE(is_unfinished_name(other, "log", "")) << other;
}

TEST_F(UnfinishedFileTest, AFileIsReplacedAtOnce) {
  const mode_t before = umask(027);
  EXPECT_EQ(replace_file(path_, "old", 0666), 0);
  EXPECT_EQ(replace_file(path_, std::string_view("a\0b", 3), 0666), 0);
  umask(before);
  EXPECT_EQ(content(path_), std::string("a\0b", 3));
  EXPECT_EQ(mode(path_), 0640U);
  EXPECT_EQ(names(), std::set<std::string>{"log"});
  EXPECT_EQ(replace_file(path_, "secret", 0600), 0);
  EXPECT_EQ(mode(path_), 0600U);
}

TEST_F(UnfinishedFileTest, AfterAFailureTheOldFileIsThere) {
  ASSERT_EQ(replace_file(path_, "old", 0600), 0);
  std::filesystem::create_directory(files_ / "taken");
  EXPECT_EQ(replace_file(files_ / "taken", "new", 0600), EISDIR);
  EXPECT_EQ(replace_file(files_ / "missing/log", "new", 0600), ENOENT);
  EXPECT_EQ(content(path_), "old");
  EXPECT_EQ(names(), (std::set<std::string>{"log", "taken"}));
}

TEST_F(UnfinishedFileTest, ALinkIsReplacedAndNotFollowed) {
  std::ofstream(files_ / "theirs") << "theirs";
  ASSERT_EQ(symlink((files_ / "theirs").c_str(), path_.c_str()), 0);
  EXPECT_EQ(replace_file(path_, "ours", 0600), 0);
  EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(path_)));
  EXPECT_EQ(content(files_ / "theirs"), "theirs");
}

TEST(WriteAll, ReportsTheSystemsReason) {
  const Descriptor full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  if (!full.valid()) GTEST_SKIP() << "no /dev/full here";
  EXPECT_EQ(write_all(full.get(), std::as_bytes(std::span(std::string_view("x")))), ENOSPC);
  EXPECT_EQ(write_all(-1, std::as_bytes(std::span(std::string_view("x")))), EBADF);
  EXPECT_EQ(write_all(-1, {}), 0);
}

} // namespace
} // namespace xenmon::test
