{{/* The cluster's name: that of the SlurmCluster, of Slurm's own cluster, and prefix of every node. */}}
{{- define "slurm-cluster.name" -}}
{{- $name := .Values.clusterName | default .Release.Name -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "the cluster's name %q must begin with a letter and consist of lower-case letters, digits and hyphens: set clusterName" $name) -}}
{{- end -}}
{{- if gt (len $name) 40 -}}
{{- fail (printf "the cluster's name %q has %d characters, and Slurm allows 40: set clusterName" $name (len $name)) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{/* Labels of every object of this chart. */}}
{{- define "slurm-cluster.labels" -}}
app.kubernetes.io/name: slurm-cluster
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* "repository:tag" of an image; its tag is the suite by default. Takes a list: the root context, the image. */}}
{{- define "slurm-cluster.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- printf "%s:%s" $image.repository ($image.tag | default $root.Values.suite) -}}
{{- end -}}

{{/* Slurm's release as a number, 2205 for 22.05. */}}
{{- define "slurm-cluster.slurmRelease" -}}
{{- $ofSuite := dict "bookworm" "22.05" "trixie" "24.11" "sid" "26.05" -}}
{{- .Values.slurm.version | default (get $ofSuite .Values.suite) | replace "." "" -}}
{{- end -}}

{{/* Name of the Secret that holds munge.key. */}}
{{- define "slurm-cluster.mungeSecret" -}}
{{- .Values.munge.existingSecret | default (printf "%s-munge" (include "slurm-cluster.name" .)) -}}
{{- end -}}

{{/* Name of the Secret that holds slurmdbd.conf. */}}
{{- define "slurm-cluster.slurmdbdSecret" -}}
{{- .Values.accounting.existingSecret | default (printf "%s-slurmdbd" (include "slurm-cluster.name" .)) -}}
{{- end -}}
