// SPDX-License-Identifier: MIT
//
// The one way in which XenMon's functions fail: they return a value or an Error, and never throw.
//
// An Error's message is a whole sentence for the administrator that names the remedy. main prints it after
// the program's name and exits with its status. A caller that can continue without the value should.
#ifndef XENMON_RESULT_H
#define XENMON_RESULT_H

#include <cerrno>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace xenmon {

// Exit statuses, the same for both programs; documented in the man pages.
enum class ExitStatus : int {
  kOk = 0,
  kFailed = 1,       // an input or the system refused; the sentence says which
  kUsage = 2,        // the command line
  kNotXen = 3,       // not on Xen, or not in Dom0
  kNotPermitted = 4, // not root, or no access to the region
  kNoTracing = 5,    // the hypervisor has no trace buffers, or speaks another release's interface
  kBusy = 6,         // another consumer has the trace buffers, or another daemon the region
};

struct Error {
  std::string message;
  ExitStatus status = ExitStatus::kFailed;
};

// "WHAT: strerror." with the calling thread's errno.
inline Error system_error(const std::string& what) {
  return Error{what + ": " + std::strerror(errno) + ".", ExitStatus::kFailed};
}

template <class T>
class [[nodiscard]] Result {
 public:
  // Implicit on purpose: `return value;` and `return Error{...};` both read as what they are.
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  // Only when the Result holds a value.
  T& value() { return *std::get_if<0>(&state_); }
  const T& value() const { return *std::get_if<0>(&state_); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  // Only when it does not.
  const Error& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

struct Nothing {};
using Status = Result<Nothing>;
inline Status ok() {
  return Nothing{};
}

} // namespace xenmon

#endif // XENMON_RESULT_H
