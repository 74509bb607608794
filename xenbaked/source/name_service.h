// SPDX-License-Identifier: GPL-2.0-or-later
//
// Domains' names on a live host, from a program that may take as long as it likes to answer.
//
// A name is asked for, and its answer taken later, so a xenstored that hangs holds up nothing but names.
// NameThread asks in a thread of its own: libxenstore's calls have no time limit, and its connection may be a
// kernel device
// (/dev/xen/xenbus) that cannot be polled everywhere. That thread touches nothing but its lookup and its
// mailbox.
#ifndef XENMON_XENBAKED_SOURCE_NAME_SERVICE_H
#define XENMON_XENBAKED_SOURCE_NAME_SERVICE_H

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace xenmon {

// A domain's present name by its number; nothing if it has none. May block for ever.
using NameLookup = std::function<std::optional<std::string>(std::uint32_t domid)>;

class NameService {
 public:
  // The name that the domid had at some time between the call of ask() and the one of take().
  struct Answer {
    std::uint64_t ticket = 0;
    std::optional<std::string> name;
  };

  NameService() = default;
  NameService(const NameService&) = delete;
  NameService& operator=(const NameService&) = delete;
  virtual ~NameService() = default;

  // Asks for the present name. Its answer has the same ticket, and may never come. Never blocks.
  virtual void ask(std::uint32_t domid, std::uint64_t ticket) = 0;
  // The next answer, in any order; nothing if none has come. Never blocks.
  virtual std::optional<Answer> take() = 0;
};

class NameThread final : public NameService {
 public:
  // `lookup` is called by one thread at a time. It must own all that it uses: while it hangs, it outlives
  // this object.
  explicit NameThread(NameLookup lookup);
  // Does not wait for a lookup that is under way.
  ~NameThread() override;

  // The first one starts the thread. If there can be no thread, there are no names.
  void ask(std::uint32_t domid, std::uint64_t ticket) override;
  std::optional<Answer> take() override;

 private:
  struct Mailbox;
  static void answer_all(Mailbox& mailbox);

  std::shared_ptr<Mailbox> mailbox_;
  std::thread thread_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_NAME_SERVICE_H
