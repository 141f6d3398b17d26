/** Settings of slurm.conf that matter to nodes that come and go. What this release does not print is never held against it. */

import { isBefore } from "../../slurm/config.ts";
import type { ConfigDetail } from "../../slurm/config-detail.ts";
import { amount } from "../../text/amount.ts";
import { type Check, combined, given } from "./check.ts";
import { type Finding, finding } from "./codes.ts";
import { together } from "./facts.ts";
import { workersByGroup } from "./workers.ts";

/** What a `none of this` costs is told by the code; here stands when it applies. */
const finders: readonly ((config: ConfigDetail, release: string) => Finding | undefined)[] = [
  ({ returnToService }) => {
    if (returnToService === undefined || returnToService === 2) return undefined;
    return finding("ReturnToServiceLow", "ReturnToService", `is ${returnToService}`, reconfigure("ReturnToService=2"));
  },
  ({ jobRequeue }) =>
    jobRequeue === 0 ? finding("JobsNotRequeued", "JobRequeue", "is 0", reconfigure("JobRequeue=1")) : undefined,
  ({ communicationParameters, slurmctldParameters }, release) => {
    // From 23.11 on slurmctld takes the address from each registration.
    const known = slurmctldParameters.has("cloud_dns") || slurmctldParameters.has("cloud_reg_addrs");
    if (communicationParameters === undefined || communicationParameters.has("noaddrcache") || known) return undefined;
    if (!isBefore(release, 23, 11)) return undefined;
    const cause = `of Slurm ${release} has no NoAddrCache, and SlurmctldParameters neither cloud_dns nor cloud_reg_addrs`;
    const fix = reconfigure("CommunicationParameters=NoAddrCache");
    return finding("NodeAddressesStale", "CommunicationParameters", cause, fix);
  },
  ({ slurmctldParameters }) => {
    if (!slurmctldParameters.has("idle_on_node_suspend")) return undefined;
    const fix = "remove idle_on_node_suspend from SlurmctldParameters; the copilot brings back what it set DOWN itself";
    return finding("DrainForgotten", "SlurmctldParameters", "has idle_on_node_suspend", fix);
  },
  ({ slurmctldParameters }, release) => {
    if (!slurmctldParameters.has("cloud_reg_addrs") || isBefore(release, 26, 0)) return undefined;
    const fix = "remove cloud_reg_addrs from SlurmctldParameters";
    return finding("DefunctParameter", "SlurmctldParameters", `has cloud_reg_addrs, and this is Slurm ${release}`, fix);
  },
  ({ reconfigFlags }, release) => {
    // 22.05 does not know the flag, and each of its commands complains of it.
    if (reconfigFlags === undefined || reconfigFlags.has("keeppowersavesettings") || isBefore(release, 23, 2)) {
      return undefined;
    }
    const fix = reconfigure("ReconfigFlags=KeepPowerSaveSettings");
    return finding("ReconfigureForgets", "ReconfigFlags", "does not have KeepPowerSaveSettings", fix);
  },
  ({ authInfo }) => {
    if (authInfo === undefined || authInfo.has("cred_expire")) return undefined;
    const fix = "add cred_expire=30 to AuthInfo in slurm.conf of all hosts, then restart the daemons";
    return finding("RequeueDelay", "AuthInfo", "has no cred_expire, which is 120 s then", fix);
  },
  ({ debugFlags }) => {
    if (!debugFlags?.has("no_conf_hash")) return undefined;
    const fix = "remove NO_CONF_HASH from DebugFlags once all nodes have the same slurm.conf";
    return finding("ConfigHashIgnored", "DebugFlags", "has NO_CONF_HASH", fix);
  },
];

export const slurmParameters: Check = {
  name: "further settings of slurm.conf",
  run: (facts) =>
    combined(
      given(facts.config, (config) => finders.flatMap((find) => find(config, config.slurmVersion ?? "") ?? [])),
      given(together({ config: facts.config, workers: workersByGroup(facts) }), ({ config, workers }) =>
        findForwarding(config, [...workers.values()].flat().length),
      ),
    ),
};

/** slurm.conf(5), State=CLOUD: without addresses for all nodes, messages must go from slurmctld to each of them. */
function findForwarding({ slurmctldParameters, treeWidth }: ConfigDetail, nodes: number): Finding[] {
  if (treeWidth === undefined || treeWidth >= nodes || slurmctldParameters.has("cloud_dns")) return [];
  const cause = `is ${treeWidth}, and there ${nodes === 1 ? "is" : "are"} ${amount(nodes, "worker")}; SlurmctldParameters has no cloud_dns`;
  const fix = reconfigure("TreeWidth=65533");
  return [finding("MessagesForwarded", "TreeWidth", cause, `${fix}; or cloud_dns, if DNS has all Pods`)];
}

function reconfigure(line: string): string {
  return `${line} in slurm.conf, then scontrol reconfigure`;
}
