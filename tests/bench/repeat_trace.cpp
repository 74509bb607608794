// SPDX-License-Identifier: GPL-2.0-or-later
//
//   repeat_trace RECORDING RECORDS OUTPUT
//
// Writes a recording of at least RECORDS records: the given one again and again, each time with its TSCs
// moved on by its length.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "source/byte_supply.h"
#include "trace/record.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: repeat_trace RECORDING RECORDS OUTPUT\n", stderr);
    return 2;
  }
  auto supply = xenmon::open_bytes({argv[1]});
  if (!supply) {
    std::fprintf(stderr, "repeat_trace: %s\n", supply.error().message.c_str());
    return 1;
  }
  const std::size_t size = (*supply)->ensure(SIZE_MAX / 4);
  std::vector<std::byte> bytes((*supply)->data(), (*supply)->data() + size);
  std::vector<std::size_t> stamps;
  std::uint64_t first = UINT64_MAX;
  std::uint64_t last = 0;
  std::uint64_t records = 0;
  xenmon::Record record;
  for (std::size_t at = 0; at < size && xenmon::decode_record(&bytes[at], bytes.data() + size, record);
       at += record.bytes()) {
    ++records;
    if (!record.has_tsc()) continue;
    stamps.push_back(at + 4);
    first = std::min(first, record.tsc);
    last = std::max(last, record.tsc);
  }
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen(argv[3], "wb"), std::fclose);
  const std::uint64_t wanted = std::strtoull(argv[2], nullptr, 10);
  if (!out || records == 0 || wanted == 0) {
    std::fputs("repeat_trace: nothing to repeat, or nowhere to write it\n", stderr);
    return 1;
  }
  for (std::uint64_t written = 0; written < wanted; written += records) {
    if (std::fwrite(bytes.data(), size, 1, out.get()) != 1) {
      std::perror("repeat_trace");
      return 1;
    }
    for (const std::size_t at : stamps) {
      std::uint64_t tsc = 0;
      std::memcpy(&tsc, &bytes[at], sizeof tsc);
      tsc += last - first + 1000;
      std::memcpy(&bytes[at], &tsc, sizeof tsc);
    }
  }
  return 0;
}
