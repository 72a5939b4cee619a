#!/bin/sh
# Make .venv exactly what uv.lock says, on any machine with a Python 3 (of whatever age), pip or curl.
#
#   1. Find a Python that the project can run on, or let uv fetch one.
#   2. Find uv: on PATH, or a private copy in .venv-tools, installed with pip from the registry this machine uses.
#   3. Install what uv.lock names into .venv, and remember for what state of the project that was done.
#
# `tools/env.sh uv ...` runs that uv, with the registry settings of this machine.
# Registry settings of pip (environment and pip.conf) and of uv are honoured; no host of a registry is named here.
set -eu
cd "$(dirname "$0")/.."

UV_OLDEST="0.8.0"
TOOLS=.venv-tools
STAMP=.venv/.wicketgate-stamp

say() { printf 'env: %s\n' "$*" >&2; }
fail() { say "$*"; exit 2; }

# What .venv was made for: the lock, the project, the folder (scripts name it) and this script.
fingerprint() { { pwd -P; cat uv.lock pyproject.toml tools/env.sh; } | cksum; }

is_up_to_date() {
  [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$(fingerprint)" ] && .venv/bin/python -c '' 2>/dev/null
}

# --- 1. Python -----------------------------------------------------------------------------------------------------

# Print the true path of a candidate if the project runs on it. Shims of version managers may exist and not work.
usable_python() {
  "$1" -c 'import sys, sysconfig
if sys.version_info < (3, 13) or sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
    sys.exit(1)
print(sys.executable)' 2>/dev/null
}

find_python() {
  for candidate in ${PYTHON:-} python3.13 python3 python3.14 \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python "$HOME"/.pyenv/versions/3.13*/bin/python \
    "${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/uv/python}"/cpython-3.13*/bin/python3.13; do
    usable_python "$candidate" && return
  done
  return 1
}

# --- 2. uv ---------------------------------------------------------------------------------------------------------

# Whether `$1 --version` is at least UV_OLDEST.
is_new_enough() {
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#uv }
  version=${version%% *}
  printf '%s\n%s\n' "$UV_OLDEST" "$version" | sort -t. -k1,1n -k2,2n -k3,3n -c 2>/dev/null
}

# Any Python at all; it only has to run pip.
python_for_tools() {
  for candidate in "$python" python3 python; do
    [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3,))' 2>/dev/null &&
      { printf '%s\n' "$candidate"; return; }
  done
  return 1
}

install_uv() {
  rm -rf "$TOOLS"
  if maker=$(python_for_tools); then
    say "installing uv into $TOOLS with pip"
    if "$maker" -m venv "$TOOLS" >/dev/null 2>&1; then
      "$TOOLS/bin/python" -m pip install -q --disable-pip-version-check "uv>=$UV_OLDEST" && return
    else
      say "$maker cannot make virtual environments (Debian: python3-venv), trying its own pip"
      rm -rf "$TOOLS"
      "$maker" -m pip install -q --disable-pip-version-check --target "$TOOLS" "uv>=$UV_OLDEST" && return
    fi
  fi
  say "last resort: uv's own installer, by curl, into $TOOLS/bin"
  rm -rf "$TOOLS"
  curl -fsSL "${UV_INSTALLER_URL:-https://astral.sh/uv/install.sh}" |
    env UV_UNMANAGED_INSTALL="$PWD/$TOOLS/bin" sh >/dev/null || true
}

find_uv() {
  for candidate in uv "$HOME/.local/bin/uv" "$TOOLS/bin/uv"; do
    is_new_enough "$candidate" && { printf '%s\n' "$candidate"; return; }
  done
  install_uv >&2
  is_new_enough "$TOOLS/bin/uv" || fail "cannot get uv $UV_OLDEST or newer: put it on PATH by hand and run this again"
  printf '%s\n' "$TOOLS/bin/uv"
}

# --- registry settings ---------------------------------------------------------------------------------------------

# One setting of pip, wherever it was made; nothing if there is no pip to ask.
pip_setting() {
  for asked in "$TOOLS/bin/python" "$python" python3; do
    [ -n "$asked" ] && "$asked" -m pip --version >/dev/null 2>&1 || continue
    for section in :env: install global; do
      "$asked" -m pip config get "$section.$1" 2>/dev/null && return
    done
    return
  done
}

# Export what pip was told to uv under uv's names; what uv was told itself goes first.
# The caller keeps the variable $registry: whether any setting names another registry than the usual one.
adopt_pip_settings() {
  registry=${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}${UV_INDEX:-}${UV_EXTRA_INDEX_URL:-}${UV_FIND_LINKS:-}
  [ -n "$registry" ] || for name in index-url extra-index-url find-links; do
    value=$(pip_setting "$name" | tr '\n' ' ')
    value=${value% }
    [ -n "$value" ] || continue
    registry=$registry$value
    case $name in
      index-url) export UV_DEFAULT_INDEX="$value" ;;
      # pip takes the best match of all its registries; the hashes of the lock hold whichever serves a file.
      extra-index-url) export UV_INDEX="$value" UV_INDEX_STRATEGY="${UV_INDEX_STRATEGY:-unsafe-best-match}" ;;
      find-links) export UV_FIND_LINKS="$(printf '%s' "$value" | tr ' ' ',')" ;;
    esac
  done
  [ -n "${SSL_CERT_FILE:-}" ] || { value=$(pip_setting cert); [ -z "$value" ] || export SSL_CERT_FILE="$value"; }
}

# --- 3. the environment --------------------------------------------------------------------------------------------

# A lock names the registry it was made with. Without settings of this machine, that is the one to use.
sync_from_the_lock() {
  env -u UV_DEFAULT_INDEX -u UV_INDEX_URL -u UV_INDEX -u UV_EXTRA_INDEX_URL -u UV_FIND_LINKS -u UV_INDEX_STRATEGY \
    "$uv" sync -q --locked --all-extras --python "$wanted"
}

# With settings, the same versions come from the machine's registry, and the lock's hashes vouch for them.
install_by_hash() {
  rm -f "$STAMP"
  "$uv" venv -q --clear --python "$wanted" .venv
  "$uv" export -q --frozen --all-extras --no-emit-project --output-file .venv/locked.txt >/dev/null
  "$uv" pip install -q --python .venv/bin/python --require-hashes -r .venv/locked.txt
  "$uv" pip install -q --python .venv/bin/python --no-deps --editable .
}

main() {
  is_up_to_date && return
  python=$(find_python) || { python=; say "no Python 3.13 here, uv will fetch one"; }
  wanted=${python:-3.13}
  uv=$(find_uv)
  adopt_pip_settings
  say "installing into .venv with $("$uv" --version | cut -d' ' -f1,2) and Python $wanted"
  if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ] && sync_from_the_lock; then
    :
  elif [ -n "$registry" ]; then
    say "taking the locked versions from the registry that this machine is set up for"
    install_by_hash
  else
    fail "that did not work; behind a mirror, set UV_DEFAULT_INDEX or pip's index-url and run this again"
  fi
  fingerprint >"$STAMP"
  say "ready: .venv/bin/wicketgate"
}

run_uv() {
  if python=$(find_python); then export UV_PYTHON="${UV_PYTHON:-$python}"; else python=; fi
  uv=$(find_uv)
  adopt_pip_settings
  exec "$uv" "$@"
}

case ${1:-} in
  "") main ;;
  uv) shift; run_uv "$@" ;;
  *) fail "unknown argument \`$1\`: call it with nothing, or with \`uv\` and its arguments" ;;
esac
