// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "base/day_time.h"
#include "base/trace_time.h"
#include "daemon/replay_control.h"
#include "model/model_builder.h"
#include "model/screen_source.h"
#include "process/signals.h"
#include "run/front_end.h"
#include "run/shown_time.h"
#include "screen/help_screen.h"
#include "screen/screen.h"
#include "screen/settings.h"
#include "screen/sort_menu.h"
#include "screen/terminal.h"
#include "screen/typed_line.h"
#include "screen/view_keys.h"
#include "text.h"

namespace xenmon {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// So that the user does not wait for the first figures, while these can be expected soon.
constexpr auto kRefreshWhileEmpty = 200ms;
constexpr auto kPatience = 3s;
constexpr auto kLookWhileGoing = 50ms; // until a recording has reached the requested time
constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kSecond = 1'000 * kMs;
constexpr std::int64_t kStepNs = 1'000 * kMs;
constexpr std::int64_t kFarStepNs = 10 * kStepNs;
constexpr std::array<std::uint64_t, 6> kRefreshes = {250 * kMs,   500 * kMs,   kSecond,
                                                     2 * kSecond, 5 * kSecond, 10 * kSecond};
constexpr std::array<WindowLengths, 4> kWindowChoices = {
    {kWindowNs, {10 * kSecond, 2 * kSecond}, {5 * kSecond, kSecond}, {2 * kSecond, 500 * kMs}}};

bool is_directory(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

// How a flight recorder's past is replayed: that of --replay DIR, or of this host.
PublisherSettings past_settings(const Options& options) {
  PublisherSettings settings = publisher_settings(options);
  if (!is_directory(options.replay)) settings.replay = options.flight_dir;
  settings.use = PublisherSettings::Use::kScreen;
  settings.follow = settings.loop = false;
  return settings;
}

class Session {
 public:
  Session(const Options& options, const Settings& settings, std::string settings_path, Publisher& publisher,
          Terminal& terminal)
      : terminal_(terminal),
        shown_(publisher, past_settings(options)),
        settings_(settings),
        state_(settings_.view),
        settings_path_(std::move(settings_path)),
        speed_(options.speed.empty() ? "1" : options.speed),
        loops_(options.loop),
        has_day_times_(!publisher.replay || is_directory(options.replay)),
        pcpu_(options.pcpu) {
    state_.unicode = terminal.unicode();
    shown_.source().select(pcpu_);
    set_windows(settings_.windows_ns);
  }

  void say(std::string notice) { notice_ = std::move(notice); }

  Status run() {
    take_new_data();
    const auto patience = steady_clock::now() + kPatience;
    auto due = steady_clock::now();
    while (!stop_requested()) {
      show();
      const auto now = steady_clock::now();
      if (now >= due) {
        const bool soon = model_.domains.empty() && now < patience;
        due = now + (going() ? std::chrono::nanoseconds(kLookWhileGoing)
                     : soon  ? std::chrono::nanoseconds(kRefreshWhileEmpty)
                             : refresh());
      }
      const Press press = terminal_.wait(due - now);
      if (press.key == Key::kGone || (press.key == Key::kQuit && !help_ && !typed_ && !sort_menu_))
        return ok();
      if (press.key != Key::kNone) obey(press, due);
      if (steady_clock::now() >= due) take_new_data();
      if (Status exists = shown_.source().check_selected(); !exists) return exists;
    }
    return ok();
  }

 private:
  enum class Typing { kSearch, kFilter, kTime };

  bool going() const {
    return shown_.publisher().replay && shown_.publisher().replay->state() == ReplayControl::State::kGoing;
  }

  std::chrono::nanoseconds refresh() const { return std::chrono::nanoseconds(settings_.refresh_ns); }

  void take_new_data() {
    shown_.source().follow();
    build();
  }

  void build() { model_ = shown_.source().model(state_); }

  void show() {
    const int width = terminal_.width();
    const int height = terminal_.height();
    if (help_) {
      *help_ = std::min(*help_, last_help_line(width, height));
      terminal_.draw(render_help(width, height, *help_));
      return;
    }
    model_.notice = notice_;
    Scene scene(model_, state_, shown_.source().trend(), nullptr, typed_ ? typed_->shown() : "");
    const ScrollLimits limits = scroll_limits(scene, width, height);
    page_ = limits.page;
    keep_visible(state_, scene, limits);
    shown_.source().complete(model_, state_, scene.lines, limits.page);
    const SelectedModel selected = shown_.source().selected(model_, state_, scene.lines);
    scene.selected = &selected;
    Grid grid = render(scene, width, height);
    if (sort_menu_) sort_menu_->paint(grid);
    terminal_.draw(grid);
  }

  void set_windows(const WindowLengths& windows) {
    settings_.windows_ns = windows;
    shown_.source().set_windows(windows);
  }

  void next_windows() {
    const auto found = std::find(kWindowChoices.begin(), kWindowChoices.end(), settings_.windows_ns);
    const auto next =
        found == kWindowChoices.end() ? 0 : (found - kWindowChoices.begin() + 1) % kWindowChoices.size();
    set_paused(false);
    set_windows(kWindowChoices[static_cast<std::size_t>(next)]);
    notice_ = "windows of " + window_text(settings_.windows_ns[kLongWindow]) + " and " +
              window_text(settings_.windows_ns[kShortWindow]);
    build();
  }

  void change_refresh(bool slower, steady_clock::time_point& due) {
    const auto last = kRefreshes.size() - 1;
    auto at = static_cast<std::size_t>(
        std::lower_bound(kRefreshes.begin(), kRefreshes.end(), settings_.refresh_ns) - kRefreshes.begin());
    at = slower ? std::min(at + 1, last) : std::min(at, last) - (at > 0 ? 1 : 0);
    settings_.refresh_ns = kRefreshes[at];
    due = std::min(due, steady_clock::now() + refresh());
    notice_ = "refreshed every " + window_text(settings_.refresh_ns);
  }

  void switch_to(std::optional<std::uint32_t> pcpu) {
    if (pcpu == pcpu_) return;
    pcpu_ = pcpu;
    state_.position().row = 0;
    shown_.source().select(pcpu_);
    build();
  }

  void set_paused(bool paused) {
    shown_.source().hold(paused);
    build();
  }

  void switch_view(View view) {
    if (view == state_.view) return;
    state_.view = view;
    build();
  }

  void save() {
    settings_.view = state_;
    const Status status = save_settings(settings_path_, settings_);
    notice_ = status ? "settings saved in " + settings_path_ : status.error().message;
  }

  void ask(Typing what) {
    typing_ = what;
    filter_before_ = state_.filter;
    typed_.emplace(what == Typing::kSearch   ? "Search for (name or id): "
                   : what == Typing::kFilter ? "Show only (name or id): "
                   : has_day_times_          ? "Go to (03:10:30, now): "
                                             : "Go to (12.5, 1:30, end): ");
  }

  void tell(const Status& status) {
    if (!status) notice_ = status.error().message;
  }

  // For a live host, pausing freezes the screen; a recording itself can wait.
  void pause() {
    if (!shown_.publisher().replay) return set_paused(!shown_.source().held());
    ReplayControl& replay = *shown_.publisher().replay;
    tell(replay.state() == ReplayControl::State::kPlaying ? replay.hold() : replay.play(speed_));
  }

  static constexpr const char* kNoWayBack = "a recording from a pipe cannot be played again";

  void step(std::int64_t ns) {
    if (ns < 0 && !shown_.publisher().replay_goes_back) {
      notice_ = kNoWayBack;
    } else if (shown_.publisher().replay) {
      tell(shown_.publisher().replay->step(ns, shown_.source().position_ns()));
    } else {
      notice_ = "only a recording played with --replay FILE can be stepped through";
    }
  }

  // What was chosen for the screen holds for what it shows now.
  void show_other_time() {
    shown_.source().set_windows(settings_.windows_ns);
    shown_.source().select(pcpu_);
    state_.position().row = 0;
    take_new_data();
  }

  // To the past by a flight recorder, and back. False: it is no such time.
  bool go_to_day_time(const std::string& text) {
    if (text == "now") {
      if (!shown_.is_past()) return false;
      shown_.go_to_now();
      show_other_time();
      return true;
    }
    if (!parse_day_time(text)) return false;
    const Status gone = shown_.go_to(text);
    if (!gone) {
      tell(gone);
      return true;
    }
    show_other_time();
    notice_ = "from the flight recorder, at " + text + "; g and \"now\" go back";
    return true;
  }

  void go_to(const std::string& text) {
    if (has_day_times_ && go_to_day_time(text)) return;
    if (!shown_.publisher().replay) {
      notice_ = text == "now" ? "this is now" : "not a time of day: " + printable(text);
      return;
    }
    const auto time = parse_trace_time(text);
    if (time && *time == kTraceEnd && loops_) {
      notice_ = "a recording in a loop has no end";
    } else if (time && *time < shown_.source().position_ns() && !shown_.publisher().replay_goes_back) {
      notice_ = kNoWayBack;
    } else if (time) {
      tell(shown_.publisher().replay->to(*time));
    } else {
      notice_ = "not a time in a recording: " + printable(text);
    }
  }

  void type(const Press& press) {
    const TypedLine::Outcome outcome = typed_->take(press);
    const std::string text = typed_->text();
    if (typing_ == Typing::kTime) {
      if (outcome == TypedLine::Outcome::kDone && !text.empty()) go_to(text);
    } else if (typing_ == Typing::kFilter) {
      state_.filter = outcome == TypedLine::Outcome::kGivenUp ? filter_before_ : text;
    } else if (outcome == TypedLine::Outcome::kDone) {
      // An empty line repeats the last search, from the next domain on.
      const bool again = text.empty();
      if (!again) pattern_ = text;
      if (!pattern_.empty() && !go_to_domain(pattern_, again, state_, model_))
        notice_ = "no domain matches " + pattern_;
    } else if (!text.empty()) {
      go_to_domain(text, false, state_, model_);
    }
    if (outcome != TypedLine::Outcome::kGoesOn) typed_.reset();
  }

  void read_help(Key key) {
    const bool scrolls = last_help_line(terminal_.width(), terminal_.height()) > 0;
    if (!scrolls && key != Key::kRedraw) return help_.reset();
    switch (key) {
      case Key::kRedraw:
        break;
      case Key::kUp:
        *help_ -= std::min<std::size_t>(*help_, 1);
        break;
      case Key::kDown:
      case Key::kPageDown:
        *help_ += key == Key::kDown ? 1 : page_;
        break;
      case Key::kPageUp:
        *help_ -= std::min(*help_, page_);
        break;
      default:
        help_.reset();
    }
  }

  void obey(const Press& press, steady_clock::time_point& due) {
    if (help_) return read_help(press.key);
    if (press.key == Key::kRedraw) return;
    notice_.clear();
    if (typed_) {
      type(press);
    } else if (sort_menu_) {
      if (!sort_menu_->take(press.key, state_)) sort_menu_.reset();
      build(); // it may be sorted by something that the model does not have
    } else {
      handle_key(press, due);
    }
    if (going()) due = steady_clock::now();
  }

  static bool sorts_again(Key key) {
    return key == Key::kSortNext || key == Key::kSortPrevious || key == Key::kSpan;
  }

  // Says what a key did if it has no visible effect.
  void answer(Key key) {
    if (key == Key::kOther) notice_ = "this key has no meaning here; ? lists all keys";
    if (key == Key::kBasis)
      notice_ =
          state_.basis == Basis::kPcpu ? "percent of one CPU's time" : "percent of the domain's vCPUs' time";
    if (key != Key::kSpan) return;
    if (state_.view == View::kLatency) {
      notice_ = state_.latency_since_start
                    ? "since xenbaked started"
                    : "recent, up to " + window_text(settings_.windows_ns[kLongWindow]);
    } else {
      notice_ = "tables are of the last " + window_text(settings_.windows_ns[index_of(state_.window)]);
    }
  }

  void handle_key(const Press& press, steady_clock::time_point& due) {
    switch (press.key) {
      case Key::kHelp:
        help_ = 0;
        break;
      case Key::kPause:
        pause();
        break;
      case Key::kBack:
      case Key::kForward:
        step(press.key == Key::kBack ? -kStepNs : kStepNs);
        break;
      case Key::kFarBack:
      case Key::kFarForward:
        step(press.key == Key::kFarBack ? -kFarStepNs : kFarStepNs);
        break;
      case Key::kGoTo:
        ask(Typing::kTime);
        break;
      case Key::kDomains:
        switch_view(View::kDomains);
        break;
      case Key::kVcpus:
        switch_view(View::kVcpus);
        break;
      case Key::kPcpus:
        switch_view(View::kPcpus);
        break;
      case Key::kLatency:
        switch_view(View::kLatency);
        break;
      case Key::kHost:
        switch_view(View::kHost);
        break;
      case Key::kDiagnosis:
        switch_view(View::kDiagnosis);
        break;
      case Key::kNextView:
        switch_view(static_cast<View>((static_cast<std::size_t>(state_.view) + 1) % kViews));
        break;
      case Key::kNext:
        switch_to(next_pcpu(shown_.source().pcpus(), pcpu_));
        break;
      case Key::kPrevious:
        switch_to(previous_pcpu(shown_.source().pcpus(), pcpu_));
        break;
      case Key::kSearch:
        ask(Typing::kSearch);
        break;
      case Key::kFilter:
        ask(Typing::kFilter);
        break;
      case Key::kSortMenu:
        if (has_domains(state_.view)) sort_menu_.emplace(state_);
        break;
      case Key::kWindowLengths:
        next_windows();
        break;
      case Key::kFaster:
      case Key::kSlower:
        change_refresh(press.key == Key::kSlower, due);
        break;
      case Key::kSave:
        save();
        break;
      default:
        handle_view_key(press.key, state_, model_, page_);
        if (sorts_again(press.key)) build(); // as above
        answer(press.key);
    }
  }

  Terminal& terminal_;
  ShownTime shown_;
  Settings settings_;
  ViewState state_;
  std::string settings_path_;
  std::string speed_;  // of a recording that is being played
  bool loops_;         // it is played in a loop
  bool has_day_times_; // a flight recorder may have what is asked for
  std::optional<std::uint32_t> pcpu_;
  ScreenModel model_;
  std::size_t page_ = 1;
  std::optional<std::size_t> help_; // its first line
  std::optional<TypedLine> typed_;
  std::optional<SortMenu> sort_menu_;
  Typing typing_ = Typing::kSearch;
  std::string pattern_;       // of the last search
  std::string filter_before_; // the filter before the one that is being typed
  std::string notice_;        // until the next key
};

// Command-line options override the settings file.
void apply(const Options& options, Settings& settings) {
  for (const Metric metric : kDomainRows) {
    if (options.rows_given.contains(metric)) settings.view.rows.set(metric, options.rows.contains(metric));
  }
}

} // namespace

Status run_screen(const Options& options, Publisher& publisher) {
  Settings settings;
  const std::string path = settings_path([](const char* name) { return std::getenv(name); });
  const Status loaded = path.empty() ? ok() : load_settings(path, settings);
  apply(options, settings);
  auto terminal = Terminal::open(wanted_palette(options.no_color, std::getenv("NO_COLOR")));
  if (!terminal) return terminal.error();
  Session session(options, settings, path, publisher, *terminal);
  if (!loaded) session.say(loaded.error().message);
  return session.run();
}

} // namespace xenmon
