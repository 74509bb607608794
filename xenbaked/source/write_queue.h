// SPDX-License-Identifier: GPL-2.0-or-later
//
// Bytes on their way to a file that may be slow: a disk that is busy or stuck must hold up its own thread
// only.
//
// The queue is bounded. What does not fit is refused as a whole, and the caller decides what that means.
#ifndef XENMON_XENBAKED_SOURCE_WRITE_QUEUE_H
#define XENMON_XENBAKED_SOURCE_WRITE_QUEUE_H

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

namespace xenmon {

class WriteQueue {
 public:
  // Writes all of the bytes, or returns the system's reason.
  using Write = std::function<int(std::span<const std::byte>)>;

  // `write` is called by one other thread, for one put() after the other. Bytes that have been put and not
  // been written never exceed `most_bytes`.
  WriteQueue(Write write, std::size_t most_bytes);
  WriteQueue(const WriteQueue&) = delete;
  WriteQueue& operator=(const WriteQueue&) = delete;
  // Waits for the write that is under way; what is queued after it is dropped.
  ~WriteQueue();

  // Never waits. False: there is no room, and nothing has been taken.
  bool put(std::vector<std::byte> bytes);
  // Why writing has stopped; 0: it has not. Nothing is written after a failure.
  [[nodiscard]] int failure() const;
  // Waits until everything has been written or writing has stopped; then no other thread writes any more.
  int finish();

 private:
  void write_all();

  const Write write_;
  const std::size_t most_bytes_;
  mutable std::mutex mutex_; // guards what follows but the thread
  std::condition_variable changed_;
  std::deque<std::vector<std::byte>> queue_;
  std::size_t queued_bytes_ = 0; // with those that are being written
  int failure_ = 0;
  bool complete_ = false; // nothing more will be put
  bool stop_ = false;
  std::thread thread_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_WRITE_QUEUE_H
