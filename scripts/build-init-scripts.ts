/** Puts the operator's shell scripts into its executable: the module that reads them from files is replaced by their text. */
import { dirname } from "node:path";
import type { Plugin } from "esbuild";
import { initScripts } from "../src/operator/init/scripts.ts";

/** The esbuild plugin that does it. */
export const embedInitScripts: Plugin = {
  name: "embed-init-scripts",
  setup(build) {
    build.onLoad({ filter: /\/src\/operator\/init\/scripts\.ts$/ }, ({ path }) => ({
      contents: `export const initScripts = ${JSON.stringify(initScripts)};`,
      loader: "js",
      resolveDir: dirname(path),
    }));
  },
};
