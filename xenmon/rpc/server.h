// SPDX-License-Identifier: GPL-2.0-or-later
//
// Serves clients: one on standard input and output, or those of a listening socket that somebody else has
// made. It opens no socket of its own. One thread; no client is waited for.
//
// What one client may cost others: one call of each is answered in turn. A user may have kMostOfUser
// connections, all together kMostClients; further ones are closed at once. A client that takes nothing of its
// answer for kPatience is closed, too.
#ifndef XENMON_XENMON_RPC_SERVER_H
#define XENMON_XENMON_RPC_SERVER_H

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <list>
#include <optional>

#include "base/result.h"
#include "rpc/connection.h"
#include "rpc/service.h"

namespace xenmon {

class Server {
 public:
  static constexpr std::size_t kMostClients = 64;
  static constexpr std::size_t kMostOfUser = 16;
  static constexpr std::chrono::seconds kPatience{60};
  // A server that a socket started ends when nobody has been connected for this long; the next client starts
  // it again.
  static constexpr std::chrono::seconds kIdle{60};
  // How often a stream is asked whether there is something new.
  static constexpr std::chrono::milliseconds kLook{50};

  // The service must outlive it.
  explicit Server(Service& service) : service_(service) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // Serves one client and returns when it has gone. The descriptors stay open.
  Status serve_streams(int input, int output);
  // Accepts clients; returns after kIdle without one.
  Status serve_socket(int listening);

 private:
  using Clock = std::chrono::steady_clock;
  struct Client {
    int input = -1;
    int output = -1; // the same for a socket
    bool owned = false;
    uid_t user = 0;
    Connection connection;
    Clock::time_point progress =
        Clock::now(); // last time that it took something, or there was nothing to take
    bool gone = false;
  };

  Status run();
  Status wait();
  void accept_clients();
  void serve(Client& client, short input_events, short output_events);
  void read_from(Client& client);
  void write_to(Client& client);
  void drop_gone();

  Service& service_;
  int listening_ = -1;
  bool accepting_ = true; // false after an accept that failed, until the next round
  bool worked_ = false;   // somebody got something in the last round, so there may be more
  std::list<Client> clients_;
  Clock::time_point idle_since_ = Clock::now();
};

} // namespace xenmon

#endif // XENMON_XENMON_RPC_SERVER_H
