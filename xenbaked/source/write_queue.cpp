// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/write_queue.h"

#include <cerrno>
#include <utility>

#include "source/signal_free_thread.h"

namespace xenmon {

WriteQueue::WriteQueue(Write write, std::size_t most_bytes)
    : write_(std::move(write)), most_bytes_(most_bytes) {
  thread_ = start_signal_free([this] { write_all(); });
  if (!thread_.joinable()) failure_ = EAGAIN;
}

WriteQueue::~WriteQueue() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool WriteQueue::put(std::vector<std::byte> bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (bytes.size() > most_bytes_ - queued_bytes_) return false;
    queued_bytes_ += bytes.size();
    queue_.push_back(std::move(bytes));
  }
  changed_.notify_one();
  return true;
}

int WriteQueue::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

int WriteQueue::finish() {
  {
    const std::lock_guard lock(mutex_);
    complete_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
  return failure_;
}

void WriteQueue::write_all() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || complete_ || !queue_.empty(); });
    if (stop_ || queue_.empty()) return;
    const std::vector<std::byte> bytes = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    const int failure = write_(bytes);
    lock.lock();
    queued_bytes_ -= bytes.size();
    failure_ = failure;
    if (failure != 0) return;
  }
}

} // namespace xenmon
