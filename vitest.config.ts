import { defineConfig } from "vitest/config";

const shared = {
  resolve: { conditions: ["source"] },
  ssr: { resolve: { conditions: ["source", "node", "import", "default"] } },
};

const slurm = {
  setupFiles: ["test/support/tell-slurm-logs.ts"],
  globalSetup: ["test/support/installation.ts"],
  testTimeout: 180_000,
  hookTimeout: 120_000,
};

/** Files of the slurm tier that start hundreds of programs at once: what runs beside them would wait for the processors. */
const crowds = ["test/slurm/contention.test.ts"];

/**
 * Four tiers, told apart by what they need to run: `unit` needs nothing, `api` a real etcd and kube-apiserver, `slurm` both of those and a
 * real munged, slurmctld and slurmd, `cluster` a whole Kubernetes with a kubelet, and images. Servers are started by the test files
 * themselves, on free ports and in folders of their own, so files may run side by side.
 */
const config = defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: "unit",
          isolate: false,
          include: ["test/unit/**/*.test.ts", "vendor/*/test/*.test.ts"],
          testTimeout: 20_000,
        },
      },
      {
        ...shared,
        test: {
          name: "api",
          sequence: { groupOrder: 1 },
          include: ["test/api/**/*.test.ts"],
          globalSetup: ["test/support/installation.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        ...shared,
        test: {
          ...slurm,
          name: "slurm",
          include: ["test/slurm/**/*.test.ts"],
          exclude: crowds,
          sequence: { groupOrder: 2 },
          // They wait for Slurm's clocks for most of their time.
          maxWorkers: 2,
        },
      },
      {
        ...shared,
        test: {
          ...slurm,
          name: "slurm-crowds",
          include: crowds,
          sequence: { groupOrder: 3 },
          fileParallelism: false,
          // Above the time that they give their programs.
          testTimeout: 300_000,
        },
      },
      {
        ...shared,
        test: {
          name: "cluster",
          include: ["test/cluster/**/*.test.ts"],
          globalSetup: ["test/support/images.ts"],
          testTimeout: 600_000,
          hookTimeout: 900_000,
          sequence: { groupOrder: 4 },
          // Each file has a Kubernetes of its own, and waits for it and for Slurm's clocks for most of its time.
          maxWorkers: 2,
        },
      },
    ],
  },
});

// The config file is the one place where vitest demands a default export.
// biome-ignore lint/style/noDefaultExport: vitest reads its configuration from the default export
export default config;
