// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/http_server.h"

#include <microhttpd.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "export/negotiation.h"

namespace xenmon {
namespace {

constexpr std::size_t kRequestBytes = 16 * 1024;
constexpr std::size_t kBlockBytes = 64 * 1024;
constexpr std::chrono::milliseconds kLongestWait{1000};

constexpr char kIndex[] =
    "<!DOCTYPE html><html><head><title>xenmon-exporter</title></head><body><h1>xenmon-exporter</h1>"
    "<p><a href=\"/metrics\">Metrics</a></p></body></html>\n";
constexpr char kNotFound[] = "There is nothing here; the metrics are at /metrics.\n";
constexpr char kNotAllowed[] = "Only GET and HEAD are understood.\n";
constexpr char kBusy[] = "Too many slow readers; try again later.\n";

struct ResponseDeleter {
  void operator()(MHD_Response* response) const { MHD_destroy_response(response); }
};
using Response = std::unique_ptr<MHD_Response, ResponseDeleter>;

// An answer on its way.
struct Sending {
  Body body;
  std::chrono::steady_clock::time_point until;
};

ssize_t read_body(void* of, std::uint64_t position, char* to, std::size_t most) {
  const auto& sending = *static_cast<const Sending*>(of);
  if (position >= sending.body->size()) return MHD_CONTENT_READER_END_OF_STREAM;
  if (std::chrono::steady_clock::now() > sending.until) return MHD_CONTENT_READER_END_WITH_ERROR;
  const std::size_t length = std::min<std::uint64_t>(most, sending.body->size() - position);
  std::memcpy(to, sending.body->data() + position, length);
  return static_cast<ssize_t>(length);
}

void drop_body(void* of) {
  std::unique_ptr<Sending>(static_cast<Sending*>(of)).reset();
}

// The text must stay.
Response make_page(std::string_view text, const char* type) {
  Response response(
      MHD_create_response_from_buffer(text.size(), const_cast<char*>(text.data()), MHD_RESPMEM_PERSISTENT));
  if (response) MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONTENT_TYPE, type);
  return response;
}

Response make_metrics(const BodyCache::Answer& answer, Format format) {
  auto sending = std::make_unique<Sending>(Sending{
      answer.body, std::chrono::steady_clock::now() + std::chrono::seconds(HttpServer::kSendSeconds)});
  Response response(MHD_create_response_from_callback(answer.body->size(), kBlockBytes, &read_body,
                                                      sending.get(), &drop_body));
  if (!response) return response;
  static_cast<void>(sending.release()); // drop_body() has it
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONTENT_TYPE, content_type(format));
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_VARY, "Accept, Accept-Encoding");
  if (answer.gzipped) MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
  return response;
}

std::string_view header_of(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value != nullptr ? value : "";
}

MHD_Result answer(MHD_Connection* connection, unsigned status, const Response& response) {
  return response ? MHD_queue_response(connection, status, response.get()) : MHD_NO;
}

// No exception may pass through libmicrohttpd, which is C. The connection of a scraper for whom there is no
// memory is closed, and the next one may fare better.
MHD_Result answer_metrics(MHD_Connection* connection, BodyCache& cache) try {
  const Format format = negotiate_format(header_of(connection, MHD_HTTP_HEADER_ACCEPT));
  const BodyCache::Answer body =
      cache.get(format, accepts_gzip(header_of(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING)));
  if (body.body) return answer(connection, MHD_HTTP_OK, make_metrics(body, format));
  const Response response = make_page(kBusy, "text/plain");
  if (response) MHD_add_response_header(response.get(), MHD_HTTP_HEADER_RETRY_AFTER, "10");
  return answer(connection, MHD_HTTP_SERVICE_UNAVAILABLE, response);
} catch (const std::bad_alloc&) {
  return MHD_NO;
}

// Called once when the headers of a request are there, and again for each part of its body and at its end.
MHD_Result handle(void* of, MHD_Connection* connection, const char* url, const char* method,
                  const char* /*version*/, const char* /*upload*/, std::size_t* upload_size, void** state) {
  static char seen; // only its address is used
  const bool get =
      std::string_view(method) == MHD_HTTP_METHOD_GET || std::string_view(method) == MHD_HTTP_METHOD_HEAD;
  if (*state == nullptr && get) {
    *state = &seen;
    return MHD_YES;
  }
  // Without having read the body: the connection is closed after the answer.
  if (!get) {
    const Response response = make_page(kNotAllowed, "text/plain");
    if (response) {
      MHD_add_response_header(response.get(), MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
      MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONNECTION, "close");
    }
    return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, response);
  }
  if (*upload_size != 0) return MHD_NO; // GET has no body
  const std::string_view path = url;
  if (path == "/") return answer(connection, MHD_HTTP_OK, make_page(kIndex, "text/html"));
  if (path != "/metrics") return answer(connection, MHD_HTTP_NOT_FOUND, make_page(kNotFound, "text/plain"));
  return answer_metrics(connection, *static_cast<BodyCache*>(of));
}

// What clients do wrong is no news for our standard error.
void say_nothing(void* /*of*/, const char* /*format*/, va_list /*arguments*/) {}

} // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(std::vector<Listener> listeners, BodyCache& cache) {
  std::unique_ptr<HttpServer> server(new HttpServer(std::move(listeners), cache));
  if (Status started = server->start_all(); !started) return started.error();
  return server;
}

Status HttpServer::start_all() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return system_error("cannot wait for scrapers");
  for (const Listener& listener : listeners_) {
    MHD_Daemon* daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, nullptr, nullptr, &handle, cache_, MHD_OPTION_EXTERNAL_LOGGER,
        &say_nothing, nullptr, MHD_OPTION_LISTEN_SOCKET, listener.fd(), MHD_OPTION_CONNECTION_LIMIT,
        kMostConnections, MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        kRequestBytes, MHD_OPTION_END);
    if (daemon == nullptr) {
      return Error{"libmicrohttpd cannot serve " + listener.address() +
                   "; give another address with --listen, or more file descriptors (ulimit -n)."};
    }
    daemons_.push_back(daemon);
    const MHD_DaemonInfo* info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    epoll_event event = {};
    event.events = EPOLLIN;
    if (info == nullptr || epoll_ctl(epoll_, EPOLL_CTL_ADD, info->epoll_fd, &event) != 0)
      return system_error("cannot wait for scrapers");
  }
  return ok();
}

HttpServer::~HttpServer() {
  for (MHD_Daemon* daemon : daemons_) {
    // The socket is the listener's to close.
    MHD_quiesce_daemon(daemon);
    MHD_stop_daemon(daemon);
  }
  if (epoll_ >= 0) close(epoll_);
}

std::chrono::milliseconds HttpServer::longest_wait() const {
  std::chrono::milliseconds wait = kLongestWait;
  for (MHD_Daemon* daemon : daemons_) {
    MHD_UNSIGNED_LONG_LONG ms = 0;
    if (MHD_get_timeout(daemon, &ms) != MHD_YES) continue;
    wait = std::min(wait, std::chrono::milliseconds(std::min<MHD_UNSIGNED_LONG_LONG>(ms, 1000)));
  }
  return wait;
}

void HttpServer::run_ready() {
  for (MHD_Daemon* daemon : daemons_) MHD_run(daemon);
}

} // namespace xenmon
