// SPDX-License-Identifier: GPL-2.0-or-later
//
//   widen_trace RECORDING MACHINES OUTPUT
//
// Writes the recording of a big host: the given one MACHINES times side by side. Each copy has pCPUs and
// domains of its own, and its TSCs are some cycles later than the previous copy's, so that all of them
// interleave.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "source/byte_supply.h"
#include "trace/events.h"
#include "trace/record.h"
#include "xenmon/region.h"

namespace {

using namespace xenmon;

// A word of the recording that is another one in each copy.
struct Number {
  enum Kind : std::uint8_t { kTsc, kPcpu, kDomain, kDomainHigh, kIdleVcpu, kIdleVcpuLow } kind;
  std::size_t at;
};

std::uint32_t word_at(const std::vector<std::byte>& bytes, std::size_t at) {
  return load_word<std::uint32_t>(&bytes[at]);
}

// Finds the numbers of one record. The idle domain is the same in all copies; its vCPUs are numbered like
// pCPUs.
void find_numbers(std::size_t at, const Record& record, std::vector<Number>& numbers) {
  const std::size_t words = at + (record.has_tsc() ? 12 : 4);
  if (record.has_tsc()) numbers.push_back({Number::kTsc, at + 4});
  const std::uint32_t event = record.event();
  const auto pair = [&](std::size_t domain) {
    if (record.extra_words() <= domain) return;
    const bool idle = record.word(static_cast<std::uint32_t>(domain)) == XENMON_DOMID_IDLE;
    if (!idle) numbers.push_back({Number::kDomain, words + 4 * domain});
    if (idle && record.extra_words() > domain + 1)
      numbers.push_back({Number::kIdleVcpu, words + 4 * domain + 4});
  };
  if (event == event::kCpuChange) {
    numbers.push_back({Number::kPcpu, words});
  } else if ((event & event::kRunstateMask) == event::kRunstateChange || event == event::kContinueRunning) {
    const bool idle = record.word(0) >> 16 == XENMON_DOMID_IDLE;
    numbers.push_back({idle ? Number::kIdleVcpuLow : Number::kDomainHigh, words});
  } else if (event == 0x2800a) { // the switch itself: two pairs
    pair(0);
    pair(2);
  } else if ((event & event::kClassMask) == event::kSchedulerVerboseClass ||
             (event & event::kClassMask) == (event::kGrantMap & event::kClassMask)) {
    pair(0);
  }
}

} // namespace

int main(int argc, char** argv) {
  const std::uint64_t machines = argc == 4 ? std::strtoull(argv[2], nullptr, 10) : 0;
  if (machines == 0) {
    std::fputs("usage: widen_trace RECORDING MACHINES OUTPUT\n", stderr);
    return 2;
  }
  auto supply = open_bytes({argv[1]});
  if (!supply) {
    std::fprintf(stderr, "widen_trace: %s\n", supply.error().message.c_str());
    return 1;
  }
  const std::size_t size = (*supply)->ensure(SIZE_MAX / 4);
  std::vector<std::byte> bytes((*supply)->data(), (*supply)->data() + size);
  std::vector<Number> numbers;
  std::vector<std::size_t> windows; // where each begins, in bytes and as an index of `numbers`
  std::vector<std::size_t> first_numbers;
  std::uint32_t pcpus = 0;
  std::uint32_t domains = 0;
  Record record;
  for (std::size_t at = 0; at < size && decode_record(&bytes[at], bytes.data() + size, record);
       at += record.bytes()) {
    if (record.event() == event::kCpuChange) {
      windows.push_back(at);
      first_numbers.push_back(numbers.size());
    }
    const std::size_t before = numbers.size();
    find_numbers(at, record, numbers);
    for (std::size_t i = before; i < numbers.size(); ++i) {
      const std::uint32_t word = word_at(bytes, numbers[i].at);
      if (numbers[i].kind == Number::kPcpu) pcpus = std::max(pcpus, word + 1);
      if (numbers[i].kind == Number::kDomain) domains = std::max(domains, word + 1);
      if (numbers[i].kind == Number::kDomainHigh) domains = std::max(domains, (word >> 16) + 1);
    }
  }
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen(argv[3], "wb"), std::fclose);
  if (!out || windows.empty() || windows.front() != 0 || domains * machines >= XENMON_DOMID_IDLE / 2) {
    std::fputs("widen_trace: the recording is none, or too many machines, or nowhere to write\n", stderr);
    return 1;
  }
  windows.push_back(size);
  first_numbers.push_back(numbers.size());
  for (std::size_t window = 0; window + 1 < windows.size(); ++window) {
    const std::size_t begin = windows[window];
    const std::size_t bytes_here = windows[window + 1] - begin;
    for (std::uint64_t machine = 0; machine < machines; ++machine) {
      std::vector<std::byte> copy(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                                  bytes.begin() + static_cast<std::ptrdiff_t>(begin + bytes_here));
      for (std::size_t i = first_numbers[window]; i < first_numbers[window + 1]; ++i) {
        std::byte* const where = &copy[numbers[i].at - begin];
        if (numbers[i].kind == Number::kTsc) {
          // Not a round number, so that copies do not stay in step.
          const std::uint64_t tsc = load_word<std::uint64_t>(where) + machine * 1'237;
          std::memcpy(where, &tsc, sizeof tsc);
          continue;
        }
        auto word = load_word<std::uint32_t>(where);
        switch (numbers[i].kind) {
          case Number::kDomain:
            word += static_cast<std::uint32_t>(machine * domains);
            break;
          case Number::kDomainHigh:
            word += static_cast<std::uint32_t>(machine * domains) << 16;
            break;
          default:
            word += static_cast<std::uint32_t>(machine * pcpus);
            break;
        }
        std::memcpy(where, &word, sizeof word);
      }
      if (std::fwrite(copy.data(), copy.size(), 1, out.get()) != 1) {
        std::perror("widen_trace");
        return 1;
      }
    }
  }
  return 0;
}
