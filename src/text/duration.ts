/** Spans of time for people, as short as kubectl's: `45s`, `3m20s`, `2h5m`, `4d`. */

/** A span in milliseconds; seconds are told below ten minutes, minutes below a day. What is negative is `0s`: clocks differ. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const minutes = Math.floor(seconds / 60);
  if (seconds < 60) return `${seconds}s`;
  if (minutes < 10) return joined(minutes, "m", seconds % 60, "s");
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return joined(hours, "h", minutes % 60, "m");
  return `${Math.floor(hours / 24)}d`;
}

/** The shortest and the longest of some spans: `45s`, or `40s-1m5s` where they differ. */
export function durationRange(milliseconds: readonly number[]): string {
  const [from, to] = [duration(Math.min(...milliseconds)), duration(Math.max(...milliseconds))];
  return from === to ? from : `${from}-${to}`;
}

function joined(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}
