{{/* Deployment, ServiceAccount and Roles; one operator in a namespace. */}}
{{- define "slurm-operator.name" -}}
slurm-operator
{{- end -}}

{{- define "slurm-operator.labels" -}}
app.kubernetes.io/name: slurm-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The ClusterRole: cluster-wide, so that two operators for two namespaces need two. */}}
{{- define "slurm-operator.clusterRole" -}}
{{- if .Values.watchNamespace -}}
slurm-operator-{{ .Values.watchNamespace }}
{{- else -}}
slurm-operator
{{- end -}}
{{- end -}}
