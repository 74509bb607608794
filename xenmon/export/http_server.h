// SPDX-License-Identifier: GPL-2.0-or-later
//
// Answers scrapers on any number of sockets. libmicrohttpd speaks HTTP; the bodies come from a BodyCache.
//
//   GET /metrics    the figures, in the format that the request asks for
//   GET /           a page that says where they are
//
// All else is refused by a status. What a client can cost is bounded: kMostConnections for each socket, a
// request of 16 KiB, kIdleSeconds without a byte read or written, kSendSeconds for an answer, and the
// cache's bytes. Beyond these, connections wait in the system's queue.
//
// One thread: nothing happens outside of run_ready().
#ifndef XENMON_XENMON_EXPORT_HTTP_SERVER_H
#define XENMON_XENMON_EXPORT_HTTP_SERVER_H

#include <chrono>
#include <memory>
#include <vector>

#include "base/result.h"
#include "export/body_cache.h"
#include "export/listeners.h"

struct MHD_Daemon;

namespace xenmon {

class HttpServer {
 public:
  static constexpr unsigned kMostConnections = 128;
  static constexpr unsigned kIdleSeconds = 15;
  static constexpr unsigned kSendSeconds = 60;

  // The cache must outlive the server.
  static Result<std::unique_ptr<HttpServer>> start(std::vector<Listener> listeners, BodyCache& cache);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  [[nodiscard]] const std::vector<Listener>& listeners() const { return listeners_; }
  // Readable when there is something to do.
  [[nodiscard]] int fd() const { return epoll_; }
  // After this time there is something to do although fd() is not readable.
  [[nodiscard]] std::chrono::milliseconds longest_wait() const;
  // Does what can be done without waiting.
  void run_ready();

 private:
  HttpServer(std::vector<Listener> listeners, BodyCache& cache)
      : cache_(&cache), listeners_(std::move(listeners)) {}
  Status start_all();

  BodyCache* cache_;
  std::vector<Listener> listeners_;
  std::vector<MHD_Daemon*> daemons_;
  int epoll_ = -1;
};

} // namespace xenmon

#endif // XENMON_XENMON_EXPORT_HTTP_SERVER_H
