import { execFile } from "node:child_process";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Progress } from "../progress.ts";
import type { ImageStore } from "./store.ts";

const run = promisify(execFile);

/** Debian's suites that images are made of: Slurm 22.05, 24.11, and whatever Debian's development has (26.05). */
export const suites = ["bookworm", "trixie", "sid"] as const;

/** One of {@link suites}. */
export type Suite = (typeof suites)[number];

// As in Debian's own slim images: nobody reads manuals in a container.
const dpkgSettings = ["doc", "info", "locale", "man"]
  .map((folder) => `path-exclude /usr/share/${folder}/*\n`)
  .join("")
  .concat("path-include /usr/share/doc/*/copyright\n");

/**
 * Makes the image `localhost/debian:SUITE` with debootstrap, unless the storage has it: a minimal Debian from the mirror that
 * the machine itself uses, with that mirror's security updates. It is not made anew when Debian gets updates; `buildah rmi` of
 * it asks for that.
 *
 * @returns the image's name
 * @throws Error with buildah's or debootstrap's output
 */
export async function ensureDebianBase(store: ImageStore, suite: Suite, progress: Progress): Promise<string> {
  const name = `localhost/debian:${suite}`;
  const existing = await store.buildah(["images", "--json", "--filter", `reference=${name}`]);
  if (existing !== "" && (JSON.parse(existing) as unknown[] | null)?.length) return name;
  await progress.step(`${name} by debootstrap`, () => makeBase(store, suite, name));
  return name;
}

async function makeBase(store: ImageStore, suite: Suite, name: string): Promise<void> {
  const sources = await debianSources();
  const container = await store.buildah(["from", "scratch"]);
  try {
    const root = await store.buildah(["mount", container]);
    await run("debootstrap", ["--variant=minbase", suite, root, sources.mirror], { maxBuffer: 64 << 20 });
    const path = (...names: string[]): string => join(root, ...names);
    const lines = [`deb ${sources.mirror} ${suite} main`];
    if (suite !== "sid") {
      lines.push(`deb ${sources.mirror} ${suite}-updates main`);
      if (sources.security !== undefined) lines.push(`deb ${sources.security} ${suite}-security main`);
    }
    await writeFile(path("etc/apt/sources.list"), `${lines.join("\n")}\n`);
    await writeFile(path("etc/dpkg/dpkg.cfg.d/slim"), dpkgSettings);
    // Mirrors that are frozen, as those of test machines are, show an old state of it, which claims to hold for a week only.
    // Signatures are verified all the same.
    if (suite === "sid") {
      await writeFile(path("etc/apt/apt.conf.d/90-frozen-mirror"), 'Acquire::Check-Valid-Until "false";\n');
    }
    // Package scripts ask this program before they start a daemon; 101 means "forbidden".
    await writeFile(path("usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n", { mode: 0o755 });
    const apt = (...args: string[]): Promise<string> =>
      store.buildah(["run", "--env", "DEBIAN_FRONTEND=noninteractive", container, "--", "apt-get", "-q", ...args]);
    await apt("update");
    await apt("upgrade", "-y");
    await apt("clean");
    // The last three are this machine's: debootstrap copied them, or a package made them.
    for (const folder of ["usr/share/man", "usr/share/info", "usr/share/locale", "var/lib/apt/lists", "var/log"]) {
      await rm(path(folder), { recursive: true });
      await mkdir(path(folder));
    }
    for (const file of ["etc/hostname", "etc/resolv.conf", "var/lib/dbus/machine-id"]) {
      await rm(path(file), { force: true });
    }
    for (const each of await readdir(path("usr/share/doc"), { withFileTypes: true, recursive: true })) {
      if (!each.isDirectory() && each.name !== "copyright") await rm(join(each.parentPath, each.name), { force: true });
    }
    await writeFile(path("etc/machine-id"), "");
    await store.buildah(["config", "--cmd", "bash", container]);
    await store.buildah(["commit", "--rm", container, name]);
  } catch (error) {
    await store.buildah(["rm", container]).catch((left: unknown) => {
      throw new AggregateError([error, left], `${name} was not made, and its container ${container} is left`);
    });
    throw error;
  }
}

/**
 * The address of a package source, as images may name it: their layers keep it for everybody who gets them.
 *
 * @throws Error when it has a user or password in it. To leave those out would not do: apt loads from it in containers of the build,
 *   here and by image/Dockerfile, where it would be turned away.
 */
export function publicSource(address: string): string {
  const login = /(?<=^[^/]*\/\/)[^/]*@/;
  if (!login.test(address)) return address;
  throw new Error(
    `this machine's package source ${address.replace(login, "")} has a user or password in its address, which images would show ` +
      "to everybody who gets them: set up a mirror or a proxy on this machine that asks for none",
  );
}

/** The mirrors this machine gets Debian 12 from; they have the other suites too. */
async function debianSources(): Promise<{ mirror: string; security: string | undefined }> {
  const { stdout } = await run("apt-get", [
    ...["indextargets", "--format", "$(REPO_URI) $(CODENAME) $(LABEL)", "Created-By: Packages"],
  ]);
  const lines = stdout.split("\n").map((line) => line.split(" "));
  const find = (codename: string, label: string): string | undefined =>
    lines.find(([, code, ...rest]) => code === codename && rest.join(" ") === label)?.[0];
  const mirror = find("bookworm", "Debian");
  if (mirror === undefined) throw new Error("no Debian 12 (bookworm) package source is set up on this machine");
  const security = find("bookworm-security", "Debian-Security");
  return { mirror: publicSource(mirror), security: security === undefined ? undefined : publicSource(security) };
}
