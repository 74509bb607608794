// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen/ink.h"

namespace xenmon {
namespace {

constexpr std::int8_t kRed = 1, kGreen = 2, kYellow = 3, kBlue = 4, kCyan = 6;

std::int8_t colour_of(Role role) {
  switch (role) {
    case Role::kText:
      return Ink::kTerminalsOwn;
    case Role::kName:
    case Role::kKey:
      return kCyan;
    case Role::kRunning:
      return kGreen;
    case Role::kWaiting:
    case Role::kNotable:
      return kYellow;
    case Role::kBlocked:
    case Role::kIdle:
      return kBlue;
    case Role::kAlarming:
      return kRed;
  }
  return Ink::kTerminalsOwn;
}

} // namespace

Ink ink_for(Style style, Palette palette) {
  Ink ink{Ink::kTerminalsOwn, style.attributes};
  if (style.role == Role::kAlarming) ink.attributes |= kBold;
  // Dim figures are not current, and nothing in them should attract attention.
  if (palette == Palette::kColours && (style.attributes & kDim) == 0) ink.colour = colour_of(style.role);
  return ink;
}

Palette wanted_palette(bool no_color_option, const char* no_color_variable) {
  const bool refused = no_color_option || (no_color_variable != nullptr && *no_color_variable != '\0');
  return refused ? Palette::kMonochrome : Palette::kColours;
}

} // namespace xenmon
