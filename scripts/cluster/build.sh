#!/usr/bin/env bash
# Builds the Kubernetes programs that the tests and the demo run, from Debian 12's source package `kubernetes`.
# Debian ships the source and kubectl but no kube-apiserver. Takes minutes on two cores, once per machine: the result lies
# in the user's cache and is reused until this file changes.
#
#   build.sh [TARGET...]                build unless built already; the last lines of stdout are the targets' folders
#   build.sh --print-folder [TARGET]    only print that folder; exit 1 when it is not built yet
#
# TARGET is one of
#   api    kube-apiserver and kubectl, the default
#   node   kubelet, kube-controller-manager, kube-scheduler, kube-proxy and pause, which make the API a whole cluster
#
# With KUBEBUILDER_ASSETS (envtest's convention) set to a folder with a kube-apiserver, that is the folder of `api`.
set -euo pipefail

# What is built of each target, as packages of the Kubernetes source.
declare -A programs=(
  [api]='cmd/kube-apiserver cmd/kubectl'
  [node]='cmd/kubelet cmd/kube-controller-manager cmd/kube-scheduler cmd/kube-proxy'
)
# Debian's version of the upstream tarball, without Debian's own revision: only the tarball is used.
source_version=1.20.5+really1.20.2
kubernetes_version=v${source_version##*really}
build_packages=(golang-1.19-go golang-github-modern-go-reflect2-dev)

. "$(dirname "${BASH_SOURCE[0]}")/../setup-functions.sh"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/slurm-power-agent
script_hash=$(sha256sum <"${BASH_SOURCE[0]}")

say() { printf 'kubernetes: %s\n' "$*" >&2; }

folder_of() {
  if [[ $1 == api && -x ${KUBEBUILDER_ASSETS:-}/kube-apiserver ]]; then
    echo "$KUBEBUILDER_ASSETS"
  else
    echo "$cache/kubernetes-$1-$source_version-${script_hash:0:12}"
  fi
}

# Folders are put in place whole.
is_built() { [[ -d $(folder_of "$1") ]]; }

# Leaves in `targets` what is still to be built.
drop_built() {
  local target left=()
  for target in "${targets[@]}"; do is_built "$target" || left+=("$target"); done
  targets=("${left[@]}")
}

# Source packages are rarely among a machine's package sources. They are read with lists of our own, from the mirror
# that the machine already uses for Debian 12, so that the machine's settings stay untouched.
download() {
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(LABEL)' 'Created-By: Packages' |
    awk '$2 == "bookworm" && $3 == "Debian" && !seen++ { print $1 }')
  if [[ -z $mirror ]]; then
    echo "no Debian 12 (bookworm) package source is set up on this machine"
    return 1
  fi
  mkdir -p "$work/lists/partial" "$work/download"
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" >"$work/sources.list"
  local own_lists=(-o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache::srcpkgcache=" -o "Dir::Cache::pkgcache=" -o APT::Sandbox::User=root)
  apt-get "${own_lists[@]}" update -q
  cd "$work/download"
  apt-get "${own_lists[@]}" source -q --download-only kubernetes
  ls "kubernetes_$source_version.orig.tar."*
}

unpack() {
  mkdir -p "$source_folder"
  tar -xf "$work/download/kubernetes_$source_version.orig.tar."* -C "$source_folder" --strip-components=1
}

# reflect2 1.0.1, which Kubernetes 1.20 carries, crashes in programs made by Go 1.18 or newer; Debian has a mended one.
patch_reflect2() {
  local target=$source_folder/vendor/github.com/modern-go/reflect2
  rm -f "$target"/*.go "$target"/*.s
  cp /usr/share/gocode/src/github.com/modern-go/reflect2/*.{go,s} "$target/"
}

# pkg/generated/openapi is not part of the tarball: upstream's Makefile generates it from the marked packages.
generate_openapi() {
  cd "$source_folder"
  go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
  local inputs
  inputs=$(grep -rl --include='*.go' '+k8s:openapi-gen=' pkg staging/src vendor/k8s.io |
    grep -v -e code-generator -e sample-apiserver -e kube-openapi |
    xargs -n 1 dirname |
    sed -e 's#^staging/src/#k8s.io/kubernetes/vendor/#' -e 's#^vendor/#k8s.io/kubernetes/vendor/#' -e 's#^pkg#k8s.io/kubernetes/pkg#' |
    sort -u | paste -s -d ,)
  "$work/openapi-gen" --input-dirs "$inputs" --output-package k8s.io/kubernetes/pkg/generated/openapi \
    --output-file-base zz_generated.openapi --go-header-file hack/boilerplate/boilerplate.generatego.txt \
    --report-filename "$work/api-violations" --output-base "$GOPATH/src"
}

compile() {
  cd "$source_folder"
  local minor=${kubernetes_version#v1.} flags='-s -w' package target=$1 packages
  for package in component-base/version client-go/pkg/version; do
    package=k8s.io/kubernetes/vendor/k8s.io/$package
    flags+=" -X $package.gitVersion=$kubernetes_version -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*}"
  done
  mkdir "$work/$target"
  read -r -a packages <<<"${programs[$target]}"
  go build -v -ldflags "$flags" -o "$work/$target/" "${packages[@]/#/./}"
}

# The program of every Pod's first container, which holds the Pod's namespaces.
compile_pause() {
  gcc -Os -Wall -static -DVERSION="${kubernetes_version#v}" -o "$work/node/pause" "$source_folder/build/pause/linux/pause.c"
  strip "$work/node/pause"
}

print_only=
if [[ ${1:-} == --print-folder ]]; then
  print_only=1
  shift
fi
asked=("${@:-api}")
for target in "${asked[@]}"; do
  if [[ -z ${programs[$target]:-} ]]; then
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
    exit 2
  fi
done
targets=("${asked[@]}")

finish_if_built() {
  drop_built
  if ((${#targets[@]} == 0)); then
    for target in "${asked[@]}"; do folder_of "$target"; done
    exit 0
  fi
}

finish_if_built
if [[ -n $print_only ]]; then
  say "not built yet: ${targets[*]}"
  exit 1
fi

mkdir -p "$cache"
exec 9>"$cache/kubernetes.lock"
if ! flock -n 9; then
  say "another build is running, waiting for it"
  flock 9
fi
finish_if_built

# Left by a build that was killed: only the holder of the lock may have such a folder.
rm -rf "$cache"/kubernetes-build.*
work=$(mktemp -d "$cache/kubernetes-build.XXXXXX")
trap 'trap - EXIT; kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
source_folder=$work/gopath/src/k8s.io/kubernetes
# Only Go 1.19 of Debian and the packages in the tarball: nothing is fetched while building.
export PATH=/usr/lib/go-1.19/bin:$PATH GOPATH=$work/gopath GOCACHE=$work/gocache GO111MODULE=off GOFLAGS='' CGO_ENABLED=0
unset GOROOT

what=
for target in "${targets[@]}"; do what+="${what:+ }${programs[$target]//cmd\//}"; done
say "building $what $kubernetes_version from Debian's source package; 3 to 6 minutes on 2 cores, once"
if [[ " ${targets[*]} " == *' node '* ]]; then build_packages+=(gcc libc6-dev); fi
mapfile -t missing < <(missing_packages "${build_packages[@]}")
if ((${#missing[@]} > 0)); then
  if ((EUID != 0)); then
    say "missing Debian packages, install them as root: ${missing[*]}"
    exit 1
  fi
  step kubernetes "install ${missing[*]}" install_packages "${missing[@]}"
fi
step kubernetes "download the source" download
step kubernetes "unpack" unpack
step kubernetes "patch reflect2" patch_reflect2
for target in "${targets[@]}"; do
  if [[ $target == api ]]; then step kubernetes "generate the OpenAPI definitions" generate_openapi; fi
  step kubernetes "compile ${programs[$target]//cmd\//}" compile "$target"
  if [[ $target == node ]]; then step kubernetes "compile pause" compile_pause; fi
  mv -T "$work/$target" "$(folder_of "$target")"
done
say "built in $SECONDS s"
for target in "${asked[@]}"; do folder_of "$target"; done
