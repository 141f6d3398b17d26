/** Whether the API answers, lets us in, and has the SlurmCluster. */
import type { KubernetesErrorKind } from "../../kubernetes/errors.ts";
import { type Check, given } from "./check.ts";
import { type CheckCode, finding } from "./codes.ts";

/** How each kind of failure of one GET is told, and what to do; Forbidden is the business of the rights. */
const problems: Partial<Record<KubernetesErrorKind, readonly [CheckCode, string]>> = {
  Tls: [
    "ApiUntrusted",
    "give the cluster's own CA: certificate-authority in the kubeconfig, or ca.crt of the service account",
  ],
  Unauthorized: [
    "ApiLogin",
    "renew the token or certificate of the kubeconfig, or restart the Pod to mount a fresh token",
  ],
  Credentials: ["ApiLogin", "mend what the kubeconfig names as login: token file, certificate, or exec program"],
  NotFound: [
    "NoSlurmCluster",
    "kubectl get slurmclusters -A shows what there is; write the right namespace and cluster into the settings file, or apply the CRD",
  ],
};

const OTHERWISE = ["ApiUnreachable", "look at the API server, its address, and what lies between"] as const;

export const api: Check = {
  name: "Kubernetes API and SlurmCluster",
  run: ({ apiProblem, here, resource }) => {
    if (apiProblem === undefined || apiProblem.kind === "Forbidden") return given(resource, () => []);
    const [code, fix] = problems[apiProblem.kind] ?? OTHERWISE;
    const origin = "unknown" in here.api ? "Kubernetes API" : here.api.value;
    return { findings: [finding(code, origin, apiProblem.message, fix)] };
  },
};
