/** Writing for whoever called: a person at a terminal, or a program. */
import { styleText } from "node:util";
import type { TextStyle } from "../status/render.ts";

/** Colours and a width only where standard output is a terminal; NO_COLOR and FORCE_COLOR count (node:util styleText). */
export function terminalStyle(): TextStyle {
  const { columns } = process.stdout;
  return {
    ...(columns !== undefined && columns > 0 && { width: columns }),
    colour: (colour, text) => styleText(colour, text, { stream: process.stdout }),
  };
}

/** Writes lines, or an object as JSON, and waits until they are out: a pipe may be slower than we are, or closed as by `head`. */
export function print(output: readonly string[] | object): Promise<void> {
  const text = Array.isArray(output) ? output.join("\n") : JSON.stringify(output, null, 2);
  return new Promise((resolve, reject) => {
    process.stdout.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") resolve();
      else reject(error);
    });
    process.stdout.write(`${text}\n`, (error) => {
      if (!error) resolve();
    });
  });
}

/** Says on standard error what is being done, once that has taken longer than a person likes to wait in the dark. */
interface Progress {
  readonly step: (message: string) => void;
  readonly end: () => void;
}

/** How long a person waits without a word, in milliseconds. */
const PATIENCE = 2000;

/** Starts to count. */
export function startProgress(): Progress {
  let doing: string | undefined;
  let late = false;
  const tell = (): void => {
    if (late && doing !== undefined) process.stderr.write(`${doing} …\n`);
  };
  const timer = setTimeout(() => {
    late = true;
    tell();
  }, PATIENCE);
  return {
    step: (message) => {
      doing = message;
      tell();
    },
    end: () => clearTimeout(timer),
  };
}
