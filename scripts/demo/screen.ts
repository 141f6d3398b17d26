import type { WriteStream } from "node:tty";
import { styleText } from "node:util";
import { indented, timestamp, waitingLine, waitingNote, wrapped } from "./format.ts";

/** A command that a user would type, and what it really printed. */
export interface Shown {
  readonly command: string;
  readonly output: string;
}

/** What the user sees. Each call writes whole lines; only the waiting line on a terminal is overwritten. */
export interface Screen {
  /** Running text, wrapped. */
  say(text: string): void;
  /** The same within a step. */
  note(text: string): void;
  /** Begins a step, with the time elapsed since the start of the demo. */
  step(title: string): void;
  command(shown: Shown): void;
  /** Something that has been checked and holds. */
  proven(text: string): void;
  /** Something that should have happened and did not. */
  failed(text: string): void;
  /** A block of lines under a title, as they are. */
  block(title: string, text: string): void;
  /** Shows that `work` is waited for, for as long as that takes. `limit` is in milliseconds. */
  waiting<T>(what: string, limit: number, work: Promise<T>): Promise<T>;
  /** Removes the waiting line, if there is one: for whoever ends the program in the middle of a wait. */
  clear(): void;
}

/** On a screen without a live line the user is told after this many milliseconds what is waited for. */
const PATIENCE = 1000;

/**
 * A screen on a terminal, with colours and a live waiting line, or on a pipe or file, with plain lines only. Whether there
 * are colours is decided as Node's `styleText` does: a terminal, and NO_COLOR not set.
 *
 * @param now milliseconds since the start of the demo
 */
export function createScreen(stream: WriteStream, now: () => number): Screen {
  const live = stream.isTTY === true;
  const width = () => Math.min(stream.columns ?? 100, 100) - 1;
  const colour = (format: Parameters<typeof styleText>[0], text: string) => styleText(format, text, { stream });
  let stopWaiting = (): void => {};
  const write = (text: string): void => {
    stopWaiting();
    stream.write(`${text}\n`);
  };

  return {
    say: (text) => write(wrapped(text, width())),
    note: (text) => write(indented(wrapped(text, width() - 4))),
    step: (title) => write(`\n${colour("dim", timestamp(now()))} ${colour("bold", title)}`),
    command({ command, output }) {
      write(`    ${colour("cyan", `$ ${command}`)}`);
      if (output.trim() !== "") write(indented(output));
    },
    proven: (text) => write(`  ${colour("green", "✓")} ${text}`),
    failed: (text) => write(`  ${colour("red", "✗")} ${colour("red", text)}`),
    block: (title, text) => write(`  ${colour("bold", title)}\n${indented(text)}`),
    async waiting(what, limit, work) {
      const started = now();
      let timer: NodeJS.Timeout;
      if (live) {
        const draw = () => stream.write(`\r\x1b[2K${waitingLine(what, now() - started, limit, width())}`);
        draw();
        timer = setInterval(draw, 250);
        stopWaiting = () => {
          clearInterval(timer);
          stream.write("\r\x1b[2K");
          stopWaiting = () => {};
        };
      } else {
        timer = setTimeout(() => stream.write(`${indented(waitingNote(what, limit))}\n`), PATIENCE);
        stopWaiting = () => {
          clearTimeout(timer);
          stopWaiting = () => {};
        };
      }
      return await work.finally(() => stopWaiting());
    },
    clear: () => stopWaiting(),
  };
}
