/** Text of others on one line: control characters, with which it could forge lines or take over a terminal, and runs of blanks become one. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
}
