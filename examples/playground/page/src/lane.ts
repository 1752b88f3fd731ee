// The history of one node: its state after each change, and the spans of time that are drawn when many changes fall on
// one pixel.

import { bytes, floats, integers, type Column } from "./columns.ts";

export type Role = "F" | "P" | "C" | "L" | "R";
export type Phase = "unstarted" | "up" | "down" | "lost" | "frozen";

export const ROLES: readonly Role[] = ["F", "P", "C", "L", "R"];
export const PHASES: readonly Phase[] = ["unstarted", "up", "down", "lost", "frozen"];

/** How a node looks from outside: its phase unless it is up, or else its role. */
export type Look = Role | "unstarted" | "down" | "lost" | "frozen";
export const LOOKS: readonly Look[] = ["F", "P", "C", "L", "R", "unstarted", "down", "lost", "frozen"];

/** No promise is in force. A holder of -1 is forgotten promises, to nobody in particular. */
export const NO_PROMISE = -2;

/** The state of a node in numbers: indices of nodes, -1 for none; NaN for an instant that is not. */
export interface Row {
  phase: number;
  since: number;
  role: number;
  term: number;
  vote: number;
  leader: number;
  lease: number;
  holder: number;
  promise: number;
  membership: number;
  priority: number;
  position: number;
  ppm: number;
  writing: number;
}

/** Spans of time in ascending order, each with a tag. The last one may grow. */
export class Spans {
  readonly starts: Column<Float64Array> = floats();
  readonly ends: Column<Float64Array> = floats();
  readonly tags: Column<Float64Array> = floats();

  get length(): number {
    return this.starts.length;
  }

  /** Goes on with `tag` from `at` until `end`: the last span grows if it has that tag and reaches `at`. */
  extend(at: number, end: number, tag: number): void {
    const last = this.length - 1;
    if (last >= 0 && this.tags.at(last) === tag && this.ends.at(last) >= at) {
      this.ends.set(last, end);
      return;
    }
    this.close(at);
    this.starts.push(at);
    this.ends.push(end);
    this.tags.push(tag);
  }

  /** Ends the last span at `at`, if it would end later. */
  close(at: number): void {
    const last = this.length - 1;
    if (last >= 0 && this.ends.at(last) > at) this.ends.set(last, at);
  }

  /** The index of the last span that starts at `at` or before; -1 if there is none. */
  indexAt(at: number, hint?: number): number {
    return this.starts.countUpTo(at, hint) - 1;
  }
}

export class Lane {
  readonly times: Column<Float64Array> = floats();
  private readonly columns: { readonly [K in keyof Row]: Column<Float64Array> | Column<Int32Array> | Column<Uint8Array> } = {
    phase: bytes(),
    since: floats(),
    role: bytes(),
    term: floats(),
    vote: integers(),
    leader: integers(),
    lease: floats(),
    holder: integers(),
    promise: floats(),
    membership: integers(),
    priority: floats(),
    position: integers(),
    ppm: floats(),
    writing: floats(),
  };
  /** Spans of one look and one term; the tag is the look's index. */
  readonly looks = new Spans();
  readonly terms: Column<Float64Array> = floats();
  /** How long the node had had each look when the span began: the time of a look between two instants is a difference. */
  private readonly sums: Column<Float64Array>[] = LOOKS.map(() => floats());
  /** While the node is bound by promises without a gap; the tag is their holder. */
  readonly promises = new Spans();
  /** While the node holds a lease without a gap; the tag is its term. */
  readonly leases = new Spans();
  /** While a write is under way. */
  readonly writes = new Spans();
  /** While the node holds one membership; the tag is its index. */
  readonly memberships = new Spans();
  /** While the node has one rank among the successors; the tag is the rank. */
  readonly ranks = new Spans();
  /** When the node sent a message. */
  readonly sent: Column<Float64Array> = floats();

  private readonly now: Row = {
    phase: 0,
    since: 0,
    role: 0,
    term: 0,
    vote: -1,
    leader: -1,
    lease: NaN,
    holder: NO_PROMISE,
    promise: NaN,
    membership: -1,
    priority: 0,
    position: 0,
    ppm: 0,
    writing: NaN,
  };

  constructor() {
    this.record(0);
  }

  /** The node's phase changes. What it held in memory only is gone with its process. */
  enter(at: number, phase: Phase): void {
    const row = this.now;
    row.phase = PHASES.indexOf(phase);
    row.since = at;
    if (phase === "down" || phase === "lost") {
      row.lease = NaN;
      row.holder = NO_PROMISE;
      row.promise = NaN;
      if (!Number.isNaN(row.writing)) this.writes.close(at);
      row.writing = NaN;
      row.role = 0;
      row.leader = -1;
      this.ranks.close(at);
    }
    this.record(at);
  }

  change(at: number, changes: Partial<Row>): void {
    Object.assign(this.now, changes);
    this.record(at);
  }

  beginWrite(at: number): void {
    this.now.writing = at;
    this.writes.extend(at, Infinity, this.writes.length);
    this.record(at);
  }

  endWrite(at: number): void {
    this.now.writing = NaN;
    this.writes.close(at);
    this.record(at);
  }

  /** A heartbeat tells the node its rank. */
  rank(at: number, rank: number): void {
    this.ranks.extend(at, Infinity, rank);
  }

  rankAt(at: number): number | null {
    const index = this.ranks.indexAt(at);
    return index < 0 || this.ranks.ends.at(index) <= at ? null : this.ranks.tags.at(index);
  }

  /** How many rows there are. */
  get length(): number {
    return this.times.length;
  }

  /** The index of the row that is in force at `at`. */
  rowAt(at: number, hint?: number): number {
    return Math.max(0, this.times.countUpTo(at, hint) - 1);
  }

  value(row: number, key: keyof Row): number {
    return this.columns[key].at(row);
  }

  /** The look that the node has for the longest time between two instants, and how often its look or term changes. */
  lookBetween(from: number, to: number, hint: number): { look: number; last: number; changes: number } {
    const first = Math.max(0, this.looks.indexAt(from, hint));
    const last = Math.max(first, this.looks.indexAt(to, first));
    const changes = last - first;
    if (changes === 0) return { look: this.looks.tags.at(first), last, changes };
    let longest = -1;
    let look = 0;
    for (let index = 0; index < LOOKS.length; index += 1) {
      const time = this.timeOf(index, last, to) - this.timeOf(index, first, from);
      if (time > longest) {
        longest = time;
        look = index;
      }
    }
    return { look, last, changes };
  }

  private timeOf(look: number, span: number, at: number): number {
    const before = this.sums[look]?.at(span) ?? 0;
    return this.looks.tags.at(span) === look ? before + at - this.looks.starts.at(span) : before;
  }

  private record(at: number): void {
    const row = this.now;
    this.times.push(at);
    const columns = this.columns;
    columns.phase.push(row.phase);
    columns.since.push(row.since);
    columns.role.push(row.role);
    columns.term.push(row.term);
    columns.vote.push(row.vote);
    columns.leader.push(row.leader);
    columns.lease.push(row.lease);
    columns.holder.push(row.holder);
    columns.promise.push(row.promise);
    columns.membership.push(row.membership);
    columns.priority.push(row.priority);
    columns.position.push(row.position);
    columns.ppm.push(row.ppm);
    columns.writing.push(row.writing);
    this.extendSpans(at);
  }

  private extendSpans(at: number): void {
    const row = this.now;
    const look = PHASES[row.phase] === "up" ? row.role : LOOKS.indexOf(PHASES[row.phase] as Look);
    const last = this.looks.length - 1;
    if (last < 0 || this.looks.tags.at(last) !== look || this.terms.at(last) !== row.term) {
      this.sums.forEach((sum, index) => sum.push(last < 0 ? 0 : this.timeOf(index, last, at)));
      this.looks.close(at);
      this.looks.starts.push(at);
      this.looks.ends.push(Infinity);
      this.looks.tags.push(look);
      this.terms.push(row.term);
    }
    if (row.holder === NO_PROMISE || !(row.promise > at)) this.promises.close(at);
    else this.promises.extend(at, row.promise, row.holder);
    if (ROLES[row.role] === "L" && row.lease > at) this.leases.extend(at, row.lease, row.term);
    else this.leases.close(at);
    if (row.membership >= 0) this.memberships.extend(at, Infinity, row.membership);
  }
}
