// Reads the state of a node out of a timeline.

import { isNumber, isObject, isShortText, MOST_NODES, shortened } from "./checks.ts";
import { Interned } from "./interned.ts";
import { NO_PROMISE, ROLES, type Role, type Row } from "./lane.ts";

export interface Membership {
  /** Its version. */
  readonly n: string;
  readonly v: readonly number[];
  readonly l: readonly number[];
  /** How many voters are a quorum. */
  readonly q: number;
  /** Whether it is committed. */
  readonly c: boolean;
}

export class StateReader {
  readonly memberships = new Interned<Membership>();
  readonly positions = new Interned<string>();
  private readonly nodes: number;

  constructor(nodes: number) {
    this.nodes = nodes;
    this.positions.add("", "");
  }

  isNode(value: unknown): value is number {
    return isNumber(value) && Number.isInteger(value) && value >= 0 && value < this.nodes;
  }

  /** What changed, or what is wrong with it, as the end of a sentence. */
  read(value: unknown): Partial<Row> | string {
    if (!isObject(value)) return "has no state";
    const changes: Partial<Row> = {};
    for (const key of Object.keys(value)) {
      const wrong = this.readPart(key, value[key], changes);
      if (wrong !== null) return wrong;
    }
    return changes;
  }

  private readPart(key: string, part: unknown, changes: Partial<Row>): string | null {
    switch (key) {
      case "r":
        changes.role = typeof part === "string" ? ROLES.indexOf(part as Role) : -1;
        return changes.role < 0 ? `has a role ${shortened(part)} that there is not` : null;
      case "t":
        if (!isNumber(part)) return "has a term that is no number";
        changes.term = part;
        return null;
      case "v":
      case "k":
        if (part !== null && !this.isNode(part)) return "names a node that there is not";
        changes[key === "v" ? "vote" : "leader"] = part ?? -1;
        return null;
      case "e":
        if (part !== null && !isNumber(part)) return "has a lease that ends at no time";
        changes.lease = part ?? NaN;
        return null;
      case "p":
        return this.readPromise(part, changes);
      case "m":
        if (!this.isMembership(part)) return "has a membership that is none";
        changes.membership = this.memberships.add(JSON.stringify(part), part);
        return null;
      case "y":
        if (!isNumber(part)) return "has a priority that is no number";
        changes.priority = part;
        return null;
      case "x":
        if (!isShortText(part)) return "has a position that is no text";
        changes.position = this.positions.add(part, part);
        return null;
      default: // A later version of this format may say more of a node.
        return null;
    }
  }

  private readPromise(part: unknown, changes: Partial<Row>): string | null {
    if (part === null) {
      changes.holder = NO_PROMISE;
      changes.promise = NaN;
      return null;
    }
    const list = Array.isArray(part) ? (part as unknown[]) : [];
    const [holder, ends] = [list[0], list[1]];
    if ((holder !== null && !this.isNode(holder)) || !isNumber(ends)) return "has a promise that is none";
    changes.holder = holder ?? -1;
    changes.promise = ends;
    return null;
  }

  private isMembership(value: unknown): value is Membership {
    if (!isObject(value)) return false;
    const { n, v, l, q, c } = value;
    const isList = (list: unknown): boolean =>
      Array.isArray(list) && list.length <= MOST_NODES && list.every((node) => this.isNode(node));
    return isShortText(n) && isList(v) && isList(l) && isNumber(q) && typeof c === "boolean";
  }
}
