// The messages of a run, in the order in which they were sent: which are in flight, and how each ended.

import { isTime, MOST_NUMBERS } from "./checks.ts";
import { bytes, floats, integers, Maxima, type Column } from "./columns.ts";

/** For so long a message is shown whose end nobody knows. */
const UNKNOWN_FLIGHT = 20_000;
/** Flights that are longer are not usual: some messages are late by seconds. */
const LONGEST_USUAL_FLIGHT = 200_000;
const NONE: readonly number[] = [];

// How a message ends.
const UNKNOWN = 0;
const DUE = 1;
const ARRIVED = 2;
const LOST = 3;

export interface End {
  readonly at: number;
  readonly lost: boolean;
}

export class Messages {
  /** Where a message is, by its number; not needed while the numbers follow each other without a gap. */
  private indices: Map<number, number> | null = null;
  private readonly ids: Column<Float64Array> = floats();
  private readonly sentTimes: Column<Float64Array> = floats();
  private readonly froms: Column<Int32Array> = integers();
  private readonly tos: Column<Int32Array> = integers();
  private readonly phrases: Column<Int32Array> = integers();
  // Nearly all messages end once. The other ends of those that end twice are few.
  private readonly firstEnds: Column<Float64Array> = floats();
  private readonly firstKinds: Column<Uint8Array> = bytes();
  private readonly otherEnds = new Map<number, { at: number; kind: number }[]>();
  /** Until when each is shown as in flight. */
  private readonly lastEnds = new Maxima();
  private flightTime = 0;
  private flightCount = 0;

  /** The index of the message with this number, or -1. */
  indexOf(id: number): number {
    if (this.indices !== null) return this.indices.get(id) ?? -1;
    const index = id - this.ids.at(0);
    return Number.isInteger(index) && index >= 0 && index < this.ids.length ? index : -1;
  }

  /** Adds a message of a new number. Returns its index, or what is wrong with it, as the end of a sentence. */
  send(id: number, at: number, from: number, to: number, phrase: number, due: unknown): number | string {
    if (due !== undefined && !(Array.isArray(due) && due.length <= MOST_NUMBERS && due.every((end) => isTime(end) && end >= at))) {
      return "is a message that is due at no time";
    }
    const index = this.ids.length;
    if (this.indices === null && index > 0 && id !== this.ids.at(0) + index) {
      this.indices = new Map();
      for (let other = 0; other < index; other += 1) this.indices.set(this.ids.at(other), other);
    }
    this.indices?.set(id, index);
    this.ids.push(id);
    this.sentTimes.push(at);
    this.froms.push(from);
    this.tos.push(to);
    this.phrases.push(phrase);
    const ends = (due ?? NONE) as readonly number[];
    const first = ends[0];
    this.firstEnds.push(first ?? NaN);
    this.firstKinds.push(first === undefined ? UNKNOWN : DUE);
    if (ends.length > 1) this.otherEnds.set(index, ends.slice(1).map((end) => ({ at: end, kind: DUE })));
    this.lastEnds.push(first === undefined ? at + UNKNOWN_FLIGHT : ends.length === 1 ? first : Math.max(...ends));
    return index;
  }

  /** A message arrives or is lost: one of its ends that were due, or one more. Returns what is wrong with that. */
  end(index: number, at: number, lost: boolean): string | null {
    const kind = lost ? LOST : ARRIVED;
    const first = this.firstKinds.at(index);
    const others = this.otherEnds.get(index);
    const due = others?.find((end) => end.kind === DUE);
    if (first === UNKNOWN || (first === DUE && (this.firstEnds.at(index) <= at || due === undefined))) {
      this.firstEnds.set(index, at);
      this.firstKinds.set(index, kind);
    } else if (due !== undefined) {
      due.at = at;
      due.kind = kind;
    } else if (others === undefined) this.otherEnds.set(index, [{ at, kind }]);
    else if (others.length < MOST_NUMBERS) others.push({ at, kind });
    else return `ends message ${this.ids.at(index)} too often`;
    const sent = this.sentTimes.at(index);
    if (!lost && at - sent < LONGEST_USUAL_FLIGHT) {
      this.flightTime += at - sent;
      this.flightCount += 1;
    }
    const shown = lost && at === sent ? sent + this.halfFlight() : at;
    const known = Math.max(shown, this.firstEnds.at(index));
    this.lastEnds.set(index, (this.otherEnds.get(index) ?? []).reduce((last, end) => Math.max(last, end.at), known));
    return null;
  }

  /** Half of the usual time of a flight. A message that is lost as soon as it is sent is shown for so long. */
  halfFlight(): number {
    return this.flightCount === 0 ? 2_000 : this.flightTime / this.flightCount / 2;
  }

  /** The indices of those in flight at some instant between two, the last ones if they are more than `limit`. */
  between(from: number, to: number, limit: number): number[] {
    return this.lastEnds.above(from, this.sentTimes.countUpTo(to), limit);
  }

  /** How many are sent after `from` and up to `to`. */
  countSent(from: number, to: number): number {
    return this.sentTimes.countUpTo(to) - this.sentTimes.countUpTo(from);
  }

  idOf(index: number): number {
    return this.ids.at(index);
  }

  sentAt(index: number): number {
    return this.sentTimes.at(index);
  }

  fromOf(index: number): number {
    return this.froms.at(index);
  }

  toOf(index: number): number {
    return this.tos.at(index);
  }

  phraseOf(index: number): number {
    return this.phrases.at(index);
  }

  endsOf(index: number): End[] {
    const kind = this.firstKinds.at(index);
    const ends = kind === UNKNOWN ? [] : [{ at: this.firstEnds.at(index), lost: kind === LOST }];
    for (const end of this.otherEnds.get(index) ?? []) ends.push({ at: end.at, lost: end.kind === LOST });
    return ends;
  }
}
