/** A number with its noun: "1 Pod", "2 Pods". */
export function amount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
