import { expect, test } from "vitest";
import { dnsHosts } from "../../scripts/cluster/dns.ts";

const named = (name: string, namespace = "default") => ({ metadata: { name, namespace } });

test("a Service has its address, a headless one those of its Pods, and each Pod its own name", () => {
  const services = [
    { ...named("kubernetes"), spec: { clusterIP: "10.96.0.1" } },
    { ...named("demo", "hpc"), spec: { clusterIP: "None" } },
    { ...named("pending"), spec: {} },
  ];
  const endpoints = [
    {
      ...named("demo", "hpc"),
      subsets: [{ addresses: [{ ip: "10.87.0.4", hostname: "demo-0" }, { ip: "10.87.0.5" }] }],
    },
    // The Pods of a Service that has an address of its own are reached by that.
    { ...named("kubernetes"), subsets: [{ addresses: [{ ip: "10.0.0.1" }] }] },
  ];
  expect(dnsHosts(services, endpoints, "cluster.local").trim().split("\n")).toEqual([
    "10.96.0.1 kubernetes.default.svc.cluster.local",
    "10.87.0.4 demo-0.demo.hpc.svc.cluster.local",
    "10.87.0.4 demo.hpc.svc.cluster.local",
    "10.87.0.5 demo.hpc.svc.cluster.local",
  ]);
});
