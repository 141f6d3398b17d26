/** CPU time in seconds and resident memory in bytes that this process has used. */
export function usageOfThisProcess(): { readonly cpuSeconds: number; readonly residentBytes: number } {
  const { user, system } = process.cpuUsage();
  return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() };
}
