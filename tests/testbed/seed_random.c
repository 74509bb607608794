// SPDX-License-Identifier: GPL-2.0-or-later
//
// Tells Linux that it has enough randomness. In a machine whose time counts instructions hardly anything is
// random: what waits for some, as Apache does when it starts, waits for minutes. Nothing here has a secret.
#include <fcntl.h>
#include <linux/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum { kBytes = 64 };

int main(void) {
  struct rand_pool_info* pool = calloc(1, sizeof(*pool) + kBytes);
  const int fd = open("/dev/random", O_WRONLY);
  if (pool == NULL || fd < 0) {
    perror("seed_random: /dev/random");
    return 1;
  }
  pool->entropy_count = 8 * kBytes;
  pool->buf_size = kBytes;
  memset(pool->buf, 0x5a, kBytes);
  if (ioctl(fd, RNDADDENTROPY, pool) != 0) {
    perror("seed_random: RNDADDENTROPY");
    return 1;
  }
  return 0;
}
