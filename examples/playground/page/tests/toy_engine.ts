// A toy in place of the engine, for tests of the page and for work on it without Rust. It knows heartbeats, crashes and
// little else: the lowest node that runs leads when no promise is in force.

import type { Playground as Engine } from "../src/engine.ts";

export default async function start(): Promise<void> {}

const TEXTS = ["heartbeat of term # for #ms, rank #", "promise for #ms", "elected in term #", "steps down", "# is done"];
const PROMISE = 150_000;
const INTERVAL = 40_000;

interface Due {
  readonly at: number;
  readonly order: number;
  readonly what: () => void;
}

export class Playground implements Engine {
  #now = 0;
  #queue: Due[] = [];
  #order = 0;
  #events: unknown[][] = [];
  #texts = 0;
  #messages = 0;
  #random: number;
  #term = 0;
  #leader: number | null = null;
  #checks = 0;
  readonly #up: boolean[];
  readonly #boundUntil: number[];
  readonly #nodes: number;

  constructor(settings: string) {
    const { nodes = 5, seed = 1 } = JSON.parse(settings) as { nodes?: number; seed?: number };
    if (!Number.isInteger(nodes) || nodes < 1 || nodes > 25) throw new Error("A group has 1 to 25 nodes.");
    this.#nodes = nodes;
    this.#random = seed;
    this.#up = Array.from({ length: nodes }, () => false);
    this.#boundUntil = Array.from({ length: nodes }, () => 0);
    for (let node = 0; node < nodes; node++) this.#schedule(0, () => this.#start(node));
  }

  head(): string {
    const nodes = Array.from({ length: this.#nodes }, (_, node) => String(node + 1));
    return JSON.stringify({ timeline: 1, title: "A toy", source: "playground", command: null, nodes, end: 0, violation: null });
  }

  now(): number {
    return this.#now;
  }

  run(until: number, most: number): string {
    let taken = 0;
    while (taken < most && this.#next(until)) taken++;
    if (taken < most) this.#now = Math.max(this.#now, until);
    return this.#chunk();
  }

  step(): string {
    this.#next(Infinity);
    return this.#chunk();
  }

  act(text: string): string {
    const deed = JSON.parse(text) as { do: string; node: number };
    if (deed.do === "crash") {
      if (this.#up[deed.node] !== true) throw new Error("The node does not run.");
      this.#crash(deed.node);
    } else if (deed.do === "restart") {
      if (this.#up[deed.node] !== false) throw new Error("The node runs already.");
      this.#start(deed.node);
    } else if (deed.do === "heal" || deed.do === "campaign") {
      this.#event("o", -1, 4, [1]);
    } else {
      throw new Error(`The toy cannot do ${deed.do}.`);
    }
    return this.#chunk();
  }

  status(node: number): string {
    return this.#up[node] === true ? `node ${node + 1}: term ${this.#term}` : "The node is down.";
  }

  verdict(): string {
    return JSON.stringify({ violation: null, checks: this.#checks, leader: this.#leader, terms: this.#term });
  }

  free(): void {}

  #chance(below: number): number {
    this.#random = (Math.imul(this.#random, 1_103_515_245) + 12_345) & 0x7fffffff;
    return this.#random % below;
  }

  #schedule(after: number, what: () => void): void {
    this.#queue.push({ at: this.#now + after, order: this.#order++, what });
    this.#queue.sort((a, b) => a.at - b.at || a.order - b.order);
  }

  #next(until: number): boolean {
    const due = this.#queue[0];
    if (due === undefined || due.at > until) return false;
    this.#queue.shift();
    this.#now = due.at;
    this.#checks++;
    due.what();
    return true;
  }

  #event(...rest: unknown[]): void {
    this.#events.push([this.#now, ...rest]);
  }

  #chunk(): string {
    const texts = TEXTS.slice(this.#texts);
    this.#texts = TEXTS.length;
    const events = this.#events;
    this.#events = [];
    return JSON.stringify({ texts, events, now: this.#now, violation: null });
  }

  #members(): object {
    const v = Array.from({ length: this.#nodes }, (_, node) => node);
    return { n: `${this.#term}.1`, v, l: [], q: Math.floor(this.#nodes / 2) + 1, c: true };
  }

  #start(node: number): void {
    this.#up[node] = true;
    this.#event("u", node);
    this.#event("s", node, { r: "F", t: this.#term, v: null, k: null, e: null, p: null, m: this.#members(), y: 1, x: "0.0" });
    this.#deadline(node);
  }

  #crash(node: number): void {
    this.#up[node] = false;
    if (this.#leader === node) this.#leader = null;
    this.#event("d", node);
  }

  #deadline(node: number): void {
    const wait = Math.max(0, this.#boundUntil[node]! - this.#now) + 1_000 + node * 20_000 + this.#chance(10_000);
    this.#schedule(wait, () => {
      if (this.#up[node] !== true || this.#leader === node) return;
      if (this.#boundUntil[node]! > this.#now || this.#leader !== null) this.#deadline(node);
      else this.#elect(node);
    });
  }

  #elect(node: number): void {
    if (this.#up.filter((up) => up).length * 2 <= this.#nodes) return this.#deadline(node);
    this.#leader = node;
    this.#term++;
    this.#event("a", node, 2, [this.#term], ["3.4", "4.3"]);
    this.#event("s", node, { r: "L", t: this.#term, v: node, k: node, e: this.#now + PROMISE, p: [node, this.#now + PROMISE] });
    this.#beat(node, this.#term);
  }

  #beat(node: number, term: number): void {
    if (this.#leader !== node || this.#term !== term) return;
    for (let to = 0; to < this.#nodes; to++) {
      if (to !== node) this.#send(node, to, 0, [term, 150, to], () => this.#heard(to, node, term));
    }
    this.#event("s", node, { e: this.#now + PROMISE, p: [node, this.#now + PROMISE] });
    this.#schedule(INTERVAL, () => this.#beat(node, term));
  }

  #heard(node: number, from: number, term: number): void {
    this.#boundUntil[node] = this.#now + PROMISE;
    this.#event("s", node, { r: "F", t: term, k: from, p: [from, this.#now + PROMISE] });
    this.#send(node, from, 1, [150], () => undefined);
    this.#deadline(node);
  }

  #send(from: number, to: number, text: number, numbers: number[], then: () => void): void {
    const id = this.#messages++;
    const delay = 2_000 + this.#chance(6_000);
    this.#event("m", id, from, to, text, numbers, [this.#now + delay]);
    this.#schedule(delay, () => {
      if (this.#up[to] !== true) return this.#event("x", id);
      this.#event("r", id);
      then();
    });
  }
}
