#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs shellcheck on every shell script of the project: what ends in .sh, what starts with "#!" and names a shell, and
# bash completions.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."

mapfile -t scripts < <(tests/lint/scripts.sh '\.(sh|bash)' '/(env )?(ba|da)?sh( |$)')

printf '%s\n' "${scripts[@]}"
shellcheck --external-sources --shell=bash "${scripts[@]}"
