#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   scripts.sh SUFFIX INTERPRETER
#
# Prints the project's scripts in one language, one a line, relative to the root: those whose names end with SUFFIX, and
# those that start with "#!" and name INTERPRETER. Both are extended regular expressions.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."

while IFS= read -r file; do
  case $file in
    tests/data/* | tests/fuzz/seeds/*) continue ;;
  esac
  first=
  IFS= read -r first < <(head -c 200 -- "$file" | tr -d '\0') || true
  if [[ $file =~ ($1)$ || $first =~ ^'#!'.*($2) ]]; then printf '%s\n' "$file"; fi
done < <(tests/lint/sources.sh)
