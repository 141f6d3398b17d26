import { expect, test } from "vitest";
import { programsElsewhere } from "../../../src/copilot/command/setup.ts";
import { defaultSettings, type Settings } from "../../../src/settings/settings.ts";

const ours = { namespace: "default", name: "demo" };
const elsewhere = (
  settings: Partial<Settings>,
  { flags = {}, env = {} }: { flags?: Record<string, string>; env?: Record<string, string> } = {},
) =>
  programsElsewhere(ours, flags, env, {
    file: "/etc/slurm/power-agent.yaml",
    settings: { ...defaultSettings, ...settings },
    problems: [],
  });

test("programs that find the same by themselves work where the copilot does", () => {
  const settings = { namespace: "default", cluster: "demo", kubeconfig: "/root/kubeconfig" };
  expect(elsewhere(settings)).toBeUndefined();
  expect(elsewhere(settings, { env: { SLURM_CLUSTER: "demo", KUBECONFIG: "/root/kubeconfig" } })).toBeUndefined();
});

test("what they do not get, flags and environment, may lead elsewhere", () => {
  const settings = { namespace: "default", cluster: "other" };
  expect(elsewhere(settings, { flags: { cluster: "demo" } })).toBe("the copilot works for default/demo");
  expect(elsewhere(settings, { env: { SLURM_CLUSTER: "demo" } })).toBe("the copilot works for default/demo");
  const own = "the copilot has a kubeconfig of its own: /tmp/mine";
  expect(elsewhere({ namespace: "default", cluster: "demo" }, { env: { KUBECONFIG: "/tmp/mine" } })).toBe(own);
  expect(elsewhere({ namespace: "default", cluster: "demo" }, { flags: { kubeconfig: "/tmp/mine" } })).toBe(own);
  expect(elsewhere({}, { flags: { namespace: "default", cluster: "demo" } })).toMatch(/^cannot tell the namespace/);
});
