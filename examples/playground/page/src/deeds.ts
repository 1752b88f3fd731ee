// What a person can do to a group, as the engine takes it.

export interface Deed {
  readonly do: string;
  readonly [key: string]: unknown;
}

/** All deeds that the engine knows. */
export const DEEDS = [
  "crash", "restart", "freeze", "thaw", "forget", "cut", "mend", "isolate", "partition", "heal", "loss",
  "duplicates", "late", "delay", "old", "clock", "disk", "fill", "empty", "campaign", "resign", "priority",
  "position", "discovered", "lost", "reconfigure", "leave",
] as const;

export type DeedName = (typeof DEEDS)[number];

/** The longest deed as JSON: a partition or a membership of 25 nodes is far shorter. */
const LONGEST = 1_000;

export function isDeed(value: unknown): value is Deed {
  if (typeof value !== "object" || value === null) return false;
  const name = (value as { do?: unknown }).do;
  return (DEEDS as readonly unknown[]).includes(name) && JSON.stringify(value).length <= LONGEST;
}

/** What a deed does, in one sentence for the live region. Nodes are shown by their names. */
export function sentence(deed: Deed, names: readonly string[]): string {
  const named = (key: string): string => {
    const index = deed[key];
    return typeof index === "number" ? (names[index] ?? "?") : "?";
  };
  const node = `Node ${named("node")}`;
  const link = `${named("from")} ${deed["both"] === true ? "↔" : "→"} ${named("to")}`;
  const percent = `${Number(deed["ppm"]) / 10_000} %`;
  switch (deed.do as DeedName) {
    case "crash": return `${node} crashes.`;
    case "restart": return `${node} starts again.`;
    case "freeze": return `${node} freezes.`;
    case "thaw": return `${node} thaws.`;
    case "forget": return `${node} crashes and loses its disk.`;
    case "cut": return `The link ${link} is cut.`;
    case "mend": return `The link ${link} is mended.`;
    case "isolate": return `${node} is cut off from all others.`;
    case "partition": return "The network is partitioned.";
    case "heal": return "All links are mended.";
    case "loss": return `${percent} of the messages are lost from now on.`;
    case "duplicates": return `${percent} of the messages are doubled from now on.`;
    case "late": return `${percent} of the messages are late from now on.`;
    case "delay": return "Messages take another time from now on.";
    case "old": return `Old messages reach node ${named("node")} again.`;
    case "clock": return `The clock of node ${named("node")} changes its rate.`;
    case "disk": return `The disk of node ${named("node")} changes its speed.`;
    case "fill": return `The disk of node ${named("node")} is full: its writes do not end.`;
    case "empty": return `The disk of node ${named("node")} takes writes again.`;
    case "campaign": return `${node} is told to campaign.`;
    case "resign": return `${node} is told to resign.`;
    case "priority": return `${node} is given priority ${String(deed["value"])}.`;
    case "position": return `The data of node ${named("node")} reach ${String(deed["index"])}.`;
    case "discovered": return `${node} is told that node ${named("other")} has been discovered.`;
    case "lost": return `${node} is told that node ${named("other")} is lost.`;
    case "reconfigure": return `${node} is told to change the members.`;
    case "leave": return `${node} is told to leave the group.`;
  }
}
