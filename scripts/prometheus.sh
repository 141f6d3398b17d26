#!/usr/bin/env bash
# Gets Debian's prometheus and promtool for tests: taken out of the package and not installed, as its service would be
# started at every boot. Seconds, once per machine: they lie in the user's cache and are reused until this file changes.
#
#   prometheus.sh                  get them unless there already; the last line of stdout is their folder
#   prometheus.sh --print-folder   only print that folder; exit 1 when they are not there yet
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/setup-functions.sh"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/slurm-power-agent
script_hash=$(sha256sum <"${BASH_SOURCE[0]}")
folder=$cache/prometheus-${script_hash:0:12}

if [[ -x $folder/promtool ]]; then
  echo "$folder"
  exit 0
fi
if [[ ${1:-} == --print-folder ]]; then
  echo "prometheus: not there yet: run bash scripts/setup.sh prometheus" >&2
  exit 1
fi

get_prometheus() {
  cd "$work"
  apt-get download -q prometheus || { apt-get update -q && apt-get download -q prometheus; }
  dpkg-deb --extract prometheus_*.deb files
  files/usr/bin/promtool --version
}

mkdir -p "$cache"
work=$(mktemp -d "$cache/prometheus-work.XXXXXX")
trap 'rm -rf "$work"' EXIT
step prometheus "prometheus and promtool from Debian's package" get_prometheus
# Another run may have been faster; both got the same.
mv -T "$work/files/usr/bin" "$folder" 2>/dev/null || [[ -x $folder/promtool ]]
echo "$folder"
