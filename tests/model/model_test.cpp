// SPDX-License-Identifier: GPL-2.0-or-later
//
// Random histories of a modelled Xen with known true figures, compared with XenMon's figures.
// tests/README.md says how to run it by hand.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "check.h"
#include "history.h"

namespace xenmon::model {
namespace {

constexpr const char* kUsage =
    "Usage: model_test [OPTION]...\n"
    "Compares what XenMon makes of random histories with what is true of them.\n"
    "\n"
    "  --count N      so many histories (default 300)\n"
    "  --seed S       the first one's seed (default 1); the next has the next number\n"
    "  --kind KIND    of this kind only, see --list-kinds; otherwise each in turn\n"
    "  --way WAY      plain, live or xz; otherwise each in turn with --quick, and all three without\n"
    "  --lossy        records are lost on the way: no state may have more time than is true\n"
    "  --quick        each history in one way only\n"
    "  --cases FILE   first the histories in FILE, one 'KIND WAY SEED [lossy]' a line\n"
    "  --failures N   go on until so many have failed (default 1)\n"
    "  --no-shrink    print a failing history as it is\n"
    "  --out DIR      where failing histories are written to (default: here)\n"
    "  --keep DIR     leave the last recording and region in DIR, which exists\n"
    "  --list-kinds   what histories there are\n"
    "  --help         this text\n";

struct Options {
  std::uint64_t count = 300;
  std::uint64_t seed = 1;
  std::optional<Kind> kind;
  std::optional<Way> way;
  bool quick = false;
  bool lossy = false;
  std::string cases;
  std::uint64_t failures = 1;
  bool shrinks = true;
  std::string out = ".";
  std::string keep;
};

template <class Names>
std::optional<std::size_t> find_name(const Names& names, const std::string& name) {
  for (std::size_t i = 0; i < std::size(names); ++i) {
    if (names[i] == name) return i;
  }
  return std::nullopt;
}

// Differences without their numbers.
std::string sort_of(std::string text) {
  std::erase_if(text, [](char each) { return each >= '0' && each <= '9'; });
  return text;
}

class Run {
 public:
  Run(const Options& options, Checker& checker) : options_(options), checker_(checker) {}

  int all() {
    if (!options_.cases.empty() && !cases()) return 2;
    for (std::uint64_t i = 0; i < options_.count && failed_ < options_.failures; ++i) {
      const std::uint64_t seed = options_.seed + i;
      const Kind kind = options_.kind.value_or(static_cast<Kind>(i % std::size(kKindNames)));
      for (std::size_t way = 0; way < std::size(kWayNames); ++way) {
        if (options_.way ? *options_.way != static_cast<Way>(way)
                         : options_.quick && way != i / std::size(kKindNames) % std::size(kWayNames))
          continue;
        if (!one(seed, kind, static_cast<Way>(way), options_.lossy)) break;
      }
    }
    std::cout << checked_ << " checked, " << failed_ << " failed\n";
    return failed_ == 0 ? 0 : 1;
  }

 private:
  bool cases() {
    std::ifstream in(options_.cases);
    if (!in) {
      std::cerr << "model_test: " << options_.cases << " cannot be read.\n";
      return false;
    }
    for (std::string line; std::getline(in, line);) {
      if (line.empty() || line.front() == '#') continue;
      std::istringstream words(line);
      std::string kind_name;
      std::string way_name;
      std::string lossy;
      std::uint64_t seed = 0;
      words >> kind_name >> way_name >> seed;
      const auto kind = find_name(kKindNames, kind_name);
      const auto way = find_name(kWayNames, way_name);
      if (!words || !kind || !way) {
        std::cerr << "model_test: " << options_.cases << ": '" << line << "' is not KIND WAY SEED [lossy].\n";
        return false;
      }
      words >> lossy;
      one(seed, static_cast<Kind>(*kind), static_cast<Way>(*way), lossy == "lossy");
    }
    return true;
  }

  bool one(std::uint64_t seed, Kind kind, Way way, bool lossy) {
    ++checked_;
    History history = make_history(seed, kind);
    std::string differences = checker_.check(history, way, lossy);
    if (differences.empty()) return true;
    ++failed_;
    const std::size_t before = history.steps.size();
    if (options_.shrinks) {
      // Smaller, and wrong in the same way.
      const std::string sort = sort_of(differences.substr(0, differences.find('\n')));
      history = shrink(std::move(history), [&](const History& smaller) {
        return sort_of(checker_.check(smaller, way, lossy)).find(sort) != std::string::npos;
      });
      differences = checker_.check(history, way, lossy);
    }
    const std::string kind_name(kKindNames[static_cast<std::size_t>(kind)]);
    const std::string way_name(kWayNames[static_cast<std::size_t>(way)]);
    std::ostringstream text;
    text << "FAILED: model_test --count 1 --kind " << kind_name << " --way " << way_name << " --seed " << seed
         << (lossy ? " --lossy" : "") << '\n'
         << history.steps.size() << " steps of " << before << " are left:\n";
    write_text(text, history.setup);
    for (const Step& step : history.steps) write_text(text, history.setup, step);
    write_records(text, history, way, lossy);
    text << differences;
    std::cout << text.str() << std::flush;
    std::ofstream(options_.out + "/model-" + kind_name + '-' + way_name + '-' + std::to_string(seed) +
                  (lossy ? "-lossy.txt" : ".txt"))
        << text.str();
    return false;
  }

  const Options& options_;
  Checker& checker_;
  std::uint64_t checked_ = 0;
  std::uint64_t failed_ = 0;
};

// nullopt: what is asked for has been done, or cannot be; `status` is the exit status.
std::optional<Options> read_options(int argc, char** argv, int& status) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    status = 0;
    if (name == "--help") {
      std::cout << kUsage;
      return std::nullopt;
    }
    if (name == "--list-kinds") {
      for (const std::string_view kind : kKindNames) std::cout << kind << '\n';
      return std::nullopt;
    }
    if (name == "--quick") {
      options.quick = true;
      continue;
    }
    if (name == "--lossy") {
      options.lossy = true;
      continue;
    }
    if (name == "--no-shrink") {
      options.shrinks = false;
      continue;
    }
    status = 2;
    if (i + 1 == argc) {
      std::cerr << kUsage;
      return std::nullopt;
    }
    const std::string value = argv[++i];
    const std::uint64_t number = std::strtoull(value.c_str(), nullptr, 10);
    const auto kind = find_name(kKindNames, value);
    const auto way = find_name(kWayNames, value);
    if (name == "--count") {
      options.count = number;
    } else if (name == "--seed") {
      options.seed = number;
    } else if (name == "--failures") {
      options.failures = number;
    } else if (name == "--cases") {
      options.cases = value;
    } else if (name == "--out") {
      options.out = value;
    } else if (name == "--keep") {
      options.keep = value;
    } else if (name == "--kind" && kind) {
      options.kind = static_cast<Kind>(*kind);
    } else if (name == "--way" && way) {
      options.way = static_cast<Way>(*way);
    } else {
      std::cerr << kUsage;
      return std::nullopt;
    }
  }
  return options;
}

int run(int argc, char** argv) {
  int status = 0;
  const std::optional<Options> options = read_options(argc, argv, status);
  if (!options) return status;
  std::string directory = (std::filesystem::temp_directory_path() / "xenmon-model-XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) {
    std::cerr << "model_test: no directory can be made in " << std::filesystem::temp_directory_path()
              << ".\n";
    return 2;
  }
  StopFlag stop;
  Checker checker(options->keep.empty() ? directory : options->keep, stop);
  status = Run(*options, checker).all();
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  return status;
}

} // namespace
} // namespace xenmon::model

int main(int argc, char** argv) {
  return xenmon::model::run(argc, argv);
}
