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
#include "model/arrange.h"
#include "model/model_builder.h"
#include "model/screen_source.h"
#include "process/signals.h"
#include "run/front_end.h"
#include "run/shown_hosts.h"
#include "run/wait_timeline.h"
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
  Session(const Options& options, const Settings& settings, std::string settings_path, ShownHosts& hosts,
          Terminal& terminal)
      : terminal_(terminal),
        hosts_(hosts),
        settings_(settings),
        state_(settings_.view),
        settings_path_(std::move(settings_path)),
        speed_(options.speed.empty() ? "1" : options.speed),
        loops_(options.loop),
        is_far_(!options.hosts.empty()),
        has_day_times_(!is_far_ && (!hosts.shown().publisher().replay || is_directory(options.replay))),
        replay_(options.replay),
        flight_dir_(past_settings(options).replay),
        xenbaked_(options.xenbaked),
        cpu_khz_(options.cpu_khz),
        pcpu_(options.pcpu) {
    state_.unicode = terminal.unicode();
    shown().source().select(pcpu_);
    set_windows(settings_.windows_ns);
    if (hosts_.are_several()) {
      state_.view = View::kHosts;
    } else if (state_.view == View::kHosts) { // as saved when there were several
      state_.view = View::kDomains;
    }
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
        due = now + (going() || timeline_.runs() ? std::chrono::nanoseconds(kLookWhileGoing)
                     : soon                      ? std::chrono::nanoseconds(kRefreshWhileEmpty)
                                                 : refresh());
      }
      const Press press = terminal_.wait(due - now);
      if (press.key == Key::kGone || (press.key == Key::kQuit && !help_ && !typed_ && !sort_menu_))
        return ok();
      if (press.key != Key::kNone) obey(press, due);
      if (steady_clock::now() >= due) take_new_data();
      if (std::optional<std::string> outcome = timeline_.take_outcome()) notice_ = std::move(*outcome);
      if (Status exists = shown().source().check_selected(); !exists) return exists;
    }
    return ok();
  }

 private:
  enum class Typing { kSearch, kFilter, kTime };

  ShownTime& shown() { return hosts_.shown(); }
  const ShownTime& shown() const { return hosts_.shown(); }

  bool going() const {
    return shown().publisher().replay && shown().publisher().replay->state() == ReplayControl::State::kGoing;
  }

  std::chrono::nanoseconds refresh() const { return std::chrono::nanoseconds(settings_.refresh_ns); }

  void take_new_data() {
    hosts_.follow();
    build();
  }

  void build() {
    if (state_.view == View::kHosts) {
      model_ = hosts_.model();
      return;
    }
    model_ = shown().source().model(state_);
    model_.several_hosts = hosts_.are_several();
    model_.host_name = hosts_.name();
    // The mirror knows why there is no region, and the path says nothing to anybody.
    if (const std::string trouble = hosts_.trouble(); !trouble.empty())
      model_.health = model_.health_brief = trouble;
  }

  void show() {
    const int width = terminal_.width();
    const int height = terminal_.height();
    if (help_) {
      *help_ = std::min(*help_, last_help_line(width, height));
      terminal_.draw(render_help(width, height, *help_));
      return;
    }
    model_.notice = notice_;
    Scene scene(model_, state_, shown().source().trend(), nullptr, typed_ ? typed_->shown() : "");
    const ScrollLimits limits = scroll_limits(scene, width, height);
    page_ = limits.page;
    keep_visible(state_, scene, limits);
    shown().source().complete(model_, state_, scene.lines, limits.page);
    const SelectedModel selected = shown().source().selected(model_, state_, scene.lines);
    scene.selected = &selected;
    Grid grid = render(scene, width, height);
    if (sort_menu_) sort_menu_->paint(grid);
    terminal_.draw(grid);
  }

  void set_windows(const WindowLengths& windows) {
    settings_.windows_ns = windows;
    hosts_.set_windows(windows);
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
    shown().source().select(pcpu_);
    build();
  }

  void set_paused(bool paused) {
    hosts_.hold(paused);
    build();
  }

  void switch_view(View view) {
    if (view == state_.view) return;
    if (view == View::kHosts) {
      if (!hosts_.are_several()) {
        notice_ = "there is one host; give --host or --connect several times for a view of hosts";
        return;
      }
      switch_to(std::nullopt);
      view_of_host_ = state_.view;
    } else if (state_.view == View::kHosts && !enter_host()) {
      return;
    }
    state_.view = view;
    build();
  }

  // What was chosen on one host means nothing on another.
  bool enter_host() {
    const std::vector<TableLine> lines = table_lines(model_, state_);
    if (lines.empty()) {
      notice_ = "no host matches the filter; Escape clears it";
      return false;
    }
    const std::size_t host = lines[selected_position(lines, state_)].parent;
    state_.selected_host = LineId{host, {}};
    if (host == hosts_.at()) return true;
    hosts_.show(host);
    state_.selected_domain.reset();
    state_.selected_pcpu.reset();
    state_.folded_domains.clear();
    state_.folded_pcpus.clear();
    const ScrollPosition of_hosts = state_.position();
    state_.scroll = {};
    state_.position() = of_hosts;
    return true;
  }

  void next_view() {
    const std::size_t views = kViews - (hosts_.are_several() ? 0 : 1);
    switch_view(static_cast<View>((static_cast<std::size_t>(state_.view) + 1) % views));
  }

  void save() {
    settings_.view = state_;
    const Status status = save_settings(settings_path_, settings_);
    notice_ = status ? "settings saved in " + settings_path_ : status.error().message;
  }

  void ask(Typing what) {
    typing_ = what;
    filter_before_ = state_.shown_filter();
    const std::string of = state_.view == View::kHosts ? "(name): " : "(name or id): ";
    typed_.emplace(what == Typing::kSearch   ? "Search for " + of
                   : what == Typing::kFilter ? "Show only " + of
                   : has_day_times_          ? "Go to (03:10:30, now): "
                                             : "Go to (12.5, 1:30, end): ");
  }

  void tell(const Status& status) {
    if (!status) notice_ = status.error().message;
  }

  // For a live host, pausing freezes the screen; a recording itself can wait.
  void pause() {
    if (!shown().publisher().replay) return set_paused(!shown().source().held());
    ReplayControl& replay = *shown().publisher().replay;
    tell(replay.state() == ReplayControl::State::kPlaying ? replay.hold() : replay.play(speed_));
  }

  static constexpr const char* kNoWayBack = "a recording from a pipe cannot be played again";

  void step(std::int64_t ns) {
    if (ns < 0 && !shown().publisher().replay_goes_back) {
      notice_ = kNoWayBack;
    } else if (shown().publisher().replay) {
      tell(shown().publisher().replay->step(ns, shown().source().position_ns()));
    } else {
      notice_ = "only a recording played with --replay FILE can be stepped through";
    }
  }

  // What was chosen for the screen holds for what it shows now.
  void show_other_time() {
    shown().source().set_windows(settings_.windows_ns);
    shown().source().select(pcpu_);
    state_.position().row = 0;
    take_new_data();
  }

  // To the past by a flight recorder, and back. False: it is no such time.
  bool go_to_day_time(const std::string& text) {
    if (text == "now") {
      if (!shown().is_past()) return false;
      shown().go_to_now();
      show_other_time();
      return true;
    }
    if (!parse_day_time(text)) return false;
    const Status gone = shown().go_to(text);
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
    if (!shown().publisher().replay) {
      notice_ = text == "now" ? "this is now"
                : is_far_     ? "the past of another host is shown by the xenmon there"
                              : "not a time of day: " + printable(text);
      return;
    }
    const auto time = parse_trace_time(text);
    if (time && *time == kTraceEnd && loops_) {
      notice_ = "a recording in a loop has no end";
    } else if (time && *time < shown().source().position_ns() && !shown().publisher().replay_goes_back) {
      notice_ = kNoWayBack;
    } else if (time) {
      tell(shown().publisher().replay->to(*time));
    } else {
      notice_ = "not a time in a recording: " + printable(text);
    }
  }

  // Where the records of what is shown are; an Error that says why nowhere.
  Result<KeptRecords> kept_records() {
    if (is_far_) return Error{"the records are on the other host: make the timeline there"};
    KeptRecords records;
    records.cpu_khz = cpu_khz_;
    records.wall_epoch_ns = shown().source().wall_epoch_ns();
    records.recording = shown().publisher().replay && !shown().is_past() ? replay_ : flight_dir_;
    if (records.recording == "-") return Error{"a recording from a pipe cannot be read again"};
    if (loops_) return Error{"in a loop every time comes again: leave out --loop for a timeline"};
    records.is_directory = is_directory(records.recording);
    if (!shown().publisher().replay && !records.is_directory)
      return Error{"no records are kept: start xenbaked with --flight 10m for a timeline"};
    return records;
  }

  // Of the longest wait of the line that is selected.
  void make_timeline() {
    if (state_.view != View::kLatency) {
      notice_ = "T is for the view of latency: the longest wait of the line that is selected there";
      return;
    }
    const std::vector<TableLine> lines = table_lines(model_, state_);
    const RivalSums waits = shown().source().selected(model_, state_, lines).contenders;
    if (waits.longest_end_ns == 0) {
      notice_ = "this line has had no long wait recently";
      return;
    }
    const Result<KeptRecords> records = kept_records();
    if (!records) return tell(records.error());
    const TableLine& line = lines[selected_position(lines, state_)];
    WaitToShow wait{"d" + std::to_string(model_.domains[line.parent].domid), waits.longest_start_ns,
                    waits.longest_end_ns};
    if (line.id.child) wait.of += "v" + std::to_string(*line.id.child);
    if (const Status started = timeline_.start(xenbaked_, *records, wait); !started) return tell(started);
    notice_ = "a timeline of this line's longest wait is being made";
  }

  void type(const Press& press) {
    const TypedLine::Outcome outcome = typed_->take(press);
    const std::string text = typed_->text();
    if (typing_ == Typing::kTime) {
      if (outcome == TypedLine::Outcome::kDone && !text.empty()) go_to(text);
    } else if (typing_ == Typing::kFilter) {
      state_.shown_filter() = outcome == TypedLine::Outcome::kGivenUp ? filter_before_ : text;
    } else if (outcome == TypedLine::Outcome::kDone) {
      // An empty line repeats the last search, from the next domain on.
      const bool again = text.empty();
      if (!again) pattern_ = text;
      if (!pattern_.empty() && !go_to_domain(pattern_, again, state_, model_))
        notice_ = (state_.view == View::kHosts ? "no host matches " : "no domain matches ") + pattern_;
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
    if (going() || timeline_.runs()) due = steady_clock::now();
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
    if (state_.view == View::kHosts) {
      if (press.key == Key::kFold) return switch_view(view_of_host_);
      if (is_for_one_host(press.key)) {
        notice_ = "this key is for the views of one host; Enter shows the selected one";
        return;
      }
    }
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
      case Key::kTimeline:
        make_timeline();
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
      case Key::kHosts:
        switch_view(View::kHosts);
        break;
      case Key::kNextView:
        next_view();
        break;
      case Key::kNext:
        switch_to(next_pcpu(shown().source().pcpus(), pcpu_));
        break;
      case Key::kPrevious:
        switch_to(previous_pcpu(shown().source().pcpus(), pcpu_));
        break;
      case Key::kSearch:
        ask(Typing::kSearch);
        break;
      case Key::kFilter:
        ask(Typing::kFilter);
        break;
      case Key::kSortMenu:
        if (state_.view != View::kHost) sort_menu_.emplace(state_);
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
  ShownHosts& hosts_;
  Settings settings_;
  ViewState state_;
  std::string settings_path_;
  std::string speed_;  // of a recording that is being played
  bool loops_;         // it is played in a loop
  bool is_far_;        // what is shown is of another host
  bool has_day_times_; // a flight recorder may have what is asked for
  std::string replay_;
  std::string flight_dir_; // where records are that are not of replay_
  std::string xenbaked_;
  std::optional<std::uint64_t> cpu_khz_;
  std::optional<std::uint32_t> pcpu_;
  WaitTimeline timeline_; // that is being made
  ScreenModel model_;
  std::size_t page_ = 1;
  View view_of_host_ = View::kDomains; // where Enter leads from the view of hosts
  std::optional<std::size_t> help_;    // its first line
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

namespace {

Status show(const Options& options, ShownHosts& hosts) {
  Settings settings;
  const std::string path = settings_path([](const char* name) { return std::getenv(name); });
  const Status loaded = path.empty() ? ok() : load_settings(path, settings);
  apply(options, settings);
  auto terminal = Terminal::open(wanted_palette(options.no_color, std::getenv("NO_COLOR")));
  if (!terminal) return terminal.error();
  Session session(options, settings, path, hosts, *terminal);
  if (!loaded) session.say(loaded.error().message);
  return session.run();
}

} // namespace

Status run_screen(const Options& options, Publisher& publisher) {
  ShownHosts hosts(publisher, past_settings(options));
  return show(options, hosts);
}

Status run_screen_of_hosts(const Options& options) {
  Result<ShownHosts> hosts = ShownHosts::several(options.hosts);
  return hosts ? show(options, *hosts) : Status(hosts.error());
}

} // namespace xenmon
