// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/connection.h"

#include <utility>

namespace xenmon {

std::size_t Connection::room() const {
  if (input_ended_ || broken_) return 0;
  if (upgraded_) return kMostCallBytes; // what comes then means nothing, and is not kept
  return kMostCallBytes - input_.size();
}

void Connection::receive(std::string_view bytes) {
  if (upgraded_ || broken_) return;
  input_ += bytes;
  // A call as long as this will not become one.
  if (input_.size() >= kMostCallBytes && input_.find('\0') == std::string::npos) broken_ = true;
}

void Connection::sent(std::size_t bytes) {
  sent_ += bytes;
  if (sent_ < output_.size()) return;
  sent_ = 0;
  // An answer about a big host is not kept in memory for the next small one.
  output_.clear();
  if (output_.capacity() > kMostCallBytes) output_.shrink_to_fit();
}

bool Connection::over() const {
  if (!output().empty()) return false;
  if (broken_) return true;
  // Another protocol ends with its client's side; Varlink's calls are still answered.
  if (upgraded_) return input_ended_ || stream_->over();
  if (stream_ != nullptr) return false;
  return input_ended_ && !has_call();
}

bool Connection::proceed() {
  if (!output().empty() || broken_) return false;
  if (stream_ == nullptr) return has_call() && answer_call();
  stream_->next(output_);
  if (stream_->over() && !upgraded_) stream_.reset();
  return !output_.empty();
}

bool Connection::answer_call() {
  const std::size_t end = input_.find('\0');
  Result<Call> call = parse_call(std::string_view(input_).substr(0, end));
  input_.erase(0, end + 1);
  if (!call) {
    broken_ = true;
    return true;
  }
  Answer answer = service_.call(*call);
  if (call->oneway) return true;
  if (!answer.error.empty()) {
    output_ = error_message(answer.error, answer.parameters.empty() ? "{}" : answer.parameters);
    return true;
  }
  if (!answer.parameters.empty()) output_ = reply_message(answer.parameters);
  stream_ = std::move(answer.stream);
  upgraded_ = stream_ != nullptr && call->upgrade;
  if (upgraded_) input_ = {};
  return true;
}

} // namespace xenmon
