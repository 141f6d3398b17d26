import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { clusterLabel, findIdentity, type IdentitySources } from "../../src/settings/identity.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

function sources(given: Partial<IdentitySources> & { files?: Record<string, string> } = {}): IdentitySources {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "podinfo"));
  mkdirSync(join(folder, "account"));
  for (const [name, text] of Object.entries(given.files ?? {})) writeFileSync(join(folder, name), text);
  return {
    flags: {},
    env: {},
    settings: { namespace: undefined, cluster: undefined },
    settingsFile: "/etc/slurm/power-agent.yaml",
    podFiles: { podInfo: join(folder, "podinfo"), serviceAccount: join(folder, "account") },
    ...given,
  };
}

const labels = 'app="x"\nkai.alibabacloud.com/slurm-cluster="from-label"\nkai.alibabacloud.com/slurm-node-type="head"';
const pod = { "podinfo/namespace": "from-pod\n", "podinfo/labels": labels, "account/namespace": "from-account" };

describe("findIdentity", () => {
  test("takes the first of flag, environment, settings, Pod files", () => {
    const all = {
      files: pod,
      flags: { namespace: "from-flag", cluster: "flag" },
      env: { SLURM_NAMESPACE: "from-env", SLURM_CLUSTER: "env" },
      settings: { namespace: "from-file", cluster: "file" },
    };
    expect(findIdentity(sources(all))).toEqual({ namespace: "from-flag", cluster: "flag" });
    expect(findIdentity(sources({ ...all, flags: {} }))).toEqual({ namespace: "from-env", cluster: "env" });
    expect(findIdentity(sources({ files: pod, settings: all.settings }))).toEqual({
      namespace: "from-file",
      cluster: "file",
    });
    expect(findIdentity(sources({ files: pod }))).toEqual({ namespace: "from-pod", cluster: "from-label" });
    expect(findIdentity(sources({ files: { ...pod, "podinfo/namespace": "" } })).namespace).toBe("from-account");
  });

  test("without any, the error lists every place", () => {
    const nothing = sources();
    expect(() => findIdentity(nothing)).toThrow(SettingsError);
    expect(() => findIdentity(nothing)).toThrow(
      `cannot tell the namespace; looked at --namespace, SLURM_NAMESPACE, "namespace" in /etc/slurm/power-agent.yaml, ` +
        `${nothing.podFiles.podInfo}/namespace, ${nothing.podFiles.serviceAccount}/namespace`,
    );
    expect(() => findIdentity(sources({ env: { SLURM_NAMESPACE: "a" } }))).toThrow(
      /cannot tell the cluster.*slurm-cluster in .*labels/,
    );
  });

  test.each(["../../x", "UPPER", "a b", "a/b"])("%j cannot get into an API path", (cluster) => {
    expect(() => findIdentity(sources({ env: { SLURM_CLUSTER: cluster, SLURM_NAMESPACE: "a" } }))).toThrow(
      `SLURM_CLUSTER gives cluster "${cluster}", which is not a DNS name`,
    );
  });
});

test("clusterLabel finds the label among others and none elsewhere", () => {
  expect(clusterLabel(labels)).toBe("from-label");
  expect(clusterLabel('x.kai.alibabacloud.com/slurm-cluster="no"')).toBeUndefined();
  expect(clusterLabel("")).toBeUndefined();
});
