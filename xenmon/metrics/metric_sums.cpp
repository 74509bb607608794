// SPDX-License-Identifier: GPL-2.0-or-later
#include "metric_sums.h"

#include <utility>

namespace xenmon {
namespace {

// Calls use(I) for each I of kSums as a constant, so that the table costs nothing at run time.
template <class Use, std::size_t... I>
void for_each_of(std::index_sequence<I...> /*all*/, const Use& use) {
  (use(std::integral_constant<std::size_t, I>()), ...);
}
template <class Use>
void for_each_sum(const Use& use) {
  for_each_of(std::make_index_sequence<kSums.size()>(), use);
}

// The place of kSums[at] among those that come from the same kind of field.
constexpr std::size_t narrow_place(std::size_t at) {
  std::size_t place = 0;
  for (std::size_t i = 0; i < at; ++i) place += kSums[i].source.row != nullptr ? 1 : 0;
  return place;
}
constexpr std::size_t wide_place(std::size_t at) {
  std::size_t place = 0;
  for (std::size_t i = 0; i < at; ++i) place += kSums[i].source.wide_row != nullptr ? 1 : 0;
  return place;
}

} // namespace

void MetricSums::add(const xenmon_row& row) {
  for_each_sum([&](auto i) {
    constexpr const SumInfo& kInfo = kSums[i];
    if constexpr (kInfo.source.row != nullptr) this->*kInfo.sum += row.*kInfo.source.row;
    if constexpr (kInfo.source.wide_row != nullptr) this->*kInfo.sum += row.*kInfo.source.wide_row;
  });
}

void MetricSums::add(const xenmon_io_row& row) {
  for_each_sum([&](auto i) {
    constexpr const SumInfo& kInfo = kSums[i];
    if constexpr (kInfo.source.io_row != nullptr) this->*kInfo.sum += row.*kInfo.source.io_row;
    if constexpr (kInfo.source.wide_io_row != nullptr) this->*kInfo.sum += row.*kInfo.source.wide_io_row;
  });
}

void MetricSums::subtract(const xenmon_io_row& row) {
  for_each_sum([&](auto i) {
    constexpr const SumInfo& kInfo = kSums[i];
    if constexpr (kInfo.source.io_row != nullptr) this->*kInfo.sum -= row.*kInfo.source.io_row;
    if constexpr (kInfo.source.wide_io_row != nullptr) this->*kInfo.sum -= row.*kInfo.source.wide_io_row;
  });
}

void MetricSums::add(const xenmon_domain_row& row) {
  for_each_sum([&](auto i) {
    constexpr const SumInfo& kInfo = kSums[i];
    if constexpr (kInfo.source.domain_row != nullptr) this->*kInfo.sum += row.*kInfo.source.domain_row;
  });
}

void MetricSums::subtract(const xenmon_domain_row& row) {
  for_each_sum([&](auto i) {
    constexpr const SumInfo& kInfo = kSums[i];
    if constexpr (kInfo.source.domain_row != nullptr) this->*kInfo.sum -= row.*kInfo.source.domain_row;
  });
}

void MetricSums::add(const MetricSums& other) {
  for_each_sum([&](auto i) { this->*kSums[i].sum += other.*kSums[i].sum; });
}

RowValues RowValues::of(const xenmon_row& row) {
  RowValues values;
  for_each_sum([&](auto i) {
    constexpr const SumInfo& kInfo = kSums[i];
    if constexpr (kInfo.source.row != nullptr) {
      constexpr std::size_t kPlace = narrow_place(i);
      values.narrow[kPlace] = row.*kInfo.source.row;
    }
    if constexpr (kInfo.source.wide_row != nullptr) {
      constexpr std::size_t kPlace = wide_place(i);
      values.wide[kPlace] = row.*kInfo.source.wide_row;
    }
  });
  return values;
}

void RowValues::add_to(MetricSums& sums) const {
  for_each_sum([&](auto i) {
    constexpr const SumInfo& kInfo = kSums[i];
    if constexpr (kInfo.source.row != nullptr) {
      constexpr std::size_t kPlace = narrow_place(i);
      sums.*kInfo.sum += narrow[kPlace];
    }
    if constexpr (kInfo.source.wide_row != nullptr) {
      constexpr std::size_t kPlace = wide_place(i);
      sums.*kInfo.sum += wide[kPlace];
    }
  });
}

void RowValues::subtract_from(MetricSums& sums) const {
  for_each_sum([&](auto i) {
    constexpr const SumInfo& kInfo = kSums[i];
    if constexpr (kInfo.source.row != nullptr) {
      constexpr std::size_t kPlace = narrow_place(i);
      sums.*kInfo.sum -= narrow[kPlace];
    }
    if constexpr (kInfo.source.wide_row != nullptr) {
      constexpr std::size_t kPlace = wide_place(i);
      sums.*kInfo.sum -= wide[kPlace];
    }
  });
}

} // namespace xenmon
