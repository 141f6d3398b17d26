/** The YAML side of the settings file: keys, values and the lines they stand on. */
import { isMap, isScalar, LineCounter, parseDocument } from "yaml";
import type { SettingsEntry, SettingsProblem } from "./settings.ts";

/** Splits a settings file into its top-level entries. What is not YAML, or not a mapping, becomes a problem with its line. */
export function readSettingsEntries(text: string): {
  readonly entries: readonly SettingsEntry[];
  readonly problems: readonly Omit<SettingsProblem, "file">[];
} {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const problems = document.errors.map((error) => ({
    line: lineCounter.linePos(error.pos[0]).line,
    key: "",
    message: `not valid YAML: ${error.message}`,
  }));
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null))
    return { entries: [], problems };
  if (!isMap(document.contents)) {
    return {
      entries: [],
      problems: [...problems, { line: 1, key: "", message: "must be a list of `key: value` lines" }],
    };
  }
  const entries = document.contents.items.map(
    ({ key, value }): SettingsEntry => ({
      key: isScalar(key) ? String(key.value) : String(key),
      value: isScalar(value) ? value.value : value,
      line: isScalar(key) && key.range ? lineCounter.linePos(key.range[0]).line : 1,
    }),
  );
  return { entries, problems };
}
