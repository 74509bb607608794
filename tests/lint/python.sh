#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs pylint on every Python program and module of the project, with the checks of tests/lint/pylintrc.
#
# Every pylint release adds checks, so the one of Debian 12 is the judge. With another one this exits with 125: skipped.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."

if [[ $(pylint --version) != 'pylint 2.'* ]]; then
  echo "the Python programs are judged by pylint 2 (Debian 12); this is $(pylint --version | head -n 1)"
  exit 125
fi

mapfile -t programs < <(tests/lint/scripts.sh '\.py' python)

# Where the modules are that programs in another folder import.
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tests/system:tests/testbed:tests/testbed/inside:tests/golden:docs
pylint --rcfile=tests/lint/pylintrc "${programs[@]}"
