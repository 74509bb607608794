#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs shellcheck on every shell script of the project: what ends in .sh, what starts with "#!" and names a shell, and
# bash completions.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."

scripts=()
while IFS= read -r file; do
  first=
  IFS= read -r first < <(head -c 200 -- "$file" | tr -d '\0') || true
  case $file in
    tests/data/* | tests/fuzz/seeds/*) continue ;;
    *.sh | *.bash) scripts+=("$file") ;;
    *) if [[ $first =~ ^'#!'.*/(env\ )?(ba|da)?sh( |$) ]]; then scripts+=("$file"); fi ;;
  esac
done < <(tests/lint/sources.sh)

printf '%s\n' "${scripts[@]}"
shellcheck --external-sources --shell=bash "${scripts[@]}"
