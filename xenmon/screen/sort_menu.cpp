// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen/sort_menu.h"

#include <algorithm>

#include "model/view_metrics.h"

namespace xenmon {
namespace {

constexpr int kTop = 1;
constexpr int kLeft = 2;
constexpr int kBorderRows = 2; // what the list is, above it; what keys do, below it
constexpr const char* kHeading = "Sort by";
constexpr const char* kKeys = "Enter: accept  Esc: cancel";

std::string label(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  // As in the view's headings.
  return text.starts_with("wake ") ? "woken " + text.substr(5) : text;
}

std::string padded(const std::string& text, std::size_t width) {
  return " " + text + std::string(width - text.size() + 1, ' ');
}

} // namespace

SortMenu::SortMenu(const ViewState& state) : before_(state.sort()) {
  for (const std::string& name : sort_names(state.view)) lines_.push_back(label(name));
  at_ = std::min(before_.key, lines_.size() - 1);
}

bool SortMenu::take(Key key, ViewState& state) {
  const std::size_t last = lines_.size() - 1;
  switch (key) {
    case Key::kUp:
      at_ -= std::min<std::size_t>(at_, 1);
      break;
    case Key::kDown:
      at_ = std::min(at_ + 1, last);
      break;
    case Key::kHome:
    case Key::kPageUp:
      at_ = 0;
      break;
    case Key::kEnd:
    case Key::kPageDown:
      at_ = last;
      break;
    case Key::kReverse:
      state.sort().reversed = !state.sort().reversed;
      return true;
    case Key::kClear:
      state.sort() = before_;
      return false;
    default:
      return false;
  }
  state.sort() = {at_, false};
  return true;
}

void SortMenu::paint(Grid& grid) const {
  std::size_t width = std::string(kKeys).size();
  for (const std::string& line : lines_) width = std::max(width, line.size());
  const auto rows = static_cast<std::size_t>(std::max(1, grid.height() - kTop - kBorderRows));
  const std::size_t first = at_ < rows ? 0 : at_ - rows + 1;
  const std::size_t end = std::min(lines_.size(), first + rows);
  int y = kTop;
  grid.put(y++, kLeft, padded(kHeading, width), {kBold, Role::kKey});
  for (std::size_t i = first; i < end; ++i)
    grid.put(y++, kLeft, padded(lines_[i], width), i == at_ ? kStandout : kPlain);
  grid.put(y, kLeft, padded(kKeys, width), {kBold, Role::kKey});
}

} // namespace xenmon
