// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <clocale>
#include <cstdlib>
#include <cwchar>
#include <optional>
#include <string>

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <langinfo.h>
#include <term.h>
// Short macros of curses that would clash with our names and the standard library's.
#undef lines
#undef columns
#undef timeout

#include "process/signals.h"
#include "screen/terminal_rescue.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr int kEscapeDelayMs = 25; // until an Escape is no longer taken for the start of a key
constexpr int kEmptyReadsAllowed = 3;
constexpr int kEscape = 0x1b;
constexpr int kControlL = 'L' - '@';

bool takes_output() {
  pollfd out = {STDOUT_FILENO, POLLOUT, 0};
  return poll(&out, 1, 0) > 0 && (out.revents & POLLOUT) != 0;
}

constexpr int kColours = 8;

short pair_of(int colour) {
  return static_cast<short>(colour + 1);
}

attr_t curses_attributes(std::uint8_t attributes) {
  attr_t result = A_NORMAL;
  if ((attributes & kBold) != 0) result |= A_BOLD;
  if ((attributes & kStandout) != 0) result |= A_STANDOUT;
  if ((attributes & kDim) != 0) result |= A_DIM;
  return result;
}

std::string terminal_type() {
  const char* type = std::getenv("TERM");
  return type == nullptr ? std::string() : std::string(type);
}

Error unusable(const std::string& type) {
  return Error{"the terminal type \"" + printable(type) +
               "\" (TERM) is unknown or cannot place the cursor; set TERM to the terminal's real type, or "
               "use -n to write log files."};
}

struct Binding {
  int code; // as from getch()
  Key key;
};
constexpr Binding kBindings[] = {
    {'q', Key::kQuit},
    {'Q', Key::kQuit},
    {KEY_F(10), Key::kQuit},
    {'?', Key::kHelp},
    {'h', Key::kHelp},
    {'H', Key::kHelp},
    {KEY_F(1), Key::kHelp},
    {'1', Key::kDomains},
    {'2', Key::kVcpus},
    {'3', Key::kPcpus},
    {'4', Key::kLatency},
    {'5', Key::kHost},
    {'6', Key::kHosts},
    {'\t', Key::kNextView},
    {KEY_F(2), Key::kNextView},
    {'c', Key::kNext},
    {'n', Key::kNext},
    {KEY_F(7), Key::kNext},
    {'p', Key::kPrevious},
    {' ', Key::kPause},
    {KEY_F(9), Key::kPause},
    {'a', Key::kAllocated},
    {'b', Key::kBlocked},
    {'w', Key::kWaited},
    {'e', Key::kExecutions},
    {'i', Key::kIo},
    {'s', Key::kSortNext},
    {'>', Key::kSortNext},
    {KEY_F(6), Key::kSortMenu},
    {'<', Key::kSortPrevious},
    {'r', Key::kReverse},
    {'/', Key::kSearch},
    {KEY_F(3), Key::kSearch},
    {'f', Key::kFilter},
    {KEY_F(4), Key::kFilter},
    {kEscape, Key::kClear},
    {'%', Key::kBasis},
    {KEY_F(5), Key::kBasis},
    {'t', Key::kSpan},
    {'W', Key::kWindowLengths},
    {KEY_F(8), Key::kWindowLengths},
    {'-', Key::kFaster},
    {'+', Key::kSlower},
    {'\n', Key::kFold},
    {'\r', Key::kFold},
    {KEY_ENTER, Key::kFold},
    {'*', Key::kFoldAll},
    {'S', Key::kSave},
    {'[', Key::kBack},
    {']', Key::kForward},
    {'{', Key::kFarBack},
    {'}', Key::kFarForward},
    {'g', Key::kGoTo},
    {'T', Key::kTimeline},
    {KEY_UP, Key::kUp},
    {KEY_DOWN, Key::kDown},
    {KEY_LEFT, Key::kLeft},
    {KEY_RIGHT, Key::kRight},
    {KEY_PPAGE, Key::kPageUp},
    {KEY_NPAGE, Key::kPageDown},
    {KEY_HOME, Key::kHome},
    {KEY_END, Key::kEnd},
    {kControlL, Key::kRedraw},
    {KEY_BACKSPACE, Key::kErase},
    {0x7f, Key::kErase},
    {'\b', Key::kErase},
    {ERR, Key::kNone},
};

Press meaning(int pressed) {
  Press press{Key::kOther};
  for (const Binding& binding : kBindings) {
    if (binding.code == pressed) press.key = binding.key;
  }
  // Bytes of UTF-8 arrive one at a time; the caller that asked for typed text puts them together.
  if (pressed >= 0x20 && pressed <= 0xff && pressed != 0x7f) press.character = static_cast<char32_t>(pressed);
  return press;
}

// A character that the C library measures differently would shift what follows it.
std::array<wchar_t, kMarksOfALetter + 2> on_terminal(const Cell& cell, bool utf8) {
  std::array<wchar_t, kMarksOfALetter + 2> text{};
  const auto letter = static_cast<wchar_t>(cell.character);
  const bool shown = cell.character < 0x80 || (utf8 && wcwidth(letter) == columns_of(cell.character));
  text[0] = shown ? letter : L'?';
  std::size_t end = 1;
  for (const char32_t mark : cell.marks) {
    if (shown && mark != 0) text[end++] = static_cast<wchar_t>(mark);
  }
  return text;
}

} // namespace

struct Terminal::State {
  SCREEN* screen = nullptr;
  bool utf8 = false;
  Palette palette = Palette::kMonochrome;
  int empty_reads = 0;       // in a row: readable, and yet nothing to read
  std::optional<Grid> drawn; // what curses has; none: nothing that counts

  ~State() {
    if (screen == nullptr) return;
    // A terminal stopped with Ctrl-S would block us for ever.
    if (!takes_output()) unblock_terminal();
    endwin();
    disarm_terminal_rescue();
    delscreen(screen);
  }
};

Terminal::Terminal(std::unique_ptr<State> state) : state_(std::move(state)) {}
Terminal::Terminal(Terminal&&) noexcept = default;
Terminal::~Terminal() = default;

Status Terminal::check() {
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
    return Error{"the screen needs a terminal as standard input and output; use -n to write log files."};
  }
  const std::string type = terminal_type();
  if (type.empty()) {
    return Error{
        "the environment variable TERM is not set, so the terminal's type is not known; set it, "
        "or use -n to write log files."};
  }
  // newterm() takes an unknown terminal for a generic one, on which the cursor cannot be placed.
  int found = 0;
  const bool known = setupterm(type.c_str(), STDOUT_FILENO, &found) == OK;
  const bool usable = known && cursor_address != nullptr;
  if (known) del_curterm(cur_term);
  return usable ? ok() : Status(unusable(type));
}

Result<Terminal> Terminal::open(Palette palette) {
  const Status status = check();
  if (!status) return status.error();
  std::setlocale(LC_CTYPE, "");
  auto state = std::make_unique<State>();
  state->utf8 = std::string(nl_langinfo(CODESET)) == "UTF-8";
  const std::string type = terminal_type();
  termios before = {};
  const bool known = read_terminal_modes(before);
  state->screen = newterm(type.c_str(), stdout, stdin);
  if (state->screen == nullptr) return unusable(type);
  set_term(state->screen);
  if (known) arm_terminal_rescue(before);
  if (palette == Palette::kColours && has_colors() && start_color() == OK && COLORS >= kColours &&
      use_default_colors() == OK) {
    for (short colour = 0; colour < kColours; ++colour) init_pair(pair_of(colour), colour, -1);
    state->palette = Palette::kColours;
  }
  cbreak();
  noecho();
  nonl();
  keypad(stdscr, TRUE);
  nodelay(stdscr, TRUE);
  set_escdelay(kEscapeDelayMs);
  curs_set(0);
  return Terminal(std::move(state));
}

bool Terminal::unicode() const {
  return state_->utf8;
}

int Terminal::width() const {
  return getmaxx(stdscr);
}
int Terminal::height() const {
  return getmaxy(stdscr);
}

void Terminal::draw(const Grid& grid) {
  if (!takes_output()) return;
  const Grid* before = state_->drawn ? &*state_->drawn : nullptr;
  if (before != nullptr && (before->width() != grid.width() || before->height() != grid.height()))
    before = nullptr;
  if (before == nullptr) erase();
  for (int row = 0; row < grid.height(); ++row) {
    for (int column = 0; column < grid.width(); ++column) {
      const Cell& cell = grid.at(row, column);
      if (cell == (before == nullptr ? Cell{} : before->at(row, column))) continue;
      if (cell.character == kTail) continue; // drawn with its other half
      const std::array<wchar_t, kMarksOfALetter + 2> text = on_terminal(cell, state_->utf8);
      cchar_t character;
      const Ink ink = ink_for(cell.style, state_->palette);
      setcchar(&character, text.data(), curses_attributes(ink.attributes),
               ink.colour == Ink::kTerminalsOwn ? short{0} : pair_of(ink.colour), nullptr);
      // Writing the last cell cannot move the cursor on and reports an error; it is drawn all the same.
      mvadd_wch(row, column, &character);
    }
  }
  refresh();
  state_->drawn = grid;
}

Press Terminal::wait(std::chrono::nanoseconds timeout) {
  // What curses has read already does not show on the descriptor.
  int pressed = getch();
  if (pressed == ERR) {
    switch (wait_for_input(STDIN_FILENO, timeout)) {
      case Input::kGone:
        return {Key::kGone};
      case Input::kReady:
        pressed = getch();
        // Readable and empty means end of input, except for an occasional half of an escape sequence.
        state_->empty_reads = pressed == ERR ? state_->empty_reads + 1 : 0;
        if (state_->empty_reads > kEmptyReadsAllowed) return {Key::kGone};
        break;
      case Input::kNone:
        break;
    }
  }
  if (take_resize()) {
    winsize size = {};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
      // Not resizeterm(), which would make getch() report what we know already.
      resize_term(size.ws_row, size.ws_col);
    }
    state_->drawn.reset(); // the contents that curses holds have been cut or filled up
    clearok(curscr, TRUE);
    return {Key::kRedraw};
  }
  if (pressed == kControlL) clearok(curscr, TRUE);
  return meaning(pressed);
}

} // namespace xenmon
