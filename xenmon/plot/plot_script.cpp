// SPDX-License-Identifier: GPL-2.0-or-later
#include "plot/plot_script.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

#include "text.h"

namespace xenmon {
namespace {

// The page, in pixels of 1/96 inch, from the top: title, legend, the columns' titles, the panels with their
// headings, and below the last panels the time.
constexpr int kWidth = 900;
constexpr int kLeft = 76;
constexpr int kRight = 24;
constexpr int kEdge = 12;
constexpr int kTitle = 30;
constexpr int kLegend = 6;                      // below its last row
constexpr std::array kLegendRow = {18, 15, 13}; // as each terminal sets them, by PlotTerminal
constexpr int kColumnTitle = 22;
constexpr int kHeading = 34;
constexpr int kPanel = 104;     // of several
constexpr int kOnlyPanel = 380; // if there is but one
constexpr int kOnlyRow = 190;   // if there is but one in each of several columns
constexpr int kGap = 36;        // between columns
constexpr int kTimeAxis = 56;
constexpr int kTimeLabel = 42; // below the last panel
constexpr int kTics = 4;       // at most, on a vertical axis
constexpr int kTicsOfOnlyPanel = 10;
constexpr int kTicDistance = 45;   // on the horizontal axis of several columns, at least
constexpr double kCharacter = 7.2; // how wide one is, on average, in the legend
constexpr int kSample = 66;        // of a line, in the legend, with the space around it

constexpr std::size_t kMarks = 14; // about this many on a line

// Colours that people with colour blindness can distinguish (Okabe and Ito's, without the yellow, which is
// invisible on white paper), and for print without colour dashes and marks. Their numbers have no common
// divisor, so the first 315 lines are all different.
constexpr std::array kColours = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00"};
constexpr std::array kDashes = {"solid", "(12,4)", "(3,3)", "(12,3,3,3)", "(6,3)"};
constexpr std::array kMarkTypes = {7, 5, 9, 13, 11, 6, 4, 8, 12}; // filled first

struct Page {
  int legend_columns = 1;
  int legend_rows = 1;
  int legend_top = 0;
  int panels_top = 0;
  int panel_width = 0;
  int panel_height = 0;
  int height = 0;

  // On the page, as gnuplot counts: from the bottom.
  double from_top(int y) const { return 1 - static_cast<double>(y) / height; }
  int panel_top(int row) const { return panels_top + row * (kHeading + panel_height) + kHeading; }
  int panel_left(int column) const { return kLeft + column * (panel_width + kGap); }
};

// What all panels have in common.
struct Drawing {
  const std::vector<PlotColumn>& columns;
  const PlotSettings& settings;
  std::vector<std::string> labels; // the legend: a line's style is its label's place in it
  Page page;
  double begin = 0; // of the horizontal axis
  double end = 0;

  std::size_t style_of(const Series& series) const {
    const auto found = std::find(labels.begin(), labels.end(), series.label);
    return static_cast<std::size_t>(found - labels.begin()) + 1;
  }
};

std::string number(double value, int digits = 9) {
  if (std::isnan(value)) return "NaN";
  std::array<char, 64> text;
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, digits).ptr;
  return {text.data(), end};
}

std::string time(double s) {
  return number(s, 13);
}

Page lay_out(const std::vector<std::string>& labels, const std::vector<PlotColumn>& columns,
             const PlotSettings& settings) {
  std::size_t longest = 0;
  for (const std::string& label : labels) longest = std::max(longest, columns_of(label));
  const auto entry = static_cast<int>(static_cast<double>(longest) * kCharacter) + kSample;
  const int count = static_cast<int>(labels.size());
  const int width = kWidth - kLeft - kRight;
  const int across = static_cast<int>(columns.size());
  const int down = static_cast<int>(settings.metrics.size());
  const bool titles = std::any_of(columns.begin(), columns.end(),
                                  [](const PlotColumn& column) { return !column.title.empty(); });
  Page page;
  page.legend_columns = std::clamp(width / entry, 1, count);
  page.legend_rows = (count + page.legend_columns - 1) / page.legend_columns;
  page.legend_top = kEdge + (settings.title.empty() ? 0 : kTitle);
  page.panels_top = page.legend_top +
                    page.legend_rows * kLegendRow[static_cast<std::size_t>(settings.terminal)] + kLegend +
                    (titles ? kColumnTitle : 0);
  page.panel_width = std::max((width - (across - 1) * kGap) / across, 1);
  page.panel_height = down > 1 ? kPanel : across > 1 ? kOnlyRow : kOnlyPanel;
  page.height = page.panel_top(down - 1) + page.panel_height + kTimeAxis;
  return page;
}

std::string terminal_line(PlotTerminal terminal, const Page& page) {
  const std::string common = " noenhanced background '#ffffff'";
  const std::string size = std::to_string(kWidth) + "," + std::to_string(page.height);
  switch (terminal) {
    case PlotTerminal::kSvg:
      return "set terminal svg" + common + " size " + size + " font 'sans-serif,12'\n";
    case PlotTerminal::kPng:
      return "set terminal pngcairo" + common + " size " + size + " font 'sans-serif,9' dashlength 2\n";
    case PlotTerminal::kPdf:
      return "set terminal pdfcairo" + common + " size " + number(kWidth / 96.0, 6) + "in," +
             number(page.height / 96.0, 6) + "in font 'sans-serif,12' linewidth 1.2 dashlength 2\n";
  }
  return {};
}

// Over time a step for each interval, from its start to its end; else a point for each run. An empty line is
// a gap in all metrics, NaN in one.
void put_data(std::string& script, const Series& series, const PlotSettings& settings,
              const std::string& name) {
  script += name + " << END\n";
  double before = series.points.front().start_s;
  for (const SeriesPoint& point : series.points) {
    std::string values;
    for (const Metric metric : settings.metrics) values += ' ' + number(value_of(metric, point.rates));
    if (!settings.against.empty()) {
      script.append(number(point.start_s)).append(values) += '\n';
      continue;
    }
    if (point.start_s > before + kSameTime) script += '\n';
    before = point.end_s;
    for (const double s : {point.start_s, point.end_s}) script.append(time(s)).append(values) += '\n';
  }
  script += "END\n";
}

void put_styles(std::string& script, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    script += "set style line " + std::to_string(i + 1) + " linecolor rgb '" + kColours[i % kColours.size()] +
              "' linewidth 1.5 dashtype " + kDashes[i % kDashes.size()] + " pointtype " +
              std::to_string(kMarkTypes[i % kMarkTypes.size()]) + " pointsize 0.55\n";
  }
}

// Where the data of a column's series is.
std::string data_name(std::size_t column, std::size_t place) {
  return (column == 0 ? "$domain_" : "$column_" + std::to_string(column + 1) + "_domain_") +
         std::to_string(place + 1);
}

// Highest value, or 0 if there is none.
double highest(const std::vector<PlotColumn>& columns, Metric metric) {
  double most = 0;
  for (const PlotColumn& column : columns) {
    for (const Series& one : column.series) {
      for (const SeriesPoint& point : one.points) {
        const double value = value_of(metric, point.rates);
        if (value > most) most = value; // false for NaN
      }
    }
  }
  return most;
}

// The distance between the tics of an axis, so that there are few and their numbers are round.
double tic_distance(double most, int tics) {
  const double least = most / tics;
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least) return factor * power;
  }
  return 10 * power;
}

// One of the texts, by its number, at a place on the page in pixels.
std::string label_at(int number_of_label, const std::string& text, const Page& page, int x, int y) {
  return "set label " + std::to_string(number_of_label) + " " + text + " at screen " +
         number(static_cast<double>(x) / kWidth, 6) + ", screen " + number(page.from_top(y), 6) + " center";
}

void put_legend(std::string& script, const Drawing& drawing) {
  for (std::size_t i = 0; i < drawing.labels.size(); ++i) {
    script += ", \\\n  keyentry with linespoints linestyle " + std::to_string(i + 1) + " title " +
              quoted(drawing.labels[i]);
  }
}

// Its lines, in the syntax of gnuplot's plot command.
void put_lines(std::string& script, const Drawing& drawing, std::size_t across, std::size_t down) {
  const std::vector<Series>& series = drawing.columns[across].series;
  std::size_t points = 1;
  for (const Series& one : series) points = std::max(points, one.points.size());
  const std::size_t step = (points + kMarks - 1) / kMarks;
  const std::string column = std::to_string(down + 2);
  script += "plot ";
  for (std::size_t i = 0; i < series.size(); ++i) {
    const std::string data = data_name(across, i) + " using 1:" + column;
    const std::string style = " linestyle " + std::to_string(drawing.style_of(series[i]));
    if (i > 0) script += ", \\\n  ";
    if (!drawing.settings.against.empty()) {
      script.append(data).append(" with linespoints").append(style).append(" notitle");
      continue;
    }
    script.append(data).append(" with lines").append(style).append(" notitle, \\\n  ");
    // At the ends of intervals, which are every second line, and not at the same interval for all domains.
    script.append(data).append(" every ").append(std::to_string(2 * step)).append("::");
    script.append(std::to_string(2 * (i % step) + 1)).append(" with points").append(style).append(" notitle");
  }
}

// gnuplot makes a legend no wider than its panel. If panels are narrow, the legend belongs to an empty panel
// of the page's width.
void put_legend_of_columns(std::string& script, const Drawing& drawing) {
  script += "\nset lmargin at screen " + number(static_cast<double>(kLeft) / kWidth, 6) +
            "\nset rmargin at screen " + number(1 - static_cast<double>(kRight) / kWidth, 6) +
            "\nset yrange [0:1]\nset border 0\nset tics scale 0\nset format ''\nplot NaN notitle";
  put_legend(script, drawing);
  script += "\nunset key\nunset label 2\n";
}

void put_panel(std::string& script, const Drawing& drawing, std::size_t across, std::size_t down) {
  const PlotSettings& settings = drawing.settings;
  const Page& page = drawing.page;
  const bool first = across == 0 && down == 0;
  const bool lowest = down + 1 == settings.metrics.size();
  const int left = page.panel_left(static_cast<int>(across));
  const int top = page.panel_top(static_cast<int>(down));
  const int middle = left + page.panel_width / 2;
  script += "\nset lmargin at screen " + number(static_cast<double>(left) / kWidth, 6) +
            "\nset rmargin at screen " + number(static_cast<double>(left + page.panel_width) / kWidth, 6) +
            "\nset tmargin at screen " + number(page.from_top(top), 6) + "\nset bmargin at screen " +
            number(page.from_top(top + page.panel_height), 6) + "\n";
  const Metric metric = settings.metrics[down];
  if (across == 0) {
    script += "set label 1 " + quoted(info_of(metric).axis) +
              " at graph 0, graph 1 left offset character 0, character 0.8\n";
    script += "set format y '% h'\n";
    // From 0 to a tic, even where there is nothing to see.
    const double most = highest(drawing.columns, metric);
    const double range = most > 0 ? most : 1;
    const double tic = tic_distance(range, settings.metrics.size() > 1 ? kTics : kTicsOfOnlyPanel);
    script += "set ytics " + number(tic) + "\nset yrange [0:" + number(tic * std::ceil(range / tic)) + "]\n";
  } else {
    script += "unset label 1\nset format y ''\n";
  }
  if (down == 0 && !drawing.columns[across].title.empty()) {
    script +=
        label_at(4, quoted(drawing.columns[across].title), page, middle, page.panels_top - kColumnTitle / 3) +
        "\n";
  }
  script += lowest ? "set format x '%g'\n" : "set format x ''\n";
  if (lowest) {
    script +=
        label_at(3, settings.against.empty() ? "'Time since the log began (s)'" : quoted(settings.against),
                 page, middle, top + page.panel_height + kTimeLabel) +
        "\n";
  }
  put_lines(script, drawing, across, down);
  if (first && drawing.columns.size() == 1) put_legend(script, drawing);
  script += "\nunset label 3\nunset label 4\n";
  if (first) script += "unset key\nunset label 2\n";
}

// By domid, as in each column; a label in several columns is one.
std::vector<std::string> legend_of(const std::vector<PlotColumn>& columns) {
  std::vector<const Series*> all;
  for (const PlotColumn& column : columns) {
    for (const Series& series : column.series) {
      if (std::none_of(all.begin(), all.end(),
                       [&series](const Series* other) { return other->label == series.label; }))
        all.push_back(&series);
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Series* a, const Series* b) { return a->domid < b->domid; });
  std::vector<std::string> labels;
  labels.reserve(all.size());
  for (const Series* series : all) labels.push_back(series->label);
  return labels;
}

} // namespace

double value_of(Metric metric, const MetricRates& rates) {
  constexpr double kNotKnown = std::numeric_limits<double>::quiet_NaN();
  const MetricInfo& what = info_of(metric);
  // The rate that is made of these sums.
  const auto rate_of = [&rates](const Terms& terms) {
    const auto found = std::find_if(kRateInfos.begin(), kRateInfos.end(),
                                    [&](const RateInfo& info) { return info_of(info.metric).of == terms; });
    if (found == kRateInfos.end() || (found->of_other_time && !rates.other_time_known)) return kNotKnown;
    return rates.*(found->rate);
  };
  switch (what.kind) {
    case MetricKind::kTime:
      return 100 * rate_of(what.of);
    case MetricKind::kCount:
      return rate_of(what.of);
    case MetricKind::kMean: {
      const double divisor = rate_of(what.per);
      const double us = what.unit == MetricUnit::kNanoseconds ? 1e6 : 1; // rates of times are in seconds
      return divisor > 0 ? us * rate_of(what.of) / divisor : kNotKnown;
    }
    default:
      return kNotKnown;
  }
}

std::string_view terminal_name(PlotTerminal terminal) {
  switch (terminal) {
    case PlotTerminal::kSvg:
      return "svg";
    case PlotTerminal::kPng:
      return "pngcairo";
    case PlotTerminal::kPdf:
      return "pdfcairo";
  }
  return {};
}

std::string quoted(std::string_view text) {
  constexpr std::string_view kPlain = " -_.,:/()%+=";
  std::string out = "\"";
  for (const char c : printable(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || std::isalnum(byte) != 0 || kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      for (const int shift : {9, 6, 3, 0})
        out += shift == 9 ? '\\' : static_cast<char>('0' + (byte >> shift & 7));
    }
  }
  return out + '"';
}

std::string plot_script(const std::vector<PlotColumn>& columns, const PlotSettings& settings) {
  Drawing drawing{columns, settings, legend_of(columns), {}};
  drawing.page = lay_out(drawing.labels, columns, settings);
  const Page& page = drawing.page;
  drawing.begin = drawing.end = columns.front().series.front().points.front().start_s;
  for (const PlotColumn& column : columns) {
    for (const Series& one : column.series) {
      drawing.begin = std::min(drawing.begin, one.points.front().start_s);
      drawing.end = std::max(drawing.end, one.points.back().end_s);
    }
  }
  if (drawing.end <= drawing.begin) drawing.end = drawing.begin + 1;

  std::string script = terminal_line(settings.terminal, page);
  const bool over_time = settings.against.empty();
  script += std::string("set encoding utf8\n\n# ") +
            (over_time ? "Time in s, and at it" : "A run's number, and in it");
  for (const Metric metric : settings.metrics) script += std::string(", ") + info_of(metric).plot;
  script += over_time ? "; a step for each interval.\n" : ".\n";
  for (std::size_t across = 0; across < columns.size(); ++across) {
    const std::vector<Series>& series = columns[across].series;
    for (std::size_t i = 0; i < series.size(); ++i)
      put_data(script, series[i], settings, data_name(across, i));
  }
  script += '\n';
  put_styles(script, drawing.labels.size());
  script += "set xrange [" + time(drawing.begin) + ":" + time(drawing.end) + "]\n";
  script += "set key at screen " + number(static_cast<double>(kLeft) / kWidth, 6) + ", screen " +
            number(page.from_top(page.legend_top), 6) +
            " left top horizontal Left reverse samplen 4 maxcols " + std::to_string(page.legend_columns) +
            "\n";
  if (!settings.title.empty()) {
    script += label_at(2, quoted(settings.title), page, kWidth / 2, kEdge + kTitle / 3) + " font " +
              (settings.terminal == PlotTerminal::kPng ? "',11'" : "',15'") + "\n";
  }
  script += "set multiplot\n";
  if (columns.size() > 1) put_legend_of_columns(script, drawing);
  script +=
      "set border 3 linecolor rgb '#404040'\nset grid linecolor rgb '#d8d8d8' linetype 1 linewidth 0.6\n"
      "set tics out nomirror scale 1\n";
  if (columns.size() > 1) {
    const int tics = std::max(page.panel_width / kTicDistance, 1);
    script += "set xtics " + number(tic_distance(drawing.end - drawing.begin, tics)) + "\n";
  }
  for (std::size_t down = 0; down < settings.metrics.size(); ++down) {
    for (std::size_t across = 0; across < columns.size(); ++across) put_panel(script, drawing, across, down);
  }
  return script + "\nunset multiplot\n";
}

} // namespace xenmon
