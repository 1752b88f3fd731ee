// Which links are up, and when that changed.

import { MOST_NODES } from "./checks.ts";
import { bytes, floats, type Column } from "./columns.ts";

export interface LinkChange {
  readonly from: number;
  readonly to: number;
  readonly up: boolean;
}

export class Links {
  private readonly links = new Map<number, { times: Column<Float64Array>; ups: Column<Uint8Array> }>();
  private readonly changes: LinkChange[] = [];

  /** Returns the index of the change. */
  change(at: number, from: number, to: number, up: boolean): number {
    const key = from * MOST_NODES + to;
    let link = this.links.get(key);
    if (link === undefined) {
      link = { times: floats(), ups: bytes() };
      this.links.set(key, link);
    }
    link.times.push(at);
    link.ups.push(up ? 1 : 0);
    return this.changes.push({ from, to, up }) - 1;
  }

  at(index: number): LinkChange {
    return this.changes[index] ?? { from: 0, to: 0, up: true };
  }

  isUp(from: number, to: number, at: number): boolean {
    const link = this.links.get(from * MOST_NODES + to);
    if (link === undefined) return true;
    const changes = link.times.countUpTo(at);
    return changes === 0 || link.ups.at(changes - 1) === 1;
  }

  down(at: number): { from: number; to: number }[] {
    const down: { from: number; to: number }[] = [];
    for (const key of this.links.keys()) {
      const [from, to] = [Math.floor(key / MOST_NODES), key % MOST_NODES];
      if (!this.isUp(from, to, at)) down.push({ from, to });
    }
    return down;
  }
}
