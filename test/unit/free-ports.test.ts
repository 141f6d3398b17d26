import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { claimFreePorts } from "../support/free-ports.ts";

test("a claimed block is given to nobody else, in this process or another", async () => {
  const claimed = await claimFreePorts(5, Math.random);
  // The number that leads to this very block, of those between the lowest and the highest port.
  const same = (claimed - 10_240 + 1) / (32_768 - 10_240);
  const left = [same];
  expect(await claimFreePorts(5, () => left.shift() ?? Math.random())).not.toBe(claimed);
  expect(left).toEqual([]);

  const module = join(import.meta.dirname, "../support/free-ports.ts");
  const program = `
    import { claimFreePorts } from ${JSON.stringify(module)};
    const left = [${same}];
    console.log(await claimFreePorts(5, () => left.shift() ?? Math.random()));`;
  const other = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program]);
  expect(Number(other.stdout)).toBeGreaterThan(0);
  expect(Number(other.stdout)).not.toBe(claimed);
});
