/** initBash is written as a Go template with two actions; there is no engine behind it, so any other action is refused. */

const action = /\{\{-?\s*(.*?)\s*-?\}\}/gs;

/** Where the two folders are mounted. */
export interface InitPaths {
  readonly mungeConfPath: string;
  readonly slurmConfPath: string;
}

const known: Readonly<Record<string, keyof InitPaths>> = {
  ".MungeKeyPath": "mungeConfPath",
  ".SlurmConfPath": "slurmConfPath",
};

/** What is wrong with a script, in words that go on from its name; undefined when nothing is. */
export function initProblem(script: string): string | undefined {
  const unknown = [...script.matchAll(action)].find(([, name = ""]) => !Object.hasOwn(known, name));
  return unknown && `uses ${unknown[0]}; only {{.MungeKeyPath}} and {{.SlurmConfPath}} are replaced`;
}

/** The script with its actions replaced. The paths must need no quotes in a shell. */
export function substitute(script: string, paths: InitPaths): string {
  return script.replace(action, (text, name: string) => {
    const key = known[name];
    return key === undefined ? text : paths[key];
  });
}

/**
 * A text that comes out of a container's `command` as it is. Kubernetes replaces `$(NAME)` there and makes `$$` a `$`
 * (third_party/forked/golang/expansion), and shell scripts are full of both.
 */
export function escapeForCommand(text: string): string {
  return text.replace(/\$(?=[$(])/g, "$$$$");
}
