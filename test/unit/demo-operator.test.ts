/** Which operator `npm run demo -- --context` takes for one that serves its namespace. Needs no cluster. */
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { findSharedOperator, isForOperators, type TellingObject } from "../../scripts/demo/find-operator.ts";

const metadata = { name: "slurm-operator", namespace: "ops" };
const rule = { apiGroups: ["kai.alibabacloud.com"], resources: ["slurmclusters/status"], verbs: ["patch"] };
const role: TellingObject = { kind: "ClusterRole", metadata: { name: "operators" }, rules: [rule] };
const binding: TellingObject = {
  kind: "ClusterRoleBinding",
  metadata: { name: "any" },
  roleRef: { name: "operators" },
  subjects: [{ kind: "ServiceAccount", namespace: "ops", name: "operator" }],
};
/** Of one container with these arguments. */
const deployment = (args: readonly string[] = [], serviceAccountName = "operator"): TellingObject => ({
  kind: "Deployment",
  metadata,
  spec: { template: { spec: { serviceAccountName, containers: [{ args }] } } },
  status: { readyReplicas: 1 },
});
const found = { ...metadata, ready: true };

describe("an operator that serves all namespaces", () => {
  test.each<[string, readonly TellingObject[], ReturnType<typeof findSharedOperator>]>([
    ["one with the right to write the status everywhere", [role, binding, deployment()], found],
    ["one that is told other things", [role, binding, deployment(["--metrics-port=0", "--namespaces"])], found],
    ["the same in another order", [deployment(), binding, role], found],
    ["nothing at all", [], undefined],
    ["no right", [deployment()], undefined],
    ["a right that is given to nobody", [role, deployment()], undefined],
    ["a right of another account", [role, binding, deployment([], "default")], undefined],
    ["no right but over one namespace", [role, { ...binding, kind: "RoleBinding" }, deployment()], undefined],
    ["told to serve one namespace", [role, binding, deployment(["--namespace=hpc"])], undefined],
    ["told so in two words", [role, binding, deployment(["--namespace", "hpc"])], undefined],
    [
      "an account of that name elsewhere",
      [
        role,
        { ...binding, subjects: [{ kind: "ServiceAccount", namespace: "elsewhere", name: "operator" }] },
        deployment(),
      ],
      undefined,
    ],
    [
      "people with that right",
      [role, { ...binding, subjects: [{ kind: "User", name: "operator" }] }, deployment()],
      undefined,
    ],
    ["one that does not run", [role, binding, { ...deployment(), status: {} }], { ...metadata, ready: false }],
    ["one that does not run, and one that does", [role, binding, { ...deployment(), status: {} }, deployment()], found],
  ])("%s", (_, objects, expected) => {
    expect(findSharedOperator(objects)).toEqual(expected);
  });

  test("ours, as it is installed; and not with another project's rights", async () => {
    const text = await readFile(new URL("../../deploy/manifests/slurm-operator.yaml", import.meta.url), "utf8");
    const objects = parseAllDocuments(text).map((document) => document.toJS() as TellingObject);
    const where = { namespace: "slurm-operator", name: "slurm-operator" };
    expect(findSharedOperator(objects)).toEqual({ ...where, ready: false });
    // Another project's operator of the same name and labels, whose resources are called alike.
    const others = parseAllDocuments(text.replaceAll("kai.alibabacloud.com", "slurm.example.org"));
    expect(findSharedOperator(others.map((document) => document.toJS() as TellingObject))).toBeUndefined();
  });
});

describe("a ClusterRole for operators", () => {
  test.each([
    ["the status of SlurmClusters", rule, true],
    ["all of that API", { ...rule, resources: ["*"], verbs: ["*"] }, true],
    ["reading it", { ...rule, verbs: ["get", "list", "watch"] }, false],
    ["SlurmClusters without their status, as users have it", { ...rule, resources: ["slurmclusters"] }, false],
    ["SlurmClusters of another project", { ...rule, apiGroups: ["slurm.example.org"] }, false],
    ["everything, as an admin has it", { apiGroups: ["*"], resources: ["*"], verbs: ["*"] }, false],
    ["addresses outside of the API's resources", { verbs: ["get"] }, false],
  ])("%s: %#", (_, each, expected) => {
    expect(isForOperators({ rules: [each] })).toBe(expected);
  });

  test("one that is put together from others and has none yet", () => {
    expect(isForOperators({ rules: null })).toBe(false);
  });
});
