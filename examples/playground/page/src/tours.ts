// Guided tours: a text for each step, what is done at its beginning, and how far the run goes on. What a step claims is in its
// field `expect`, which the page does not hold: `engine/tests/tours.rs` goes through the tours as is done here, and tests it.

import { isDeed, type Deed } from "./deeds.ts";
import type { Session, Settings } from "./engine.ts";
import { isRefusal, type Model, type Refusal } from "./model.ts";

/** A node by its index, or by its part in the run: "leader", "former" (the leader that is gone), "follower", "follower 2" … */
export type NodeWord = number | string;

/** What a step waits for; of several conditions all have to hold. */
export interface Until {
  /** A node holds a lease: any, none, a certain one, or "other" than the one that led at the beginning of the step. */
  readonly leader?: boolean | NodeWord;
  /** Some node has reached this term. */
  readonly term?: number;
  /** The leader's membership is known to be committed, or not. */
  readonly committed?: boolean;
  readonly role?: { readonly node: NodeWord; readonly is: string };
  /** Since the step began a node did something whose words contain this. */
  readonly said?: string;
  /** Since the step began a message was sent whose words contain this. */
  readonly message?: string;
}

export interface TourStep {
  /** May hold `{leader}`, `{former}`, `{follower}`, `{follower 2}` and `{term}`. */
  readonly text: string;
  /** Deeds whose nodes are words of `NodeWord`. */
  readonly deeds?: readonly Record<string, unknown>[];
  readonly run_ms?: number;
  readonly until?: Until;
  /** How long a step waits for its condition. */
  readonly within_ms?: number;
  readonly speed?: number;
  readonly show?: { readonly node?: NodeWord; readonly rules?: readonly string[] };
}

export interface Tour {
  readonly name: string;
  readonly title: string;
  /** One line for the list of tours. */
  readonly about?: string;
  readonly settings: Settings;
  readonly steps: readonly TourStep[];
}

const USUAL_SPEED = 0.1;
const USUAL_WAIT_MS = 5_000;
/** The time in sight, in microseconds. */
const SPAN_AT_FULL_SPEED = 8_000_000;
const SHORTEST_SPAN = 80_000;
const LONGEST_SPAN = 800_000;
/** Conditions are tested after each millisecond of virtual time, so that a tour goes the same way each time. */
const GRID_US = 1_000;

/** A tour under way. */
export class TourRun {
  readonly tour: Tour;
  #place = -1;
  #began = 0;
  #firstEvent = 0;
  #scanned = 0;
  #said = false;
  #sent = false;
  /** The latest leader, and the one before it. */
  #latest: number | null = null;
  #before: number | null = null;
  #ledAtBeginning: number | null = null;
  #waiting = false;
  /** Whether the condition of the last finished step came true in time. */
  fulfilled = true;

  constructor(tour: Tour) {
    this.tour = tour;
  }

  get place(): number {
    return this.#place;
  }

  get step(): TourStep | undefined {
    return this.tour.steps[this.#place];
  }

  get waiting(): boolean {
    return this.#waiting;
  }

  get isLast(): boolean {
    return this.#place + 1 >= this.tour.steps.length;
  }

  get speed(): number {
    return this.step?.speed ?? USUAL_SPEED;
  }

  /** How much time is to be in sight, so that one sees each message where time runs slowly. */
  get span(): number {
    return Math.max(SHORTEST_SPAN, Math.min(LONGEST_SPAN, this.speed * SPAN_AT_FULL_SPEED));
  }

  /** Begins the next step: does its deeds. */
  begin(session: Session): Refusal | null {
    this.#place++;
    this.#began = session.now;
    this.#firstEvent = session.model.eventCount;
    this.#scanned = this.#firstEvent;
    this.#said = false;
    this.#sent = false;
    this.#waiting = true;
    this.fulfilled = true;
    this.#notice(leaderAt(session.model, session.now));
    this.#ledAtBeginning = this.#latest;
    for (const deed of this.step?.deeds ?? []) {
      const resolved = this.#resolved(deed, session.model, session.now);
      if (!isDeed(resolved)) return { refused: `The tour asks for something that cannot be done: ${String(deed["do"])}.` };
      const refusal = session.act(resolved);
      if (refusal !== null) return refusal;
    }
    if (this.#end() <= session.now) this.#waiting = false;
    return null;
  }

  /** Lets time pass to `target` at most, and not beyond the end of the step. Returns "finished" at that end. */
  advance(session: Session, target: number, deadline: number): "there" | "more" | "finished" {
    while (this.#waiting) {
      const end = this.#end();
      const grid = this.#began + (Math.floor((session.now - this.#began) / GRID_US) + 1) * GRID_US;
      const next = Math.min(grid, end, target);
      const reached = session.runTo(next, deadline);
      if (reached === "more") return "more";
      if (next === grid || next === end || reached === "ended") {
        this.#notice(leaderAt(session.model, session.now));
        const fulfilled = this.#isFulfilled(session);
        if (fulfilled || session.now >= end || reached === "ended") {
          this.#waiting = false;
          this.fulfilled = fulfilled || this.step?.until === undefined;
          return "finished";
        }
      }
      if (session.now >= target) return "there";
      if (performance.now() > deadline) return "more";
    }
    return "finished";
  }

  /** The text of the step, with the nodes of the moment. */
  text(model: Model, at: number): string {
    return (this.step?.text ?? "").replace(/\{([a-z]+(?: \d+)?)\}/g, (whole, word: string) => {
      if (word === "term") return String(Math.max(0, ...model.nodes.map((_, node) => model.state(node, at).term)));
      const node = this.node(word, model, at);
      return node === null ? whole : (model.nodes[node] ?? whole);
    });
  }

  /** The index of the node that a word means at a moment. */
  node(word: NodeWord, model: Model, at: number): number | null {
    if (typeof word === "number") return word;
    if (word === "leader") return leaderAt(model, at) ?? this.#latest;
    if (word === "former") return leaderAt(model, at) === null ? this.#latest : this.#before;
    const which = /^follower(?: (\d+))?$/.exec(word);
    if (which === null) return null;
    const leader = leaderAt(model, at) ?? this.#latest;
    const voters = leader === null ? [] : (model.state(leader, at).membership?.v ?? []);
    const followers = voters.filter((node) => node !== leader && model.state(node, at).phase === "up");
    return followers[Number(which[1] ?? 1) - 1] ?? null;
  }

  #notice(leader: number | null): void {
    if (leader === null || leader === this.#latest) return;
    this.#before = this.#latest;
    this.#latest = leader;
  }

  #end(): number {
    const step = this.step;
    if (step?.until !== undefined) return this.#began + (step.within_ms ?? USUAL_WAIT_MS) * 1_000;
    return this.#began + (step?.run_ms ?? 0) * 1_000;
  }

  #isFulfilled(session: Session): boolean {
    const until = this.step?.until;
    if (until === undefined) return false;
    const { model, now } = session;
    this.#scan(model, until);
    const leader = leaderAt(model, now);
    if (until.leader !== undefined && !this.#leads(until.leader, leader, model, now)) return false;
    if (until.term !== undefined && !model.nodes.some((_, node) => model.state(node, now).term >= (until.term ?? 0))) return false;
    if (until.committed !== undefined) {
      if (leader === null || model.state(leader, now).membership?.c !== until.committed) return false;
    }
    if (until.role !== undefined) {
      const node = this.node(until.role.node, model, now);
      if (node === null || model.state(node, now).role !== until.role.is) return false;
    }
    return (until.said === undefined || this.#said) && (until.message === undefined || this.#sent);
  }

  #leads(wanted: boolean | NodeWord, leader: number | null, model: Model, now: number): boolean {
    if (typeof wanted === "boolean") return (leader !== null) === wanted;
    if (wanted === "other") return leader !== null && leader !== this.#ledAtBeginning;
    return leader !== null && leader === this.node(wanted, model, now);
  }

  #scan(model: Model, until: Until): void {
    for (; this.#scanned < model.eventCount; this.#scanned++) {
      const kind = model.kindOf(this.#scanned);
      if (until.said !== undefined && kind === "a" && model.wordsOf(this.#scanned).includes(until.said)) this.#said = true;
      if (until.message !== undefined && kind === "m" && model.wordsOf(this.#scanned).includes(until.message)) this.#sent = true;
    }
  }

  #resolved(value: unknown, model: Model, at: number): Deed | unknown {
    if (Array.isArray(value)) return value.map((part: unknown) => this.#resolved(part, model, at));
    if (typeof value === "string") return this.node(value, model, at) ?? value;
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [key, key === "do" ? part : this.#resolved(part, model, at)]),
    );
  }
}

/** The node that holds a lease at this moment. */
export function leaderAt(model: Model, at: number): number | null {
  for (let node = 0; node < model.nodes.length; node++) {
    const state = model.state(node, at);
    const leads = state.role === "L" && (state.phase === "up" || state.phase === "frozen");
    if (leads && state.leaseEnds !== null && state.leaseEnds > at) return node;
  }
  return null;
}

/** Goes a tour from its start to the beginning of step `place`, a little at a time: "more" until it is there. */
export class TourRepeat {
  readonly run: TourRun;
  readonly session: Session;
  readonly #place: number;

  constructor(tour: Tour, session: Session, place: number) {
    this.run = new TourRun(tour);
    this.session = session;
    this.#place = place;
  }

  get progress(): number {
    return this.#place === 0 ? 1 : Math.max(0, this.run.place) / this.#place;
  }

  advance(deadline: number): "there" | "more" | Refusal {
    for (;;) {
      if (!this.run.waiting) {
        if (this.run.place >= this.#place) return "there";
        const refusal = this.run.begin(this.session);
        if (isRefusal(refusal)) return refusal;
        if (this.run.place >= this.#place) return "there";
      }
      if (this.run.advance(this.session, Infinity, deadline) === "more") return "more";
      if (performance.now() > deadline) return "more";
    }
  }
}
