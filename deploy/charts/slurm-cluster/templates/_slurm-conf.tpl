{{/* slurm.conf. docs/slurm-conf.md says why each setting is there. */}}
{{- define "slurm-cluster.slurmConf" -}}
{{- $name := include "slurm-cluster.name" . -}}
{{- $release := include "slurm-cluster.slurmRelease" . | int -}}
ClusterName={{ $name }}
SlurmctldHost={{ $name }}-0
SlurmUser=slurm
AuthType=auth/munge
AuthInfo=cred_expire=30
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd
MailProg=/bin/true

# Power saving.
SuspendProgram=/slurm-suspend.sh
ResumeProgram=/slurm-resume.sh
ResumeFailProgram=/slurm-resume-fail.sh
SuspendTime={{ int .Values.slurm.suspendTime }}
SuspendTimeout={{ int .Values.slurm.suspendTimeout }}
ResumeTimeout={{ int .Values.slurm.resumeTimeout }}
SuspendRate=0
ResumeRate=0
SlurmctldParameters=cloud_dns
{{- if lt $release 2302 }}
PrivateData=cloud
{{- else }}
ReconfigFlags=KeepPowerSaveSettings
{{- end }}
{{- if lt $release 2411 }}
CommunicationParameters=NoAddrCache
{{- end }}
TreeWidth=65533
ReturnToService=2
JobRequeue=1

# Inside Pods, whose limits Kubernetes holds.
ProctrackType=proctrack/linuxproc
{{- if lt $release 2302 }}
TaskPlugin=task/none
{{- end }}
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
{{- if .Values.accounting.enabled }}

AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost={{ $name }}-slurmdbd
JobAcctGatherType=jobacct_gather/linux
{{- end }}
{{- $gresTypes := list }}
{{- range .Values.workerGroups }}{{ range .gres }}{{ $gresTypes = append $gresTypes .name }}{{ end }}{{ end }}
{{- with $gresTypes }}

GresTypes={{ uniq . | join "," }}
{{- end }}

# Worker groups.
{{- range .Values.workerGroups }}
NodeName={{ include "slurm-cluster.nodes" (list $ .) }} CPUs={{ int .cpus }} RealMemory={{ include "slurm-cluster.realMemory" (list $ .) }}
{{- with include "slurm-cluster.gres" . }} Gres={{ . }}{{ end }} Feature={{ concat (list "cloud" .name) (.features | default list) | uniq | join "," }} State=CLOUD
{{- with .nodeOptions }} {{ . }}{{ end }}
{{- end }}

{{- range $index, $partition := .Values.partitions }}
{{- $nodes := list }}
{{- $share := 0 }}
{{- range $.Values.workerGroups }}
{{- if or (not $partition.groups) (has .name $partition.groups) }}
{{- $nodes = append $nodes (include "slurm-cluster.nodes" (list $ .)) }}
{{- $own := div (include "slurm-cluster.realMemory" (list $ .) | int) (int .cpus) }}
{{- $share = ternary $own (min $share $own) (eq (int $share) 0) }}
{{- end }}
{{- end }}
PartitionName={{ .name }} Nodes={{ join "," $nodes }} Default={{ ternary "YES" "NO" (eq $index 0) }} DefMemPerCPU={{ $share }} State=UP
{{- with .options }} {{ . }}{{ end }}
{{- end }}
{{- with .Values.slurm.extraConf }}

# slurm.extraConf
{{ trim . }}
{{- end }}
{{- end -}}

{{/* gres.conf. Without AutoDetect some releases look for GPUs at each start of slurmd, and log errors where there are none. GPUs
     without `file` are left out: each worker adds the devices that it finds. */}}
{{- define "slurm-cluster.gresConf" -}}
AutoDetect={{ .Values.slurm.gresAutoDetect }}
{{- range $group := .Values.workerGroups }}
{{- range .gres }}
{{- if or .file (ne .name "gpu") (ne $.Values.slurm.gresAutoDetect "off") }}
NodeName={{ include "slurm-cluster.nodes" (list $ $group) }} Name={{ .name }}
{{- with .type }} Type={{ . }}{{ end }}
{{- if .file }} File={{ .file }}{{ else }} Count={{ int .count }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* cgroup.conf. From 23.02 on Slurm can be told to leave cgroups alone; 22.05 does so with cgroup/v1 when no plugin uses it. */}}
{{- define "slurm-cluster.cgroupConf" -}}
{{- if .Values.slurm.cgroupConf -}}
{{ trim .Values.slurm.cgroupConf }}
{{- else if lt (include "slurm-cluster.slurmRelease" . | int) 2302 -}}
CgroupPlugin=cgroup/v1
{{- else -}}
CgroupPlugin=disabled
{{- end -}}
{{- end -}}
