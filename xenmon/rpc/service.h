// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a Varlink service is made of: interfaces, which answer calls, and streams, which go on answering one.
#ifndef XENMON_XENMON_RPC_SERVICE_H
#define XENMON_XENMON_RPC_SERVICE_H

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rpc/call.h"

namespace xenmon {

// What a connection sends after a call, until the client leaves.
class Stream {
 public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  // Appends what is to be sent next, whole messages; nothing if there is nothing yet. It is asked again only
  // when the client has taken all of what it got before: a client that reads slowly makes the stream wait,
  // not grow.
  virtual void next(std::string& out) = 0;
  // Nothing more will come.
  virtual bool over() const { return false; }
};

struct Answer {
  std::string error;      // its full name; "": none
  std::string parameters; // a JSON object's text; of the reply, or of the error
  // Further replies, each with its own `continues`; or, after an upgrade, bytes. There is no reply before
  // them if `parameters` is empty.
  std::unique_ptr<Stream> stream;
};

class Interface {
 public:
  Interface() = default;
  Interface(const Interface&) = delete;
  Interface& operator=(const Interface&) = delete;
  virtual ~Interface() = default;

  virtual std::string_view name() const = 0;
  // In Varlink's language.
  virtual std::string_view description() const = 0;
  virtual Answer call(Call& call) = 0;
};

// Errors that every interface has.
Answer invalid_parameter(std::string_view name);
Answer method_not_found(const Call& call);
Answer expected_more();

// org.varlink.service, and the interfaces that it tells clients about.
class Service {
 public:
  struct Product {
    std::string vendor;
    std::string product;
    std::string version;
    std::string url;
  };
  // The interfaces must outlive it.
  Service(Product product, std::vector<Interface*> interfaces)
      : product_(std::move(product)), interfaces_(std::move(interfaces)) {}

  Answer call(Call& call);

 private:
  Answer own_call(Call& call);
  Answer info() const;
  Interface* find(std::string_view name) const;

  Product product_;
  std::vector<Interface*> interfaces_;
};

} // namespace xenmon

#endif // XENMON_XENMON_RPC_SERVICE_H
