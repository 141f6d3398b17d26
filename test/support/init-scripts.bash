# Runs the scripts of head and worker in namespaces of their own, with a file system that forgets everything. Called by
# `unshare --mount --pid --fork --net --uts --ipc --kill-child` with the folder that holds head.bash and worker.bash.
set -euo pipefail
cd "$1"
mount --make-rprivate /
for folder in etc var run; do
  mkdir "$folder"
  mount -t tmpfs none "$folder"
  mkdir "$folder/upper" "$folder/work"
  mount -t overlay none -o "lowerdir=/$folder,upperdir=$folder/upper,workdir=$folder/work" "/$folder"
done
mount -t proc none /proc
# Not the loopback device alone: Slurm looks names up with AI_ADDRCONFIG.
ip link set lo up
ip link add pods type bridge
ip address add 10.9.9.1/24 dev pods
ip link set pods up
hostname demo-0
echo '10.9.9.1 demo-0 demo-worker-cpu-0 demo-worker-cpu-1' >/etc/hosts
rm -rf /etc/slurm /etc/munge /run/munge /run/slurm-power-agent /var/k8s-info /var/spool/slurmctld
mkdir -p /var/munge /var/slurm /etc/slurmd-podinfo
head -c 64 /dev/urandom >/var/munge/munge.key
cat >/var/slurm/slurm.conf <<'C'
ClusterName=demo
SlurmctldHost=demo-0
SlurmUser=slurm
StateSaveLocation=/var/spool/slurmctld
SlurmctldLogFile=/var/log/slurmctld.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdSpoolDir=/var/spool/slurmd
CommunicationParameters=NoAddrCache
SlurmctldParameters=cloud_dns
ResumeProgram=/bin/true
SuspendProgram=/bin/true
SuspendTime=600
PrivateData=cloud
include nodes.conf
C
printf 'NodeName=demo-worker-cpu-[0-1] CPUs=1 RealMemory=100 State=CLOUD\nPartitionName=main Nodes=ALL Default=YES\n' >/var/slurm/nodes.conf
echo 'StoragePass=secret' >/var/slurm/slurmdbd.conf
chmod 0644 /var/slurm/slurmdbd.conf
export KUBERNETES_SERVICE_HOST=10.0.0.1 KUBERNETES_SERVICE_PORT=443

until_true() {
  local i
  for ((i = 0; i < 300; i++)); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.2
  done
  echo "waited a minute for: $*"
  exit 1
}
node_is() { [ "$(sinfo -h -N -n "$1" -o %T)" = "$2" ]; }

HOSTNAME=demo-0 bash -c "$(<head.bash)" head-init >head.log 2>&1 &
until_true scontrol ping
scontrol update NodeName=demo-worker-cpu-0 State=POWER_UP
# The worker is another container: it has its own folders, and its own munged.
worker() {
  local namespaces=(--mount --pid --fork --kill-child)
  # shellcheck disable=SC2016
  local script='mount -t proc none /proc; mount -t tmpfs none /run; mkdir /run/munge; mount -t tmpfs none /etc/slurm; exec bash -c "$(<worker.bash)" worker-init'
  HOSTNAME=$1 exec unshare "${namespaces[@]}" bash -c "$script"
}
worker demo-worker-cpu-0 >worker.log 2>&1 &
worker=$!
until_true node_is demo-worker-cpu-0 idle
echo "job: $(srun -w demo-worker-cpu-0 sh -c 'echo $SLURMD_NODENAME')"
echo "address: $(paste -d: /var/k8s-info/k8s_svc_host /var/k8s-info/k8s_svc_port)"
for path in /var/spool/slurmctld /run/slurm-power-agent /var/log/slurm-resume.log /var/log/slurm-suspend.log /etc/munge/munge.key /etc/slurm/slurmdbd.conf; do
  echo "file: $(stat -c '%n %U %a' "$path")"
done
echo "slurmctld: $(ps -o user= -C slurmctld | sort -u)"
kill "$(ps -o pid= --sort=start_time -C munged | head -n 1)"
until_true grep -q 'munged ended with exit code' head.log
echo "told: $(grep -o 'munged ended with exit code [0-9]*; starts again in 5 s' head.log)"
echo "told: $(grep -o 'every user here can read /var/slurm/slurmdbd.conf, which holds a secret' head.log)"

until_true munge --no-input
for _ in {1..10}; do srun -w demo-worker-cpu-0 true; done
until_true bash -c "! pgrep slurmstepd || ! ps -eo stat=,comm= | grep '^[^Z].*slurmstepd'"
sleep 1
echo "zombies: $(ps -eo stat=,comm= | grep -c '^Z' || :)"
pkill --parent "$worker" -TERM
code=0
wait "$worker" || code=$?
echo "worker ended: $code, $(grep -o 'Slurmd shutdown completing' worker.log)"

# In hundredths of a second: how old the Pod is when its slurmd starts, and the last tick of the machine's uptime.
{
  echo podinfo=/etc/slurmd-podinfo
  sed -n '/^wait_for_boot_to_count() {/,/^}/p' worker.bash
} >boot.bash
for _ in {1..10}; do
  touch /etc/slurmd-podinfo
  bash -euc 'made=$1; . ./boot.bash; wait_for_boot_to_count; read -r up _ </proc/uptime; echo "$(($(date +%s%2N) - ${made/./})) $((10#${up#*.}))"' \
    boot "$(stat --format=%.2Y /etc/slurmd-podinfo)"
done >ages
echo "boots that count: $(awk '$1 >= $2' ages | wc -l)"
