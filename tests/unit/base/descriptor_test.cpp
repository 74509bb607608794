// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <utility>

namespace xenmon {
namespace {

bool is_open(int fd) {
  return fcntl(fd, F_GETFD) >= 0;
}
int open_something() {
  return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

TEST(Descriptor, ClosesWhatItHas) {
  int fd = -1;
  {
    const Descriptor file(open_something());
    fd = file.get();
    EXPECT_TRUE(file.valid());
    EXPECT_TRUE(is_open(fd));
  }
  EXPECT_FALSE(is_open(fd));
  EXPECT_FALSE(Descriptor().valid());
}

TEST(Descriptor, HasOneOwner) {
  Descriptor first(open_something());
  const int fd = first.get();
  Descriptor second(std::move(first));
  EXPECT_EQ(second.get(), fd);
  Descriptor third(open_something());
  const int replaced = third.get();
  third = std::move(second);
  EXPECT_EQ(third.get(), fd);
  EXPECT_FALSE(is_open(replaced));
  EXPECT_TRUE(is_open(fd));

  Descriptor& same = third;
  third = std::move(same);
  EXPECT_TRUE(is_open(fd));

  EXPECT_EQ(third.release(), fd);
  EXPECT_FALSE(third.valid());
  EXPECT_TRUE(is_open(fd));
  third.reset(fd);
  third.reset();
  EXPECT_FALSE(is_open(fd));
}

TEST(Descriptor, ClosingHidesNoFailure) {
  Descriptor wrong(open_something());
  close(wrong.get()); // so that closing it again fails
  errno = ENOSPC;
  wrong.reset();
  EXPECT_EQ(errno, ENOSPC);
}

} // namespace
} // namespace xenmon
