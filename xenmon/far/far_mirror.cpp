// SPDX-License-Identifier: GPL-2.0-or-later
#include "far/far_mirror.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <thread>
#include <utility>

#include "rpc/call.h"
#include "rpc/json_text.h"
#include "text.h"

namespace xenmon {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostReply = 65'536;
constexpr auto kTick = 100ms;
// Of a first connection that has been answered; later ones are given up sooner.
constexpr std::chrono::milliseconds kPatience = 15s;

std::string mirror_call(const MirrorProgress& progress) {
  JsonObject parameters;
  parameters.number("version", kMirrorVersion);
  if (progress.daemon_start != 0) {
    std::array<char, 20> id;
    std::snprintf(id.data(), id.size(), "%016" PRIx64, progress.daemon_start);
    parameters.text("daemon_id", id.data())
        .number("after_sample", progress.sample)
        .number("after_wait", progress.wait);
  }
  return call_message("xenmon.Host.Mirror", parameters.take(), true);
}

} // namespace

FarMirror::FarMirror(Settings settings)
    : settings_(std::move(settings)), receiver_(settings_.region, settings_.far.name()) {}

Error FarMirror::failure(const std::string& what) const {
  return Error{(settings_.keep ? "" : "no connection to " + printable(settings_.far.name()) + ": ") + what};
}

void FarMirror::say(const std::string& reason) {
  if (!settings_.say || reason == said_) return;
  settings_.say(reason);
  said_ = reason;
}

Error FarMirror::run() {
  for (;;) {
    Error ended = session();
    if (!was_complete_ && !settings_.keep) return ended;
    say(ended.message);
    receiver_.set_connected(false);
    std::this_thread::sleep_for(kPause);
  }
}

Error FarMirror::session() {
  decompressor_.emplace();
  reply_.clear();
  called_ = false;
  receiver_.begin_session();
  begun_ = heard_ = Clock::now();
  const Asking asking = was_complete_ || settings_.keep ? Asking::kMustNot : Asking::kMay;
  Result<FarLink> link = FarLink::start(far_command(settings_.far, asking), asking);
  if (!link) return link.error();
  // If it has ended already, there is nothing to read, and perhaps it has said why.
  [[maybe_unused]] const Status sent = link->send(mirror_call(receiver_.progress()));
  for (;;) {
    pollfd watched = {link->fd(), POLLIN, 0};
    poll(&watched, 1, static_cast<int>(kTick / 1ms));
    if (watched.revents != 0) {
      if (Status received = receive(*link); !received) {
        const std::string said = link->said();
        return called_ || said.empty() ? received.error() : failure(as_sentence(said));
      }
    }
    // The first connection may wait for a password.
    if (asking == Asking::kMay && !called_) continue;
    const auto quiet = Clock::now() - heard_;
    if (quiet > kQuiet) receiver_.set_connected(false);
    if (quiet > (was_complete_ ? lost_ : kPatience)) return failure("it does not answer.");
  }
}

Status FarMirror::receive(FarLink& link) {
  std::array<char, 65'536> bytes;
  const ssize_t got = read(link.fd(), bytes.data(), bytes.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return ok();
  if (got <= 0)
    return failure("the program that leads there has ended; see that \"xenmon serve\" can be run there.");
  heard_ = Clock::now();
  std::string_view arrived(bytes.data(), static_cast<std::size_t>(got));
  if (!called_) {
    if (Status replied = take_reply(arrived); !replied) return replied;
  }
  return decompressor_->receive(
      arrived, [this](MirrorMessage kind, std::string_view body) { return take_message(kind, body); });
}

// The reply's bytes are taken away from `bytes`; the stream follows at once.
Status FarMirror::take_reply(std::string_view& bytes) {
  const std::size_t end = bytes.find('\0');
  reply_ += bytes.substr(0, end);
  bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
  if (reply_.size() > kMostReply) return failure("what answers there is not xenmon serve.");
  if (end == std::string_view::npos) return ok();
  Result<Reply> reply = parse_reply(reply_);
  if (!reply) return failure("what answers there is not xenmon serve.");
  if (reply->error == "xenmon.Host.MirrorVersion" || reply->error == "org.varlink.service.MethodNotFound")
    return failure("the xenmon there is of another release; install the same one on both hosts.");
  if (!reply->error.empty()) return failure("xenmon serve refuses: " + printable(reply->error) + ".");
  called_ = true;
  return ok();
}

Status FarMirror::take_message(MirrorMessage kind, std::string_view body) {
  if (Status taken = receiver_.take(kind, body); !taken) return taken;
  if (kind != MirrorMessage::kBeat) return ok();
  if (!receiver_.problem().empty()) {
    // A daemon that comes back is waited for, one that was never there is not, unless others are shown, too.
    if (settings_.keep) say(receiver_.problem());
    if (was_complete_ || settings_.keep) return ok();
    return Error{printable(settings_.far.name()) + ": " + receiver_.problem()};
  }
  receiver_.set_connected(true);
  if (!said_.empty()) say(std::string(kConnected));
  said_.clear();
  if (was_complete_ || !receiver_.complete()) return ok();
  was_complete_ = true;
  lost_ = std::max(kLost,
                   std::chrono::duration_cast<std::chrono::milliseconds>(2 * (Clock::now() - begun_)) + 1s);
  const char byte = 'R';
  if (settings_.ready >= 0 && write(settings_.ready, &byte, 1) != 1)
    return system_error("cannot say that the mirror is ready");
  return ok();
}

} // namespace xenmon
