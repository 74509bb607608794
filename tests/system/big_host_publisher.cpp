// SPDX-License-Identifier: GPL-2.0-or-later
//
// A daemon without a hypervisor: publishes a big host's samples at PATH. Eleven seconds of them at once,
// and one more second for every byte on standard input, which is answered by a byte when it is done.
//
//   big_host_publisher PATH io|quiet DOMAINS [MS]
//
// MS: the length of a sample (100).
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "big_host.h"

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) return 2;
  const std::uint64_t sample_ms = argc == 5 ? static_cast<std::uint64_t>(std::atoi(argv[4])) : 100;
  xenmon::test::BigHostPipeline pipeline(argv[1], static_cast<std::uint32_t>(std::atoi(argv[3])),
                                         sample_ms * 1'000'000);
  if (pipeline.problem.empty()) {
    pipeline.host.do_io(std::string_view(argv[2]) == "io");
    pipeline.play_samples(110);
  }
  char byte = 'r';
  while (pipeline.problem.empty() && write(STDOUT_FILENO, &byte, 1) == 1 &&
         read(STDIN_FILENO, &byte, 1) == 1) {
    pipeline.play_samples(10);
  }
  if (pipeline.problem.empty()) return 0;
  std::fprintf(stderr, "big_host_publisher: %s\n", pipeline.problem.c_str());
  return 1;
}
