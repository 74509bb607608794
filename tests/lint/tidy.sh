#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs clang-tidy on the programs' sources. Needs the release build (its compile_commands.json and
# generated headers). When nothing has changed since the last clean run, it says so and does
# nothing, unless called with --force.
#
# Every clang-tidy release adds checks, so the one of Debian 12 is the judge. With another one this
# exits with 125: skipped.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
root=$PWD
if [[ $(clang-tidy --version) != *'version 14.'* ]]; then
  echo "the code is judged by clang-tidy 14 (Debian 12); this is another one"
  exit 125
fi
clean=build/tidy.clean

state() {
  clang-tidy --version
  tests/lint/sources.sh | grep -E '^(include|xenbaked|xenmon)/|^\.clang-tidy$' | tr '\n' '\0' | xargs -0 sha256sum
  sha256sum build/release/compile_commands.json
}

now=$(state | sha256sum)
if [[ ${1-} != --force && -f $clean && $(<"$clean") == "$now" ]]; then
  echo "unchanged since the last clean run"
  exit 0
fi
# A pattern for paths: special characters of the root's own path must not count as such.
quoted=$(printf '%s' "$root" | sed 's/[][\.*^$+?(){}|]/\\&/g')
# gcc's flags for link-time optimisation mean nothing to clang.
run-clang-tidy -p build/release -quiet -j 2 -extra-arg=-Wno-ignored-optimization-argument "^$quoted/(xenbaked|xenmon)/.*\\.(c|cpp)\$" 2>&1 |
  sed $'s/\x1b\\[[0-9;]*m//g'
printf '%s\n' "$now" >"$clean"
