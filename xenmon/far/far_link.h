// SPDX-License-Identifier: GPL-2.0-or-later
//
// A program that leads to another host, and the connection to what it started there: its standard input and
// output.
#ifndef XENMON_XENMON_FAR_FAR_LINK_H
#define XENMON_XENMON_FAR_FAR_LINK_H

#include <sys/types.h>

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "base/result.h"

namespace xenmon {

// How to reach the other host: by ssh, or by a command of the user's own.
struct FarHost {
  std::string host;    // [user@]HOST
  std::string command; // for a shell; one of the two is ""

  // What it is called in messages.
  const std::string& name() const { return host.empty() ? command : host; }
};
// Whether the program may ask the user for something, as a password.
enum class Asking { kMay, kMustNot };
std::vector<std::string> far_command(const FarHost& far, Asking asking);

class FarLink {
 public:
  // Starts it. It ends with us.
  static Result<FarLink> start(const std::vector<std::string>& words, Asking asking);

  FarLink(FarLink&& other) noexcept;
  FarLink& operator=(FarLink&&) = delete;
  FarLink(const FarLink&) = delete;
  FarLink& operator=(const FarLink&) = delete;
  ~FarLink();

  // Does not block; read() from it.
  int fd() const { return socket_.get(); }
  Status send(std::string_view bytes);
  // The last line that the program has printed on its standard error, printable; "" if there was none.
  std::string said();

 private:
  FarLink(pid_t pid, bool grouped, Descriptor socket, Descriptor errors)
      : pid_(pid), grouped_(grouped), socket_(std::move(socket)), errors_(std::move(errors)) {}

  pid_t pid_;
  bool grouped_; // it leads a process group of its own
  Descriptor socket_;
  Descriptor errors_;
  std::string line_; // that is being received, or was last
  bool line_ended_ = false;
};

} // namespace xenmon

#endif // XENMON_XENMON_FAR_FAR_LINK_H
