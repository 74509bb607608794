// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/server.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

namespace xenmon {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kReadBytes = 16'384;
// Of a pipe, before others have their turn.
constexpr int kMostPieces = 64;

bool would_wait() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

// As much as fits without waiting; -1 with errno as for write().
ssize_t write_some(int fd, std::string_view bytes) {
  const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0 || errno != ENOTSOCK) return sent;
  pollfd watched = {fd, POLLOUT, 0};
  if (poll(&watched, 1, 0) < 0) return -1;
  if ((watched.revents & POLLERR) != 0) {
    errno = EPIPE;
    return -1;
  }
  if ((watched.revents & POLLOUT) == 0) {
    errno = EAGAIN;
    return -1;
  }
  // A pipe that has room takes this much at once. Its descriptor is not ours to make non-blocking.
  return write(fd, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
}

uid_t user_of(int fd) {
  ucred peer = {};
  socklen_t length = sizeof peer;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? peer.uid : static_cast<uid_t>(-1);
}

} // namespace

Server::~Server() {
  for (Client& client : clients_) client.gone = true;
  drop_gone();
}

Status Server::serve_streams(int input, int output) {
  clients_.push_back({.input = input, .output = output, .connection = Connection(service_)});
  return run();
}

Status Server::serve_socket(int listening) {
  listening_ = listening;
  const int flags = fcntl(listening, F_GETFL);
  if (flags < 0 || fcntl(listening, F_SETFL, flags | O_NONBLOCK) != 0)
    return system_error("cannot use the socket that systemd has handed over");
  return run();
}

Status Server::run() {
  while (listening_ >= 0 || !clients_.empty()) {
    if (listening_ >= 0 && clients_.empty() && Clock::now() - idle_since_ >= kIdle) break;
    if (Status waited = wait(); !waited) return waited;
    drop_gone();
  }
  return ok();
}

// One round: a wait, and a turn for each client.
Status Server::wait() {
  std::vector<pollfd> watched;
  watched.reserve(2 * clients_.size() + 1);
  std::chrono::milliseconds timeout = worked_ ? 0s : 10s;
  worked_ = false;
  for (Client& client : clients_) {
    const Connection& connection = client.connection;
    const bool sends = !connection.output().empty();
    // A pipe whose other end is closed always has something to report, so it is not watched without need.
    const bool reads = connection.room() > 0 && (!sends || connection.has_stream());
    watched.push_back({reads ? client.input : -1, POLLIN, 0});
    watched.push_back({client.output, static_cast<short>(sends ? POLLOUT : 0), 0});
    if (sends) continue;
    if (connection.has_stream()) timeout = std::min(timeout, std::chrono::milliseconds(kLook));
  }
  const bool accepts = listening_ >= 0 && accepting_;
  watched.push_back({accepts ? listening_ : -1, POLLIN, 0});
  if (!accepting_) timeout = std::min(timeout, std::chrono::milliseconds(kLook));
  accepting_ = true;
  if (poll(watched.data(), watched.size(), static_cast<int>(timeout.count())) < 0 && errno != EINTR)
    return system_error("cannot wait for clients");
  std::size_t at = 0;
  for (Client& client : clients_) {
    serve(client, watched[at].revents, watched[at + 1].revents);
    at += 2;
  }
  if ((watched.back().revents & POLLIN) != 0) accept_clients();
  return ok();
}

void Server::serve(Client& client, short input_events, short output_events) {
  constexpr short kGone = POLLERR | POLLHUP | POLLNVAL;
  if ((output_events & kGone) != 0) {
    client.gone = true;
    return;
  }
  if (input_events != 0) read_from(client);
  write_to(client);
  if (client.gone) return;
  if (client.connection.proceed()) {
    worked_ = true;
    write_to(client);
  }
  const auto now = Clock::now();
  if (client.connection.output().empty()) client.progress = now;
  if (client.connection.over() || now - client.progress > kPatience) client.gone = true;
}

void Server::read_from(Client& client) {
  std::array<char, kReadBytes> bytes;
  const std::size_t wanted = std::min(bytes.size(), client.connection.room());
  if (wanted == 0) return;
  const ssize_t got = read(client.input, bytes.data(), wanted);
  if (got > 0) {
    client.connection.receive({bytes.data(), static_cast<std::size_t>(got)});
  } else if (got == 0) {
    client.connection.input_ended();
  } else if (!would_wait()) {
    client.gone = true;
  }
}

void Server::write_to(Client& client) {
  for (int piece = 0; piece < kMostPieces && !client.connection.output().empty(); ++piece) {
    const ssize_t sent = write_some(client.output, client.connection.output());
    if (sent < 0) {
      client.gone = client.gone || !would_wait();
      return;
    }
    client.connection.sent(static_cast<std::size_t>(sent));
    client.progress = Clock::now();
  }
}

void Server::accept_clients() {
  for (;;) {
    const int fd = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      // Out of descriptors or memory: those who wait are accepted when there are some again.
      accepting_ = would_wait() || errno == ECONNABORTED;
      return;
    }
    const uid_t user = user_of(fd);
    const auto of_user = std::count_if(clients_.begin(), clients_.end(),
                                       [user](const Client& client) { return client.user == user; });
    if (clients_.size() >= kMostClients || static_cast<std::size_t>(of_user) >= kMostOfUser) {
      close(fd);
      continue;
    }
    clients_.push_back(
        {.input = fd, .output = fd, .owned = true, .user = user, .connection = Connection(service_)});
  }
}

void Server::drop_gone() {
  for (auto client = clients_.begin(); client != clients_.end();) {
    if (!client->gone) {
      ++client;
      continue;
    }
    if (client->owned) close(client->input);
    client = clients_.erase(client);
    idle_since_ = Clock::now();
  }
}

} // namespace xenmon
