{{/* Volumes of head and workers. */}}
{{- define "slurm-cluster.volumes" -}}
- name: munge
  secret:
    secretName: {{ include "slurm-cluster.mungeSecret" . }}
    defaultMode: 0400
- name: slurm-conf
  configMap:
    name: {{ include "slurm-cluster.name" . }}-slurm-conf
{{- if .Values.ldap.enabled }}
- name: nslcd
  secret:
    secretName: {{ include "slurm-cluster.name" . }}-nslcd
    defaultMode: 0400
{{- end }}
{{- if ne .Values.home.type "none" }}
{{ include "slurm-cluster.storage" (list . "home") }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* One volume as `home` or `state` asks for it. Takes a list: the root context, the key. */}}
{{- define "slurm-cluster.storage" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- $volume := get $root.Values $key -}}
- name: {{ $key }}
{{- if eq $volume.type "hostPath" }}
  hostPath:
    path: {{ $volume.hostPath }}
    type: DirectoryOrCreate
{{- else }}
  persistentVolumeClaim:
    claimName: {{ ternary $volume.existingClaim (printf "%s-%s" (include "slurm-cluster.name" $root) $key) (eq $volume.type "existingClaim") }}
{{- end }}
{{- end -}}

{{/* Where head and workers mount them. */}}
{{- define "slurm-cluster.volumeMounts" -}}
- name: munge
  mountPath: /var/munge
  readOnly: true
- name: slurm-conf
  mountPath: /var/slurm
  readOnly: true
{{- if .Values.ldap.enabled }}
- name: nslcd
  mountPath: /var/nslcd
  readOnly: true
{{- end }}
{{- if ne .Values.home.type "none" }}
- name: home
  mountPath: /home
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* PodSpec of the head. No fsGroup: on many kinds of storage it would make a group's all that is in /home. */}}
{{- define "slurm-cluster.headSpec" -}}
terminationGracePeriodSeconds: 60
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: slurmctld
    image: {{ include "slurm-cluster.image" (list . .Values.head.image) }}
    imagePullPolicy: {{ .Values.head.image.pullPolicy }}
    ports:
      - {name: slurmctld, containerPort: 6817}
      - {name: ssh, containerPort: 22}
      - {name: metrics, containerPort: {{ .Values.powerAgent.metricsPort | default 9810 | int }}}
    # No liveness probe: to kill a slurmctld that is busy makes things worse; when it ends, its container is started again.
    readinessProbe:
      exec:
        command: [scontrol, ping]
      periodSeconds: 10
      timeoutSeconds: 10
    {{- with .Values.head.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    volumeMounts:
      {{- include "slurm-cluster.volumeMounts" . | nindent 6 }}
      {{- if ne .Values.state.type "none" }}
      - name: state
        mountPath: /var/spool/slurmctld
      {{- end }}
volumes:
  {{- include "slurm-cluster.volumes" . | nindent 2 }}
  {{- if ne .Values.state.type "none" }}
  {{- include "slurm-cluster.storage" (list . "state") | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* PodSpec of a group's workers. Takes a list: the root context, the group. Without limits slurmd would take the whole
     machine's CPUs and memory for its own. */}}
{{- define "slurm-cluster.workerSpec" -}}
{{- $root := index . 0 -}}
{{- $group := index . 1 -}}
{{- $limits := dict "cpu" (toString (int $group.cpus)) "memory" $group.memory -}}
{{- range $gres := $group.gres -}}
{{- with $gres.resource -}}
{{- $_ := set $limits . (add (get $limits . | default 0 | int) (int $gres.count) | toString) -}}
{{- end -}}
{{- end -}}
automountServiceAccountToken: false
terminationGracePeriodSeconds: {{ int $root.Values.worker.terminationGracePeriodSeconds }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: slurmd
    image: {{ include "slurm-cluster.image" (list $root (mergeOverwrite (deepCopy $root.Values.worker.image) ($group.image | default dict))) }}
    imagePullPolicy: {{ ($group.image | default dict).pullPolicy | default $root.Values.worker.image.pullPolicy }}
    ports:
      - {name: slurmd, containerPort: 6818}
    resources:
      limits:
        {{- toYaml $limits | nindent 8 }}
      requests:
        {{- toYaml (mergeOverwrite (deepCopy $limits) ($group.requests | default dict)) | nindent 8 }}
    volumeMounts:
      {{- include "slurm-cluster.volumeMounts" $root | nindent 6 }}
volumes:
  {{- include "slurm-cluster.volumes" $root | nindent 2 }}
{{- end -}}
