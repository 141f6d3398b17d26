# For scripts that source it: runs a long command quietly, and says what is going on. Bash.
#
#   step NAME TEXT COMMAND...
#
# prints "NAME: TEXT ..." before and the time it took after; on failure the command's whole output too, and its status is
# returned. While it runs, the last line of its output is shown every 20 s. COMMAND may be a function; it stops at the
# first command that fails, as with `set -e`. All goes to standard error.
# File descriptor 9, by convention a lock of the script, is kept from the command: what it leaves running must not hold it.
step() {
  local name=$1 text=$2 started=$SECONDS log reporter status
  shift 2
  log=$(mktemp)
  printf '%s: %s ...\n' "$name" "$text" >&2
  # The sleep may outlive the reporter by 20 s: it must not hold our caller's pipes, so it gets none of them.
  while sleep 20 >/dev/null 2>&1; do
    printf '%s:   ... %d s, now at: %s\n' "$name" $((SECONDS - started)) "$(tail -n 1 "$log")" >&2
  done >/dev/null 9>&- &
  reporter=$!
  # Not `if ! "$@"` or `"$@" || ...`: bash would ignore `set -e` inside.
  set +e
  (set -e; "$@") >"$log" 2>&1 </dev/null 9>&-
  status=$?
  set -e
  kill "$reporter" 2>/dev/null
  wait "$reporter" 2>/dev/null || true
  if ((status == 0)); then
    printf '%s: %s: done in %d s\n' "$name" "$text" $((SECONDS - started)) >&2
  else
    cat "$log" >&2
    printf '%s: %s: failed with status %d after %d s\n' "$name" "$text" "$status" $((SECONDS - started)) >&2
  fi
  rm -f "$log"
  return "$status"
}

# missing_packages NAME...: prints those Debian packages that are not installed, one a line.
missing_packages() {
  local installed name
  installed=$(dpkg-query -W -f '${binary:Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
  for name in "$@"; do
    grep -q -E "^$name(:[a-z0-9]+)? installed$" <<<"$installed" || echo "$name"
  done
}

# install_packages NAME...: Debian packages without their recommendations. Their daemons are not started by that: the tests
# start their own, with their own settings. To be run by `step`, as it sets a trap.
install_packages() {
  # apt-get gives up at once when another apt-get updates its lists.
  local locks=${XDG_CACHE_HOME:-$HOME/.cache}/slurm-power-agent
  mkdir -p "$locks"
  exec 8>"$locks/apt.lock"
  flock 8
  # Package scripts ask this program before they start a daemon; 101 means "forbidden". A machine that has one keeps it.
  if [[ ! -e /usr/sbin/policy-rc.d ]]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
}
