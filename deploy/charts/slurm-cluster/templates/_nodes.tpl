{{/* A quantity such as 512Mi or 4Gi in MiB. */}}
{{- define "slurm-cluster.mebibytes" -}}
{{- if hasSuffix "Gi" . -}}
{{- mul (trimSuffix "Gi" . | atoi) 1024 -}}
{{- else -}}
{{- trimSuffix "Mi" . | atoi -}}
{{- end -}}
{{- end -}}

{{/* Slurm's host list of all nodes of a group. Takes a list: the root context, the group. */}}
{{- define "slurm-cluster.nodes" -}}
{{- $root := index . 0 -}}
{{- $group := index . 1 -}}
{{- $stem := printf "%s-worker-%s-" (include "slurm-cluster.name" $root) $group.name -}}
{{- $last := sub (int $group.maxNodes) 1 -}}
{{- $longest := printf "%s%d" $stem $last -}}
{{- if gt (len $longest) 63 -}}
{{- fail (printf "worker group %q: its last worker would be %q, which has %d characters, and a Pod's host name can have 63: shorten clusterName or the group's name" $group.name $longest (len $longest)) -}}
{{- end -}}
{{- if eq (int $last) 0 -}}
{{- $longest -}}
{{- else -}}
{{- printf "%s[0-%d]" $stem $last -}}
{{- end -}}
{{- end -}}

{{/* What Slurm may give to jobs on a worker of a group, in MiB. Takes a list: the root context, the group. */}}
{{- define "slurm-cluster.realMemory" -}}
{{- $root := index . 0 -}}
{{- $group := index . 1 -}}
{{- $memory := include "slurm-cluster.mebibytes" $group.memory | int -}}
{{- $reserve := include "slurm-cluster.mebibytes" $root.Values.worker.memoryReserve | int -}}
{{- if le $memory $reserve -}}
{{- fail (printf "worker group %q: memory %s must be more than worker.memoryReserve, %s" $group.name $group.memory $root.Values.worker.memoryReserve) -}}
{{- end -}}
{{- sub $memory $reserve -}}
{{- end -}}

{{/* Slurm's Gres of a group, such as gpu:a100:2; empty for none. */}}
{{- define "slurm-cluster.gres" -}}
{{- $gres := list -}}
{{- range .gres -}}
{{- $gres = append $gres (compact (list .name .type (toString .count)) | join ":") -}}
{{- end -}}
{{- join "," $gres -}}
{{- end -}}

{{/* Refuses what a schema cannot see: settings that contradict each other. */}}
{{- define "slurm-cluster.check" -}}
{{- $names := list -}}
{{- range .Values.workerGroups -}}
{{- if has .name $names -}}
{{- fail (printf "workerGroups: there are two groups named %q" .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- $gpus := 0 -}}
{{- $unnamed := 0 -}}
{{- range .gres -}}
{{- if eq .name "gpu" -}}
{{- $gpus = add1 $gpus -}}
{{- if not .file -}}
{{- $unnamed = add1 $unnamed -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (gt (int $gpus) 1) (gt (int $unnamed) 0) (eq $.Values.slurm.gresAutoDetect "off") -}}
{{- fail (printf "worker group %q: with GPUs of several types each gres needs its `file`, such as /dev/nvidia[0-3]; or set slurm.gresAutoDetect" .name) -}}
{{- end -}}
{{- end -}}
{{- $partitions := list -}}
{{- range $partition := .Values.partitions -}}
{{- if has .name $partitions -}}
{{- fail (printf "partitions: there are two partitions named %q" .name) -}}
{{- end -}}
{{- $partitions = append $partitions .name -}}
{{- range .groups -}}
{{- if not (has . $names) -}}
{{- fail (printf "partition %q: there is no worker group %q, only %s" $partition.name . (join ", " $names)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $grace := int .Values.worker.terminationGracePeriodSeconds -}}
{{- if le (int .Values.slurm.suspendTimeout) $grace -}}
{{- fail (printf "slurm.suspendTimeout is %d and must be more than worker.terminationGracePeriodSeconds, %d: Slurm may wake a node again when suspendTimeout is over, and its old Pod must be gone by then" (int .Values.slurm.suspendTimeout) $grace) -}}
{{- end -}}
{{- range $key := list "home" "state" -}}
{{- $volume := get $.Values $key -}}
{{- if and (eq $volume.type "existingClaim") (not $volume.existingClaim) -}}
{{- fail (printf "%s.type is existingClaim: name the claim in %s.existingClaim" $key $key) -}}
{{- end -}}
{{- if and (eq $volume.type "hostPath") (not $volume.hostPath) -}}
{{- fail (printf "%s.type is hostPath: give the machine's folder in %s.hostPath" $key $key) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.ldap.enabled (not .Values.ldap.uri) (not .Values.ldap.server.enabled) -}}
{{- fail "ldap.enabled: give the server in ldap.uri, or enable the trial server by ldap.server.enabled" -}}
{{- end -}}
{{- if and .Values.accounting.enabled (not .Values.accounting.existingSecret) (not .Values.accounting.mariadb.enabled) -}}
{{- fail "accounting.enabled: name the Secret that holds slurmdbd.conf in accounting.existingSecret, or enable the trial database by accounting.mariadb.enabled" -}}
{{- end -}}
{{- if and .Values.accounting.existingSecret .Values.accounting.mariadb.enabled -}}
{{- fail "accounting.existingSecret is for a database of your own, and accounting.mariadb.enabled starts one: choose one of them" -}}
{{- end -}}
{{- include "slurm-cluster.checkPodSpec" (list "head.podSpec" .Values.head.podSpec) -}}
{{- range .Values.workerGroups -}}
{{- include "slurm-cluster.checkPodSpec" (list (printf "podSpec of worker group %q" .name) .podSpec) -}}
{{- end -}}
{{- end -}}

{{- define "slurm-cluster.checkPodSpec" -}}
{{- range list "containers" "volumes" -}}
{{- if hasKey (index $ 1 | default dict) . -}}
{{- fail (printf "%s: %s are made by the chart; see image, resources, extraVolumes and extraVolumeMounts" (index $ 0) .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
