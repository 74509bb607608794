// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <chrono>
#include <utility>

#include "attachment.h"
#include "front_end.h"
#include "help_screen.h"
#include "history.h"
#include "sample_feed.h"
#include "screen.h"
#include "screen_model.h"
#include "signals.h"
#include "terminal.h"

namespace xenmon {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kRefresh = 1s;
constexpr auto kRefreshWhileEmpty = 200ms; // so that the first figures do not keep one waiting
constexpr std::uint64_t kRetentionNs = 2 * kWindowNs[0];

class Session {
 public:
  Session(const Options& options, Publisher& publisher, Terminal& terminal)
      : publisher_(publisher),
        terminal_(terminal),
        attachment_(publisher.region),
        directory_(kRetentionNs),
        feed_(directory_),
        pcpu_(options.pcpu) {
    view_.metrics = options.metrics;
    history_.select(pcpu_);
  }

  void run() {
    take_new_data();
    auto due = steady_clock::now();
    while (!stop_requested()) {
      show();
      const auto now = steady_clock::now();
      if (now >= due) due = now + (model_.domains.empty() ? kRefreshWhileEmpty : kRefresh);
      const Key key = terminal_.wait(due - now);
      if (key == Key::kGone || (key == Key::kQuit && !help_)) return;
      if (key != Key::kNone) obey(key);
      if (steady_clock::now() >= due) take_new_data();
    }
  }

 private:
  void take_new_data() {
    if (publisher_.daemon) publisher_.daemon->poll();
    follow_replay(publisher_.replay, attachment_, feed_, history_);
    build();
  }

  void build() {
    if (paused_) return; // the figures go on behind the screen
    model_ = build_screen_model(history_, feed_, attachment_, pcpu_);
    if (publisher_.daemon && !publisher_.daemon->running() && !publisher_.daemon->ended_well()) {
      model_.last_words = "xenbaked: " + publisher_.daemon->outcome().message;
      model_.current = false;
    }
  }

  void show() {
    if (help_) {
      terminal_.draw(render_help(terminal_.width(), terminal_.height()));
      return;
    }
    const ScrollLimits limits = scroll_limits(model_, view_.metrics, terminal_.width(), terminal_.height());
    view_.first_row = std::min(view_.first_row, limits.row);
    view_.first_column = std::min(view_.first_column, limits.column);
    terminal_.draw(render(model_, view_, terminal_.width(), terminal_.height()));
  }

  void switch_to(std::optional<std::uint32_t> pcpu) {
    if (pcpu == pcpu_) return;
    if (paused_) set_paused(false); // what another CPU did is not what was held
    pcpu_ = pcpu;
    view_.first_row = 0;
    history_.select(pcpu_);
    if (attachment_.still_readable()) {
      feed_.rewind(*attachment_.reader());
      feed_.drain(*attachment_.reader(), history_);
    }
    build();
  }

  void set_paused(bool paused) {
    paused_ = paused;
    build();
    model_.paused = paused;
  }

  void obey(Key key) {
    if (help_) {
      help_ = key == Key::kRedraw;
      return;
    }
    const std::size_t page = page_rows(terminal_.height());
    switch (key) {
      case Key::kHelp:
        help_ = true;
        break;
      case Key::kPause:
        set_paused(!paused_);
        break;
      case Key::kAllocated:
        view_.metrics.allocated = !view_.metrics.allocated;
        break;
      case Key::kBlocked:
        view_.metrics.blocked = !view_.metrics.blocked;
        break;
      case Key::kWaited:
        view_.metrics.waited = !view_.metrics.waited;
        break;
      case Key::kExecutions:
        view_.metrics.excount = !view_.metrics.excount;
        break;
      case Key::kIo:
        view_.metrics.iocount = !view_.metrics.iocount;
        break;
      case Key::kNext:
        switch_to(next_pcpu(seen_pcpus(feed_.tables()), pcpu_));
        break;
      case Key::kPrevious:
        switch_to(previous_pcpu(seen_pcpus(feed_.tables()), pcpu_));
        break;
      case Key::kUp:
        view_.first_row -= std::min<std::size_t>(view_.first_row, 1);
        break;
      case Key::kDown:
        ++view_.first_row; // show() knows the limits
        break;
      case Key::kLeft:
        view_.first_column -= std::min<std::size_t>(view_.first_column, 1);
        break;
      case Key::kRight:
        ++view_.first_column;
        break;
      case Key::kPageUp:
        view_.first_row -= std::min(view_.first_row, page);
        break;
      case Key::kPageDown:
        view_.first_row += page;
        break;
      case Key::kHome:
        view_.first_row = 0;
        break;
      case Key::kEnd:
        view_.first_row = SIZE_MAX;
        break;
      case Key::kNone:
      case Key::kOther:
      case Key::kQuit:
      case Key::kRedraw:
      case Key::kGone:
        break;
    }
  }

  Publisher& publisher_;
  Terminal& terminal_;
  Attachment attachment_;
  DomainDirectory directory_;
  SampleFeed feed_;
  History history_;
  std::optional<std::uint32_t> pcpu_;
  ScreenOptions view_;
  ScreenModel model_;
  bool paused_ = false;
  bool help_ = false;
};

} // namespace

Status run_screen(const Options& options, Publisher& publisher) {
  auto terminal = Terminal::open();
  if (!terminal) return terminal.error();
  Session(options, publisher, *terminal).run();
  return ok();
}

} // namespace xenmon
