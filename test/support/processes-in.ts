import type { Cluster } from "../../scripts/cluster/cluster.ts";

// Of a program that Node runs the third word is its own name, after an option of Node's.
const script = `
for process in /proc/[0-9]*; do
  set -- $(sed -n 's/^\\(Name\\|Uid\\|CapBnd\\):\\s*\\(\\S*\\).*/\\2/p' "$process/status" 2>/dev/null)
  [ $# -eq 3 ] || continue
  case $(sed -zn 1p "$process/cmdline" 2>/dev/null | tr -d '\\0') in
    */node) name=$(sed -zn '3{s|.*/||; p}' "$process/cmdline" | tr -d '\\0') ;;
    *) name=$1 ;;
  esac
  echo "$name $(id -nu "$2") $3"
done
`;

/**
 * The processes of a Pod's first container, each kind once, as `name user capabilities`; those are the ones that it could ever get
 * (CapBnd, in hexadecimal). A process that has ended meanwhile is left out.
 */
export async function processesIn({ kubectl }: Cluster, pod: string): Promise<string[]> {
  const output = await kubectl(["exec", pod, "--", "sh", "-c", script]);
  return [...new Set(output.trim().split("\n"))];
}
