/** Whether nodes are in states that nobody here has thought about. */
import { foldNames } from "../../slurm/node-name.ts";
import { unknownStateWords } from "../../slurm/state-words.ts";
import { type Check, given } from "./check.ts";
import { finding } from "./codes.ts";

export const stateWords: Check = {
  name: "node states of this Slurm release",
  run: ({ nodes: fact }) =>
    given(fact, (nodes) => {
      const seen = new Map<string, string[]>();
      for (const { name, state } of nodes.values()) {
        for (const word of unknownStateWords(state)) seen.set(word, [...(seen.get(word) ?? []), name]);
      }
      return [...seen].map(([word, names]) =>
        finding(
          "UnknownStateWord",
          `state ${word}`,
          `is a state or flag of ${foldNames(names)}`,
          "use a newer release of slurm-power-agent, or report the word and the release of Slurm",
        ),
      );
    }),
};
