import { waitFor } from "../../test/support/wait-for.ts";
import { tail } from "./format.ts";
import type { Screen, Shown } from "./screen.ts";

/** Something that the demo shows and proves. */
export interface Step<Context> {
  readonly title: string;
  /** How long the step's waits may take together, in seconds: far above what it needs, as machines may be busy. */
  readonly limit: number;
  /** Rejects when what the step is about does not happen. */
  readonly run: (context: Context, stage: Stage) => Promise<void>;
}

/** What a step acts with. */
export interface Stage {
  readonly screen: Screen;
  /**
   * Asks again and again until the answer satisfies, shows that answer and resolves to its output.
   *
   * @param what the state waited for; its first line completes "waiting for …"
   * @throws StepFailure when the step's time is up
   */
  until(what: string, ask: () => Promise<Shown>, enough: (output: string) => boolean): Promise<string>;
}

/** What a step expected did not happen. */
export class StepFailure extends Error {
  override readonly name = "StepFailure";
  readonly expected: string;
  /** What was seen instead, the last time it was looked at. */
  readonly lastSeen: string;

  constructor(expected: string, lastSeen: string, options?: ErrorOptions) {
    super(`expected ${expected}; last seen: ${lastSeen}`, options);
    this.expected = expected;
    this.lastSeen = lastSeen;
  }
}

/** A log that helps to understand a failure. */
export interface LogSource {
  readonly name: string;
  /** The whole text; "" as long as there is none. */
  read(): Promise<string>;
}

/**
 * Runs the steps in order and stops at the first that fails, after showing what was expected, what was last seen and how
 * the logs end.
 *
 * @param now milliseconds on any steady clock
 * @returns whether all steps happened
 */
export async function runSteps<Context>(
  steps: readonly Step<Context>[],
  context: Context,
  { screen, now, logs }: { readonly screen: Screen; readonly now: () => number; readonly logs: readonly LogSource[] },
): Promise<boolean> {
  for (const [index, step] of steps.entries()) {
    const title = `${index + 1}/${steps.length} ${step.title}`;
    screen.step(title);
    try {
      await step.run(context, createStage(screen, now, now() + step.limit * 1000));
    } catch (error) {
      await showFailure(screen, title, error, logs);
      return false;
    }
  }
  return true;
}

function createStage(screen: Screen, now: () => number, deadline: number): Stage {
  return {
    screen,
    async until(what, ask, enough) {
      const left = Math.max(0, deadline - now());
      let seen: Shown | undefined;
      const look = async (): Promise<Shown> => {
        seen = await ask();
        return seen;
      };
      const satisfied = waitFor(what, look, ({ output }) => enough(output), left);
      try {
        const shown = await screen.waiting(what, left, satisfied);
        screen.command(shown);
        return shown.output;
      } catch (error) {
        const lastSeen = seen === undefined ? "nothing" : `$ ${seen.command}\n${seen.output}`;
        // Where asking itself failed, that is the cause; else there is none but time.
        throw new StepFailure(what, lastSeen, { cause: (error as Error).cause });
      }
    },
  };
}

async function showFailure(screen: Screen, title: string, error: unknown, logs: readonly LogSource[]): Promise<void> {
  screen.failed(`did not happen: ${title}`);
  if (error instanceof StepFailure) {
    screen.block("expected", error.expected);
    screen.block("last seen", error.lastSeen);
    if (error.cause !== undefined) screen.block("looking failed", messageOf(error.cause));
  } else {
    screen.block("error", messageOf(error));
  }
  for (const { name, read } of logs) {
    const text = await read().catch((cause: unknown) => `cannot be read: ${messageOf(cause)}`);
    screen.block(`end of ${name}`, text.trim() === "" ? "(empty)" : tail(text, 15));
  }
}

/** Message and causes of an error, one a line. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}\ncaused by: ${messageOf(error.cause)}`;
}
