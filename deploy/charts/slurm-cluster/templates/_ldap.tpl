{{/* slapd.conf of the trial server: anybody may read all but passwords, and nobody may write. */}}
{{- define "slurm-cluster.slapdConf" -}}
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "{{ .Values.ldap.base }}"
directory /var/lib/ldap
index objectClass,uid,uidNumber,gidNumber,cn,memberUid eq
access to attrs=userPassword by anonymous auth by * none
access to * by * read
{{- end -}}

{{/* The trial server's entries: a user and a group of the same name and number for each of ldap.server.users. */}}
{{- define "slurm-cluster.usersLdif" -}}
{{- $base := .Values.ldap.base -}}
{{- if not (regexMatch "^dc=[a-zA-Z0-9-]+(,dc=[a-zA-Z0-9-]+)*$" $base) -}}
{{- fail (printf "ldap.base %q: the trial server takes only the form dc=example,dc=org" $base) -}}
{{- end -}}
dn: {{ $base }}
objectClass: dcObject
objectClass: organization
o: {{ include "slurm-cluster.name" . }}
dc: {{ index (splitList "," $base) 0 | trimPrefix "dc=" }}
{{- range .Values.ldap.server.users }}

dn: uid={{ .name }},{{ $base }}
objectClass: account
objectClass: posixAccount
uid: {{ .name }}
cn: {{ .name }}
uidNumber: {{ int .uid }}
gidNumber: {{ int .uid }}
homeDirectory: /home/{{ .name }}
loginShell: /bin/bash
{{- with .passwordHash }}
userPassword: {{ . }}
{{- end }}

dn: cn={{ .name }},{{ $base }}
objectClass: posixGroup
cn: {{ .name }}
gidNumber: {{ int .uid }}
{{- end }}
{{- end -}}
