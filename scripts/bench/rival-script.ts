/**
 * The ResumeProgram that an admin would write with kubectl and jq. It is given every advantage: it does not check names, does not look
 * at what Pods run, is not safe against others who write, and kubectl may keep what it has learned of the API.
 */
export function adminScript(facts: {
  readonly cluster: string;
  readonly kubectl: string;
  readonly server: string;
  /** Folder of the service account's files. */
  readonly account: string;
}): string {
  const { cluster, kubectl, server, account } = facts;
  return `#!/bin/bash
set -euo pipefail
export PATH=/usr/bin:/bin HOME=/run/slurm-power-agent
kubectl=(${kubectl} --server=${server} --certificate-authority=${account}/ca.crt --token="$(<${account}/token)" --namespace=default)
patch=$(
  {
    "\${kubectl[@]}" get slurmcluster ${cluster} -o json
    scontrol show hostnames "$1" | jq -R '{ name: . }'
  } | jq -c -s '
    (.[1:] | map(.name)) as $names
    | ($names | map(sub("^.*-"; "") | tonumber)) as $indexes
    | .[0].spec.workerGroupSpecs[0] as $group
    | (($group.podsToBeCreated // []) + $indexes | unique) as $created
    | [
        { op: "add", path: "/spec/workerGroupSpecs/0/podsToBeCreated", value: $created },
        { op: "add", path: "/spec/workerGroupSpecs/0/podsToBeDeleted", value: (($group.podsToBeDeleted // []) - $names) },
        { op: "add", path: "/spec/workerGroupSpecs/0/replicas", value: ($created | length) }
      ]'
)
"\${kubectl[@]}" patch slurmcluster ${cluster} --type=json --patch "$patch" >/dev/null
`;
}
