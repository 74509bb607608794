// SPDX-License-Identifier: GPL-2.0-or-later
//
// Varlink's messages (varlink.org): what a client calls, and the texts of what it gets back. Each message is
// a JSON object that ends with a NUL byte. What a client sends is input: any bytes are allowed, and nothing
// but an Error follows from those that are no call.
#ifndef XENMON_XENMON_RPC_CALL_H
#define XENMON_XENMON_RPC_CALL_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace xenmon {

// A client's message is not longer than this. Ours may be: an answer about a big host has some MB.
inline constexpr std::size_t kMostCallBytes = 65'536;

class Parameters {
 public:
  struct Compound {}; // an array or an object: no call takes one
  using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string, Compound>;

  void set(const std::string& name, Value value) { values_[name] = std::move(value); }

  // A parameter that is missing, or null, is not there. One of another type is not there either, and wrong()
  // names it then. Whole numbers are also taken as such.
  std::optional<double> number(const std::string& name);
  // From 0 on.
  std::optional<std::uint64_t> count(const std::string& name);
  bool flag(const std::string& name); // false if it is not there
  std::optional<std::string> text(const std::string& name);

  // The first parameter that was not usable; "" if there was none.
  const std::string& wrong() const { return wrong_; }
  // For a value that has the right type and makes no sense.
  void refuse(const std::string& name);

 private:
  const Value* find(const std::string& name) const;

  std::map<std::string, Value> values_;
  std::string wrong_;
};

struct Call {
  std::string interface; // "xenmon.Host"
  std::string method;    // "GetHost"
  Parameters parameters;
  bool more = false;    // several replies are wanted
  bool oneway = false;  // none is
  bool upgrade = false; // what follows the reply is another protocol
};

// Without the NUL at its end.
Result<Call> parse_call(std::string_view message);

// What a client of ours sends and gets.
struct Reply {
  std::string error; // its full name; "": none
  bool continues = false;
};
Result<Reply> parse_reply(std::string_view message);

// All messages have their NUL. `parameters` is a JSON object's text; continues: more replies will follow.
std::string reply_message(std::string_view parameters, bool continues = false);
std::string call_message(std::string_view method, std::string_view parameters, bool upgrade);
std::string error_message(std::string_view name, std::string_view parameters = "{}");

} // namespace xenmon

#endif // XENMON_XENMON_RPC_CALL_H
