/** "1 2 | 3" as indices of nodes: `[[0, 1], [2]]`. A name that no node has is left to the engine to refuse, as -1. */
export function groupsOf(text: string, names: readonly string[]): number[][] {
  return text
    .split("|")
    .map((group) => group.split(/[\s,]+/).filter((name) => name !== "").map((name) => names.indexOf(name)))
    .filter((group) => group.length > 0);
}
