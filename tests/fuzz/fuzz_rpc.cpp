// SPDX-License-Identifier: GPL-2.0-or-later
//
// Arbitrary bytes from a client of xenmon serve, in pieces, about a region with little in it: parsed, called,
// and answered. Every message of ours must be JSON, and what is kept for the client must stay bounded.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "rpc/connection.h"
#include "rpc/service.h"
#include "serve/host_interface.h"
#include "xenmon_region_fixture.h"

using namespace xenmon; // NOLINT(google-build-using-namespace)

namespace {

// One region for all runs: what clients send cannot change it.
const std::string& region() {
  static test::TemporaryDirectory directory;
  static const std::string path = [] {
    test::ScriptedRegion region;
    region.set_domain(0, 0, 1, "Domain-0");
    region.set_domain(1, 7, 2, "web \"1\"\n\xff");
    region.set_vcpu(0, 0, 0);
    region.set_vcpu(1, 1, 0);
    for (int i = 0; i < 5; ++i) {
      region.add_wait(test::make_wait(7, 2, region.clock_ns + test::kMs, test::kMs));
      region.publish({test::make_row(0, 0, {.running_ms = 40, .blocked_ms = 60, .executions = 3}),
                      test::make_row(1, 1, {.waited_ms = 100})},
                     {test::make_io_row(1, 0, 5)});
    }
    region.put(directory / "region");
    return directory / "region";
  }();
  return path;
}

void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  HostInterface host(region());
  Service service({"XenMon", "xenmon", "0", ""}, {&host});
  Connection connection(service);
  // The first byte says in which pieces the rest comes, and how much of each answer is taken at once.
  const std::size_t piece = 1 + data[0] % 64;
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  int turns = 0;
  while (!connection.over() && turns++ < 4096) {
    const std::size_t room = std::min({piece, connection.room(), input.size()});
    if (room > 0) {
      connection.receive(input.substr(0, room));
      input.remove_prefix(room);
    } else if (input.empty()) {
      connection.input_ended();
    }
    const bool worked = connection.proceed();
    const std::string_view output = connection.output();
    check(output.size() < (std::size_t{1} << 20), "an answer is too long");
    if (!output.empty()) check(output.front() == '{' && output.back() == '\0', "an answer is no message");
    connection.sent(output.size());
    if (!worked && input.empty() && room == 0) break; // a stream without news
  }
  return 0;
}
