#!/usr/bin/env bash
# Builds helm from the Go module proxy, once per machine: it lies in the user's cache and is reused until this file changes.
# About three minutes on two cores.
#
#   helm.sh                  build unless built already; the last line of stdout is the path of helm
#   helm.sh --print-path     only print that path; exit 1 when it is not built yet
#
# Exits with 3 and one line on standard error where there is no Go, or one that is too old for this helm.
set -euo pipefail

version=v3.22.0
# What its go.mod asks for: go 1.MINOR.
go_minor=26

. "$(dirname "${BASH_SOURCE[0]}")/../setup-functions.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../go-functions.sh"
script_hash=$(sha256sum <"${BASH_SOURCE[0]}")
folder=${XDG_CACHE_HOME:-$HOME/.cache}/slurm-power-agent/helm-$version-${script_hash:0:12}

build() {
  go install -v -trimpath -ldflags '-s -w' "helm.sh/helm/v3/cmd/helm@$version"
  "$work/bin/helm" version --short
}

if [[ ${1:-} == --print-path && ! -d $folder ]]; then
  echo "helm: not built yet: run bash scripts/charts/helm.sh" >&2
  exit 1
fi
build_with_go helm "$folder" "$go_minor" "build helm $version from the Go module proxy" build
echo "$folder/helm"
