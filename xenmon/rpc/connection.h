// SPDX-License-Identifier: GPL-2.0-or-later
//
// One client, without its descriptors: bytes in, bytes out, and what may be in between.
//
// A client costs a bounded amount, whatever it does. Calls are answered one after the other, each only when
// the client has taken all of the answer before; what it sends meanwhile stays in the kernel beyond
// kMostCallBytes. So what is held for a client is one message of its and one answer, the longest of which is
// about the whole host.
#ifndef XENMON_XENMON_RPC_CONNECTION_H
#define XENMON_XENMON_RPC_CONNECTION_H

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "rpc/service.h"

namespace xenmon {

class Connection {
 public:
  // The service must outlive it.
  explicit Connection(Service& service) : service_(service) {}

  // How many bytes receive() takes now; 0 while there is enough to do.
  std::size_t room() const;
  // At most room() bytes of what the client has sent.
  void receive(std::string_view bytes);
  // The client will send nothing more. What it has called is still answered, and streams go on.
  void input_ended() { input_ended_ = true; }

  // Answers one call, or goes on with the stream, if everything before has been taken. False if there was
  // nothing to do.
  bool proceed();

  // What is to be sent.
  std::string_view output() const { return std::string_view(output_).substr(sent_); }
  void sent(std::size_t bytes);

  bool has_stream() const { return stream_ != nullptr; }
  // A call is complete and not yet answered.
  bool has_call() const { return stream_ == nullptr && !broken_ && input_.find('\0') != std::string::npos; }
  // Nothing more will be sent: the client has ended, or sent what is no call.
  bool over() const;

 private:
  bool answer_call();

  Service& service_;
  std::string input_;
  std::string output_;
  std::size_t sent_ = 0; // bytes of the output
  std::unique_ptr<Stream> stream_;
  bool upgraded_ = false;
  bool input_ended_ = false;
  bool broken_ = false;
};

} // namespace xenmon

#endif // XENMON_XENMON_RPC_CONNECTION_H
