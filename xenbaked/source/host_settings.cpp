// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/host_settings.h"

#include <condition_variable>
#include <mutex>
#include <new>
#include <utility>

#include "source/signal_free_thread.h"

namespace xenmon {

// Shared by both threads, and gone when neither needs it any more.
struct SettingsThread::Mailbox {
  explicit Mailbox(SettingsLookup reads) : lookup(std::move(reads)) {}

  const SettingsLookup lookup; // called without the mutex
  std::mutex mutex;            // guards what follows
  std::condition_variable changed;
  std::optional<std::vector<xenmon_setting>> answer;
  bool asked = false;
  bool looking_up = false;
  bool stop = false;
};

SettingsThread::SettingsThread(SettingsLookup lookup)
    : mailbox_(std::make_shared<Mailbox>(std::move(lookup))) {}

SettingsThread::~SettingsThread() {
  bool hangs = false;
  {
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->stop = true;
    hangs = mailbox_->looking_up;
  }
  mailbox_->changed.notify_one();
  if (!thread_.joinable()) return;
  if (hangs) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void SettingsThread::ask() {
  // Asked again, it is tried again.
  if (!thread_.joinable()) thread_ = start_signal_free([mailbox = mailbox_] { answer_all(*mailbox); });
  const std::lock_guard lock(mailbox_->mutex);
  if (mailbox_->asked || mailbox_->looking_up) return;
  mailbox_->asked = true;
  mailbox_->changed.notify_one();
}

std::optional<std::vector<xenmon_setting>> SettingsThread::take() {
  const std::lock_guard lock(mailbox_->mutex);
  return std::exchange(mailbox_->answer, std::nullopt);
}

void SettingsThread::answer_all(Mailbox& mailbox) {
  std::unique_lock lock(mailbox.mutex);
  for (;;) {
    mailbox.changed.wait(lock, [&] { return mailbox.stop || mailbox.asked; });
    if (mailbox.stop) return;
    mailbox.asked = false;
    mailbox.looking_up = true;
    lock.unlock();
    std::optional<std::vector<xenmon_setting>> settings;
    try {
      settings = mailbox.lookup();
    } catch (const std::bad_alloc&) {
      // Without memory there are no new settings, and figures go on.
    }
    lock.lock();
    mailbox.looking_up = false;
    if (settings) mailbox.answer = std::move(settings);
  }
}

} // namespace xenmon
