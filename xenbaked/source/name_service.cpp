// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/name_service.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
#include <utility>

#include "source/signal_free_thread.h"

namespace xenmon {

// Shared by both threads, and gone when neither needs it any more.
struct NameThread::Mailbox {
  struct Question {
    std::uint32_t domid;
    std::uint64_t ticket;
  };

  explicit Mailbox(NameLookup asked) : lookup(std::move(asked)) {}

  const NameLookup lookup; // called without the mutex
  std::mutex mutex;        // guards what follows
  std::condition_variable changed;
  std::deque<Question> questions;
  std::deque<Answer> answers;
  bool looking_up = false;
  bool stop = false;
};

NameThread::NameThread(NameLookup lookup) : mailbox_(std::make_shared<Mailbox>(std::move(lookup))) {}

NameThread::~NameThread() {
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

void NameThread::ask(std::uint32_t domid, std::uint64_t ticket) {
  // Asked again, it is tried again.
  if (!thread_.joinable()) thread_ = start_signal_free([mailbox = mailbox_] { answer_all(*mailbox); });
  const std::lock_guard lock(mailbox_->mutex);
  if (!thread_.joinable()) {
    mailbox_->answers.push_back({ticket, std::nullopt});
    return;
  }
  mailbox_->questions.push_back({domid, ticket});
  mailbox_->changed.notify_one();
}

std::optional<NameService::Answer> NameThread::take() {
  const std::lock_guard lock(mailbox_->mutex);
  if (mailbox_->answers.empty()) return std::nullopt;
  Answer answer = std::move(mailbox_->answers.front());
  mailbox_->answers.pop_front();
  return answer;
}

void NameThread::answer_all(Mailbox& mailbox) {
  std::unique_lock lock(mailbox.mutex);
  for (;;) {
    mailbox.changed.wait(lock, [&] { return mailbox.stop || !mailbox.questions.empty(); });
    if (mailbox.stop) return;
    const Mailbox::Question question = mailbox.questions.front();
    mailbox.questions.pop_front();
    mailbox.looking_up = true;
    lock.unlock();
    std::optional<std::string> name;
    try {
      name = mailbox.lookup(question.domid);
    } catch (const std::bad_alloc&) {
      // Without memory there is no name, and figures go on.
    }
    lock.lock();
    mailbox.looking_up = false;
    mailbox.answers.push_back({question.ticket, std::move(name)});
  }
}

} // namespace xenmon
