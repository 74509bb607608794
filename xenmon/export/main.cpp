// SPDX-License-Identifier: GPL-2.0-or-later
//
// xenmon-exporter: exposes a host's figures to Prometheus. The one place where errors end from which the
// program cannot continue.
#include <chrono>
#include <cstdio>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/standard_descriptors.h"
#include "export/body_cache.h"
#include "export/exporter_options.h"
#include "export/exposition.h"
#include "export/host_figures.h"
#include "export/http_server.h"
#include "export/listeners.h"
#include "export/textfile.h"
#include "process/signals.h"
#include "text.h"

namespace {

int fail(const xenmon::Error& error) {
  std::fprintf(stderr, "xenmon-exporter: %s\n", xenmon::printable_lines(error.message).c_str());
  return static_cast<int>(error.status);
}

int print(const std::string& text) {
  const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  return written ? 0 : fail(xenmon::system_error("cannot write to standard output"));
}

std::string render(xenmon::FigureReader& reader, xenmon::Format format) {
  const auto encoder = xenmon::make_encoder(format);
  xenmon::write_exposition(reader.read(), xenmon::own_cost(), *encoder);
  return encoder->finish();
}

xenmon::Status write_files(const xenmon::ExporterOptions& options, xenmon::FigureReader& reader) {
  for (;;) {
    const xenmon::Status written =
        xenmon::write_textfile(options.textfile, render(reader, xenmon::Format::kText));
    if (!options.every_s) return written;
    // A full disk may have room again next time; the file's age shows it meanwhile.
    if (!written) fail(written.error());
    const auto next = std::chrono::steady_clock::now() + std::chrono::seconds(*options.every_s);
    while (!xenmon::stop_requested() && std::chrono::steady_clock::now() < next)
      xenmon::wait_for_input(-1, next - std::chrono::steady_clock::now());
    if (xenmon::stop_requested()) return xenmon::ok();
  }
}

xenmon::Status serve(const xenmon::ExporterOptions& options, xenmon::FigureReader& reader) {
  auto listeners = xenmon::listeners_from_systemd();
  if (!listeners) return listeners.error();
  std::vector<std::string> addresses = options.listen;
  if (addresses.empty() && listeners->empty()) addresses.emplace_back(xenmon::kDefaultListen);
  for (const std::string& address : addresses) {
    auto listener = xenmon::listen_on(address);
    if (!listener) return listener.error();
    listeners->push_back(std::move(*listener));
  }
  xenmon::BodyCache cache([&reader](xenmon::Format format) { return render(reader, format); },
                          xenmon::boottime_ns);
  auto server = xenmon::HttpServer::start(std::move(*listeners), cache);
  if (!server) return server.error();
  for (const xenmon::Listener& listener : (*server)->listeners())
    std::fprintf(stderr, "xenmon-exporter: listening on %s\n", listener.address().c_str());
  while (!xenmon::stop_requested()) {
    xenmon::wait_for_input((*server)->fd(), (*server)->longest_wait());
    (*server)->run_ready();
  }
  return xenmon::ok();
}

int run(int argc, char** argv) {
  const auto parsed = xenmon::parse_exporter_options(argc, argv);
  if (!parsed) return fail(parsed.error());
  if (const auto* information = std::get_if<xenmon::ExporterInformation>(&*parsed))
    return print(information->text);
  const auto& options = std::get<xenmon::ExporterOptions>(*parsed);
  xenmon::own_cost(); // remembers when this was
  xenmon::catch_signals(xenmon::Hangup::kEnd);
  xenmon::FigureReader reader(options.region, options.vcpus);
  const xenmon::Status status =
      options.textfile.empty() ? serve(options, reader) : write_files(options, reader);
  return status ? 0 : fail(status.error());
}

} // namespace

int main(int argc, char** argv) {
  xenmon::occupy_standard_descriptors();
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    return fail(
        xenmon::Error{"there is not enough memory; stop other programs, or raise the limit (ulimit -v)."});
  }
}
