#!/usr/bin/env bash
# Brings what the project needs onto this machine: Debian 12 with Node and npm, as root. Says what it installs; does and
# prints nothing when everything is there.
#
#   setup.sh COMPONENT...
#
#   npm         the npm packages of package-lock.json, among them the Node that everything runs on
#   slurm       Slurm and munge, for tests and the demo
#   kubernetes  etcd and kube-apiserver; with KUBEBUILDER_ASSETS set to a folder that has them, they are taken from there
#   cluster     kubernetes, and what makes it a whole cluster with a real kubelet, and images
#   cluster-if-possible  the same on Linux as root; elsewhere it says that its tests will be skipped, and goes on
#   trixie      the newer Slurm of Debian 13 in a folder of its own, for comparing answers and recording what it prints
#   sid         the same with the newest Slurm, that of Debian's development; only for recording
#   prometheus  Prometheus and promtool, to try metrics, dashboard and alerts
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/setup-functions.sh

slurm_packages=(slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/slurm-power-agent
npm_stamp=node_modules/.slurm-power-agent-setup

has_kubebuilder_assets() { [[ -x ${KUBEBUILDER_ASSETS:-}/etcd && -x $KUBEBUILDER_ASSETS/kube-apiserver ]]; }

# What the installed npm packages depend on, as one hash.
npm_state() { cat package-lock.json package.json vendor/*/package.json .npmrc | sha256sum; }

npm_is_ready() {
  [[ -x node_modules/.bin/node && -f $npm_stamp && $(<"$npm_stamp") == "$(npm_state)" ]]
}

# Prints the Debian packages that a component needs, one a line.
packages_of() {
  case $1 in
    slurm) printf '%s\n' "${slurm_packages[@]}" ;;
    kubernetes)
      echo openssl
      has_kubebuilder_assets || echo etcd-server
      ;;
    cluster)
      printf '%s\n' openssl etcd-server containerd runc containernetworking-plugins iptables conntrack ethtool socat \
        iproute2 procps dnsmasq-base buildah debootstrap
      ;;
  esac
}

kubernetes_is_ready() { has_kubebuilder_assets || bash scripts/cluster/build.sh --print-folder >/dev/null 2>&1; }

# From now on until the end only one setup runs per user; what another one just did is seen by the check that follows.
take_lock() {
  [[ -z ${locked:-} ]] || return 0
  locked=1
  mkdir -p "$cache"
  exec 9>"$cache/setup.lock"
  flock -n 9 && return
  echo "setup: another setup is running, waiting for it" >&2
  flock 9
}

install_npm_packages() {
  # `npm run` puts node_modules/.bin first; npm may replace the Node there and needs the machine's own.
  local entry path=
  while read -r -d : entry; do
    [[ $entry == */node_modules/.bin || $entry == */node-gyp-bin ]] || path+=${path:+:}$entry
  done <<<"$PATH:"
  # Not `npm ci`: it fails where the registry lacks a package for some other platform (optional dependencies of biome and
  # knip). This installs what package-lock.json says, too, and does not write to it; it also keeps what is right already.
  PATH=$path npm install --no-save --no-audit --no-fund
  if ! node_modules/.bin/node --version; then
    echo "npm did not run the install script of the package node: is ignore-scripts set in your npm settings?"
    return 1
  fi
  npm_state >"$npm_stamp"
}

set_up_npm() {
  npm_is_ready && return
  take_lock
  npm_is_ready && return
  if ! command -v npm >/dev/null; then
    echo "setup: npm is missing: install Node 18 or newer with npm 9 or newer" >&2
    return 1
  fi
  step setup "npm packages (npm install)" install_npm_packages
}

# All components' packages at once: one apt-get update, one installation.
set_up_packages() {
  local component needed=() missing=()
  for component in "$@"; do mapfile -t -O "${#needed[@]}" needed < <(packages_of "$component"); done
  ((${#needed[@]} > 0)) || return 0
  mapfile -t missing < <(missing_packages "${needed[@]}")
  ((${#missing[@]} > 0)) || return 0
  if ! command -v apt-get >/dev/null || ((EUID != 0)); then
    echo "setup: missing Debian 12 packages: ${missing[*]}" >&2
    echo "setup: install them as root: apt-get install --no-install-recommends ${missing[*]}" >&2
    return 1
  fi
  take_lock
  mapfile -t missing < <(missing_packages "${needed[@]}")
  ((${#missing[@]} > 0)) || return 0
  step setup "Debian packages ${missing[*]}" install_packages "${missing[@]}"
}

(($# > 0)) || { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2; exit 2; }
components=()
for component in "$@"; do
  if [[ $component == cluster-if-possible ]]; then
    if ((EUID != 0)) || [[ $(uname) != Linux ]]; then
      echo "setup: no local Kubernetes, which needs Linux and root: its tests will be skipped" >&2
      continue
    fi
    component=cluster
  fi
  components+=("$component")
done
set -- "${components[@]}"
for component in "$@"; do
  case $component in
    npm | slurm | kubernetes | cluster | trixie | sid | prometheus) ;;
    *)
      echo "setup: unknown component \"$component\"; there are npm, slurm, kubernetes, cluster, trixie, sid, prometheus" >&2
      exit 2
      ;;
  esac
done
set_up_packages "$@"
for component in "$@"; do
  case $component in
    npm) set_up_npm ;;
    kubernetes) kubernetes_is_ready || bash scripts/cluster/build.sh 9>&- >/dev/null ;;
    # Both at once: they share the unpacked source and what is compiled of it.
    cluster)
      env -u KUBEBUILDER_ASSETS bash scripts/cluster/build.sh --print-folder api node >/dev/null 2>&1 ||
        env -u KUBEBUILDER_ASSETS bash scripts/cluster/build.sh api node 9>&- >/dev/null
      ;;
    trixie | sid) bash scripts/debian-root.sh "$component" 9>&- >/dev/null ;;
    prometheus) bash scripts/prometheus.sh 9>&- >/dev/null ;;
  esac
done
