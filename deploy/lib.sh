# Helpers of deploy/quickstart and tests/run; sourced by bash, defines functions only. The caller sets $root, the tree's top.
# shellcheck shell=bash

lib_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { printf '%s\n' "$*"; }
fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# packages_of SECTION...: "NAME [service]" lines of deploy/packages.txt, those that are for this machine's architecture.
packages_of() {
  local section here
  here=$(dpkg --print-architecture)
  for section in "$@"; do
    awk -v want="[$section]" -v here="$here" '
      { sub(/#.*/, "") } NF == 0 { next }
      /^\[/ { inside = ($1 == want); next }
      inside {
        kind = ""; ours = 1
        for (i = 2; i <= NF; i++) {
          if ($i == "service") kind = $i
          else if ($i ~ /^!/) ours = ours && $i != "!" here
          else ours = ours && $i == here
        }
        if (ours) print $1, kind
      }' "$lib_dir/packages.txt"
  done
}

missing_packages() {
  local name kind
  packages_of "$@" | while read -r name kind; do
    dpkg-query -W -f='${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || echo "$name" "$kind"
  done
}

# Runs a command while Debian's maintainer scripts are told to start no daemon (policy-rc.d: exit status 101). A policy
# that the machine already has stays; ours is gone afterwards, whatever happened.
without_service_starts() (
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  fi
  "$@"
)

apt_quietly() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" >>"$apt_log" 2>&1
}

# install_packages SECTION...: installs what is missing, and nothing when nothing is.
install_packages() {
  local missing names services
  command -v dpkg-query >/dev/null || fail "this is not Debian: install what deploy/packages.txt names ($*) by hand," \
    "then build with cmake --preset release && cmake --build --preset release"
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  names=$(awk '{ print $1 }' <<<"$missing" | tr '\n' ' ')
  services=$(awk '$2 == "service" { print $1 }' <<<"$missing")
  [ "$(id -u)" = 0 ] || fail "these packages are missing, and only root can install them:" $'\n' \
    "  apt-get install --no-install-recommends $names"
  say "installing: $names"
  apt_log=$(mktemp)
  apt_quietly update || say "the package index could not be renewed; going on with the one that is here"
  # shellcheck disable=SC2086
  if ! without_service_starts apt_quietly install -y --no-install-recommends $names; then
    tail -n 15 "$apt_log" >&2
    fail "apt-get could not install the packages above (no network? see $apt_log). Missing:" $names
  fi
  rm -f "$apt_log"
  # shellcheck disable=SC2086
  [ -z "$services" ] || ! command -v systemctl >/dev/null || systemctl -q disable $services >/dev/null 2>&1 || true
}

# A second clone of the same sources finds in the cache what the first one compiled.
# shellcheck disable=SC2154
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1

# build_preset PRESET [-DNAME=VALUE...] [TARGET...]: configures, builds with all processors, and shows the compiler's words
# on failure only.
build_preset() {
  local preset=$1 log="$root/build/$1.log" options=() targets=() word
  shift
  for word in "$@"; do
    case $word in -*) options+=("$word") ;; *) targets+=(--target "$word") ;; esac
  done
  mkdir -p "$root/build"
  say "building ($preset)"
  if ! (cd "$root" && cmake --preset "$preset" "${options[@]}" &&
    cmake --build --preset "$preset" -j "$(nproc)" "${targets[@]}") >"$log" 2>&1; then
    grep -E -A 12 'error|FAILED|Error|not found' "$log" | head -n 60 >&2
    fail "the build failed; everything it said is in $log"
  fi
}

# free_port FIRST: the first loopback TCP port from FIRST up that nobody listens on.
free_port() {
  local port=$1
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    port=$((port + 1))
    [ "$port" -lt 65536 ] || fail "no free port from $1 up"
  done
  echo "$port"
}
