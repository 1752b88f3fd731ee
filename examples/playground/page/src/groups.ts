/** "1 2 | 3" as indices of nodes: `[[0, 1], [2]]`. A name that no node has becomes an index that none
 *  has, which the engine refuses. */
export function groupsOf(text: string, names: readonly string[]): number[][] {
  return text
    .split("|")
    .map((group) => group.split(/[\s,]+/).filter((name) => name !== "").map((name) => (names.includes(name) ? names.indexOf(name) : names.length)))
    .filter((group) => group.length > 0);
}
