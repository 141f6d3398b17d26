/** Whether the copilot is alive, from the side of the programs: it is who repeats what they lose. */
import { isAnswered } from "../http/unix-socket.ts";

/** How long a copilot that has its socket may take to answer, in milliseconds. One that is alive takes a few, and the work is done by then. */
const PATIENCE = 500;

/**
 * What is wrong with the copilot on a socket, in words that go on from its name; undefined when it is alive, and when this user may not ask.
 * A process that is frozen has its socket all the same, so it is asked for an answer too.
 */
export async function copilotTrouble(socket: string): Promise<string | undefined> {
  if (!(await isAnswered(socket))) return `does not run (nobody listens on ${socket})`;
  // Loaded when somebody listens: a program that slurmctld starts where there is no copilot does without.
  const { getFromSocket } = await import("../http/unix-client.ts");
  try {
    await getFromSocket(socket, "/healthz", PATIENCE);
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "EACCES" || code === "EPERM" ? undefined : `does not answer (${message})`;
  }
}
