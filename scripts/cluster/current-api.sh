#!/usr/bin/env bash
# Builds kube-apiserver and kubectl of a current Kubernetes from the Go module proxy, once per machine: they lie in the user's
# cache and are reused until this file changes. About five minutes on two cores.
#
#   current-api.sh    build unless built already; the last line of stdout is their folder, to be used as KUBEBUILDER_ASSETS
#
# Exits with 3 and one line on standard error where there is no Go, or one that is too old.
set -euo pipefail

version=v1.37.2
# What its go.mod asks for: go 1.MINOR.
go_minor=26

. "$(dirname "${BASH_SOURCE[0]}")/../setup-functions.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../go-functions.sh"
script_hash=$(sha256sum <"${BASH_SOURCE[0]}")
folder=${XDG_CACHE_HOME:-$HOME/.cache}/slurm-power-agent/kubernetes-api-$version-${script_hash:0:12}

# `go install` refuses a module whose go.mod replaces others, as that of Kubernetes does by folders of its repository; the same
# modules are published on their own, as v0.MINOR.PATCH.
build() {
  local go_mod module ldflags='-s -w' package minor=${version#v1.}
  mkdir "$work/module"
  cd "$work/module"
  go_mod=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
  {
    echo 'module current-api'
    grep '^go ' "$go_mod"
    grep -o 'k8s\.io/[a-z-]* => \./staging' "$go_mod" | while read -r module _; do
      echo "replace $module => $module v0.$minor"
    done
    echo "require k8s.io/kubernetes $version"
  } >go.mod
  cat >tools.go <<'TOOLS'
//go:build tools

package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
TOOLS
  go mod tidy
  for package in component-base client-go/pkg; do
    package=k8s.io/$package/version
    ldflags+=" -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*}"
  done
  go build -v -ldflags "$ldflags" -o "$work/bin/" k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kubectl
  "$work/bin/kube-apiserver" --version | grep -F "$version"
}

build_with_go current-api "$folder" "$go_minor" "build kube-apiserver and kubectl $version from the Go module proxy" build
echo "$folder"
