{{/* slurmdbd.conf for the trial database. Takes a list: the root context, the password. */}}
{{- define "slurm-cluster.slurmdbdConf" -}}
{{- $root := index . 0 -}}
{{- $name := include "slurm-cluster.name" $root -}}
AuthType=auth/munge
DbdHost={{ $name }}-slurmdbd
SlurmUser=slurm
StorageType=accounting_storage/mysql
StorageHost={{ $name }}-mariadb
StorageLoc=slurm_acct_db
StorageUser=slurm
StoragePass={{ index . 1 }}
{{- end -}}

{{/* What the trial database runs at each start: the password of the Secret is the user's, also when it was changed. Takes the
     password. */}}
{{- define "slurm-cluster.databaseSql" -}}
CREATE DATABASE IF NOT EXISTS slurm_acct_db;
CREATE OR REPLACE USER slurm@'%' IDENTIFIED BY '{{ . }}';
GRANT ALL ON slurm_acct_db.* TO slurm@'%';
{{- end -}}

{{/* PodSpec of slurmdbd. The operator adds the command, which takes its configuration from /var/slurm. */}}
{{- define "slurm-cluster.slurmdbdSpec" -}}
automountServiceAccountToken: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: slurmdbd
    image: {{ include "slurm-cluster.image" (list . .Values.accounting.image) }}
    imagePullPolicy: {{ .Values.accounting.image.pullPolicy }}
    ports:
      - {name: slurmdbd, containerPort: 6819}
    readinessProbe:
      tcpSocket:
        port: slurmdbd
    volumeMounts:
      - {name: munge, mountPath: /var/munge, readOnly: true}
      - {name: slurm-conf, mountPath: /var/slurm, readOnly: true}
volumes:
  - name: munge
    secret:
      secretName: {{ include "slurm-cluster.mungeSecret" . }}
      defaultMode: 0400
  - name: slurm-conf
    projected:
      defaultMode: 0400
      sources:
        - configMap:
            name: {{ include "slurm-cluster.name" . }}-slurm-conf
        - secret:
            name: {{ include "slurm-cluster.slurmdbdSecret" . }}
            items:
              - {key: slurmdbd.conf, path: slurmdbd.conf}
{{- end -}}
