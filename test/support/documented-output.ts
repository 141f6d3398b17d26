/** What the documentation of SlurmCluster shows of commands, for the cluster slurm-demo with a worker group cpu of eleven nodes. */

const lines = (...all: readonly string[]): string => all.map((line) => `${line}\n`).join("");

/** What kubectl prints, with `<age>` in the place of each age, its last column. */
export const withoutAges = (table: string): string => table.replaceAll(/(?<= )(\d+[dhms])+$/gm, "<age>");

/** `kubectl get slurmcluster`, {@link withoutAges}. */
export const slurmClusterTable = (availableWorkers: number): string =>
  lines(
    "NAME         AVAILABLE WORKERS   STATUS   AGE",
    `slurm-demo   ${availableWorkers}                   ready    <age>`,
  );

/** `kubectl get pod`, {@link withoutAges}: the head alone, or with a worker. */
export const podTables = {
  parked: lines(
    "NAME           READY   STATUS    RESTARTS   AGE", // As wide as the longest name.
    "slurm-demo-0   1/1     Running   0          <age>",
  ),
  woken: lines(
    "NAME                      READY   STATUS    RESTARTS   AGE",
    "slurm-demo-0              1/1     Running   0          <age>",
    "slurm-demo-worker-cpu-0   1/1     Running   0          <age>",
  ),
};

/** `sinfo`: all nodes parked, or one woken and without a job. */
export const sinfoTables = {
  parked: lines(
    "PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST",
    "main*        up   infinite     11  idle~ slurm-demo-worker-cpu-[0-10]",
  ),
  woken: lines(
    "PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST",
    "main*        up   infinite     10  idle~ slurm-demo-worker-cpu-[1-10]",
    "main*        up   infinite      1   idle slurm-demo-worker-cpu-0",
  ),
};

/** Lines of `scontrol show job` once the job is done. */
export const jobLines = ["   JobState=COMPLETED Reason=None Dependency=(null)", "   NodeList=slurm-demo-worker-cpu-0"];
