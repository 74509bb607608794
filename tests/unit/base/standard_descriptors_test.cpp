// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/standard_descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace xenmon {
namespace {

// In a process of its own, because the test needs its standard output. The exit status is 0 or the number of
// what was wrong.
int status_of(int (*child)()) {
  const pid_t pid = fork();
  if (pid == 0) _exit(child());
  int status = -1;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(StandardDescriptors, ClosedOnesAreOccupiedAndOfNoUse) {
  EXPECT_EQ(status_of([] {
              for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(fd);
              occupy_standard_descriptors();
              char byte = 0;
              if (open("/dev/null", O_RDWR) <= STDERR_FILENO) return 1;
              if (read(STDIN_FILENO, &byte, 1) >= 0 || errno != EBADF) return 2;
              if (write(STDOUT_FILENO, &byte, 1) >= 0 || errno != EBADF) return 3;
              if (write(STDERR_FILENO, &byte, 1) >= 0 || errno != EBADF) return 4;
              return 0;
            }),
            0);
}

TEST(StandardDescriptors, OpenOnesStay) {
  EXPECT_EQ(status_of([] {
              int ends[2];
              if (pipe(ends) != 0 || dup2(ends[1], STDOUT_FILENO) < 0) return 1;
              close(STDERR_FILENO);
              occupy_standard_descriptors();
              if (write(STDOUT_FILENO, "x", 1) != 1) return 2;
              char byte = 0;
              return read(ends[0], &byte, 1) == 1 && byte == 'x' ? 0 : 3;
            }),
            0);
}

} // namespace
} // namespace xenmon
