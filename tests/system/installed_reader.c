/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reader as another project would write it: knows the installed header and nothing else. Prints the
 * region's version, and for each domain its id, its name and how long its vCPUs ran, in ns.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xenmon/region.h>

enum { kTries = 1000, kMostDomains = 4096 };

static uint64_t running_ns[kMostDomains];

/* The region of this test is not written any more, but a reader cannot know that. */
static int sum_up(const unsigned char* region, const xenmon_region_header* header) {
  uint32_t slot;
  uint64_t before = __atomic_load_n(&header->tables_seq, __ATOMIC_ACQUIRE);
  if (before % 2 != 0 || header->domain.count > kMostDomains) return 0;
  for (slot = 0; slot < kMostDomains; ++slot) running_ns[slot] = 0;
  for (slot = 0; slot < header->vcpu.count; ++slot) {
    const xenmon_vcpu* vcpu =
        (const xenmon_vcpu*)(region + header->vcpu.offset + (uint64_t)slot * header->vcpu.stride);
    if ((vcpu->flags & XENMON_VCPU_IN_USE) != 0 && vcpu->domain_slot < header->domain.count)
      running_ns[vcpu->domain_slot] += vcpu->running_ns;
  }
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return __atomic_load_n(&header->tables_seq, __ATOMIC_RELAXED) == before;
}

int main(int argc, char** argv) {
  struct stat status;
  const unsigned char* region;
  const xenmon_region_header* header;
  uint32_t slot;
  int tries = 0;
  const int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0 || fstat(fd, &status) != 0 || (size_t)status.st_size < sizeof *header) return 1;
  region = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
  if (region == MAP_FAILED) return 1;
  header = (const xenmon_region_header*)region;
  if (header->magic != XENMON_MAGIC || header->version_major != XENMON_VERSION_MAJOR ||
      header->region_bytes > (uint64_t)status.st_size)
    return 1;
  while (!sum_up(region, header))
    if (++tries == kTries) return 1;
  printf("%" PRIu32 ".%" PRIu32 "\n", header->version_major, header->version_minor);
  for (slot = 0; slot < header->domain.count; ++slot) {
    const xenmon_domain* domain =
        (const xenmon_domain*)(region + header->domain.offset + (uint64_t)slot * header->domain.stride);
    if ((domain->flags & XENMON_DOMAIN_IN_USE) != 0)
      printf("%" PRIu32 " %s %" PRIu64 "\n", domain->domid, domain->name, running_ns[slot]);
  }
  return 0;
}
