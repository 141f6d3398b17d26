import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { api } from "../../../../src/copilot/check/api.ts";
import { clocks } from "../../../../src/copilot/check/clocks.ts";
import { neededRights, rights } from "../../../../src/copilot/check/rights.ts";
import { makeFacts, outcomeOf, told } from "../../../support/check-facts.ts";

describe("API", () => {
  test.each([
    ["Network", "ApiUnreachable"],
    ["Timeout", "ApiUnreachable"],
    ["Tls", "ApiUntrusted"],
    ["Unauthorized", "ApiLogin"],
    ["Credentials", "ApiLogin"],
    ["NotFound", "NoSlurmCluster"],
    ["ServerError", "ApiUnreachable"],
  ] as const)("%s", (kind, code) => {
    expect(told(api, { facts: { apiProblem: { kind, message: "why" }, resource: { unknown: "why" } } })).toEqual([
      `${code} https://api: why`,
    ]);
  });

  test("what is forbidden is a matter of rights", () => {
    const facts = { apiProblem: { kind: "Forbidden", message: "no" }, resource: { unknown: "forbidden" } } as const;
    expect(outcomeOf(api, { facts })).toEqual({ findings: [], unchecked: "forbidden" });
  });

  test("all is well", () => expect(outcomeOf(api)).toEqual({ findings: [] }));
});

/** verb, group, resource and name of each right that a manifest grants; the name of the cluster is slurm-demo there. */
async function granted(manifest: string): Promise<string[]> {
  const file = join(import.meta.dirname, "../../../../deploy/rbac", `${manifest}.yaml`);
  const roles = parseAllDocuments(await readFile(file, "utf8"))
    .map((document) => document.toJS() as { kind: string; rules: Rule[] })
    .filter(({ kind }) => kind === "Role");
  interface Rule {
    readonly apiGroups: string[];
    readonly resources: string[];
    readonly verbs: string[];
    readonly resourceNames?: string[];
  }
  return roles.flatMap(({ rules }) =>
    rules.flatMap(({ apiGroups, resourceNames = [""], resources, verbs }) =>
      verbs.map((verb) => `${verb} ${apiGroups}/${resources} ${resourceNames}`),
    ),
  );
}

test.each([
  ["agent", ["update kai.alibabacloud.com/slurmclusters slurm-demo"]],
  ["copilot", []],
])("%s.yaml grants what is checked, and beyond that only what nothing of ours uses", async (manifest, unused) => {
  const needed = neededRights({ namespace: "default", name: "slurm-demo" })
    .filter((right) => right.manifest === manifest)
    .map(({ group, name = "", resource, verb }) => `${verb} ${group}/${resource} ${name}`);
  expect([...needed, ...unused].sort()).toEqual((await granted(manifest)).sort());
});

describe("rights", () => {
  const all = makeFacts().rights;
  const without = (...lacking: string[]) => {
    if ("unknown" in all) throw new Error("rights are known here");
    const value = all.value.map((right) => ({
      ...right,
      allowed: !lacking.includes(`${right.verb} ${right.resource}`),
    }));
    return { facts: { rights: { value } } };
  };
  test.each([
    ["all", [], []],
    [
      "agent's",
      ["patch slurmclusters"],
      [
        "RightMissing slurmclusters.kai.alibabacloud.com in namespace default: may not patch; without: no node is woken or parked",
      ],
    ],
    [
      "copilot's, one finding for a resource",
      ["list pods", "watch pods", "delete pods"],
      [
        "CopilotRightMissing pods in namespace default: may not list, watch, delete; without: the copilot does nothing at all; a Pod whose slurmd never registers stays as it is",
      ],
    ],
  ])("%s", (_case, lacking, expected) => {
    expect(told(rights, without(...lacking))).toEqual(expected);
  });

  test("that of a Lease is missed only with backup controllers", () => {
    const lacking = without("update leases");
    expect(told(rights, lacking)).toEqual([]);
    const two = [
      { name: "head-0", role: "primary", up: true },
      { name: "head-1", role: "backup", up: true },
    ] as const;
    expect(told(rights, { facts: { ...lacking.facts, controllers: two } })).toEqual([
      "CopilotRightMissing leases.coordination.k8s.io in namespace default: may not update; without: with backup controllers no copilot acts",
    ]);
  });

  test("the fix names the rule", () => {
    expect(outcomeOf(rights, without("list pods")).findings[0]?.fix).toBe(
      'apply deploy/rbac/copilot.yaml with the names of this cluster, or add to Role demo-copilot: apiGroups [""], resources [pods], verbs [list]',
    );
  });
});

describe("clocks", () => {
  test.each([
    [300, -400, []],
    [-31_000, 0, ["ClockSkew clock of the Kubernetes API: is 31 s behind the one of this host"]],
    [0, 300_000, ["ClockSkew clock of slurmctld: is 300 s ahead of the one of this host"]],
  ])("API %d ms, slurmctld %d ms", (apiAhead, slurmAhead, expected) => {
    const facts = { apiClockAhead: { value: apiAhead }, slurmClockAhead: { value: slurmAhead } };
    expect(told(clocks, { facts })).toEqual(expected);
  });

  test("one that is unknown does not keep the other from being checked", () => {
    const facts = { apiClockAhead: { value: 60_000 }, slurmClockAhead: { unknown: "down" } };
    const { findings, unchecked } = outcomeOf(clocks, { facts });
    expect([findings.length, unchecked]).toEqual([1, "down"]);
  });
});
