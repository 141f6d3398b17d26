import { expect, test } from "vitest";
import { startSeconds } from "../../src/kubernetes/pod-start.ts";
import { workerTemplate } from "../../src/kubernetes/pod-template.ts";
import { parseQuantity } from "../../src/kubernetes/quantity.ts";

// From the documentation of resource quantities (apimachinery pkg/api/resource/quantity.go and its tests).
test.each([
  ["0", 0],
  ["500m", 0.5],
  ["1.5", 1.5],
  [".5", 0.5],
  ["2k", 2000],
  ["2Ki", 2048],
  ["8Gi", 8 * 2 ** 30],
  ["1E", 1e18],
  ["1e3", 1000],
  ["1E3", 1000],
  ["12e-1", 1.2],
  ["100u", 1e-4],
  [4, 4],
  ["1x", undefined],
  ["Gi", undefined],
  ["", undefined],
  [undefined, undefined],
])("%s is %s", (text, value) => {
  const parsed = parseQuantity(text);
  if (value === undefined) expect(parsed).toBeUndefined();
  else expect(parsed).toBeCloseTo(value, 9);
});

const group = (spec: object) => ({ groupName: "cpu", template: { spec } });

test("the first container's limits as slurmd is told them", () => {
  const limits = { cpu: "3500m", memory: "8Gi", "nvidia.com/gpu": "2", "example.com/gpu": 1, "example.com/fpga": 1 };
  const containers = [{ resources: { limits } }, { resources: { limits: { cpu: "1" } } }];
  expect(workerTemplate(group({ containers, terminationGracePeriodSeconds: 0 }))).toEqual({
    cpus: 4,
    memory: 8192,
    gpus: 3,
    terminationGracePeriod: 0,
  });
});

test("what a template does not say", () => {
  expect(workerTemplate(group({ containers: [{}] }))).toEqual({ gpus: 0, terminationGracePeriod: 30 });
  expect(workerTemplate({ groupName: "cpu" })).toBeUndefined();
});

const pod = (...containerStatuses: object[]) => ({
  metadata: { creationTimestamp: "2026-11-23T20:00:00Z" },
  status: { containerStatuses },
});
const started = (startedAt: string, restartCount = 0) => ({ restartCount, state: { running: { startedAt } } });

test.each([
  ["its last container counts", pod(started("2026-11-23T20:00:05Z"), started("2026-11-23T20:01:00Z")), 60],
  ["one that was started again does not tell", pod(started("2026-11-23T23:00:00Z", 1)), undefined],
  ["one waits", pod(started("2026-11-23T20:00:05Z"), { state: { waiting: {} } }), undefined],
  ["no container yet", pod(), undefined],
  ["no Pod", null, undefined],
])("start of a Pod: %s", (_case, object, seconds) => {
  expect(startSeconds(object)).toBe(seconds);
});
