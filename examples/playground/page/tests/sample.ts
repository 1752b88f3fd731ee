// A made-up run, of any size, for the tests: leaders with heartbeats and replies, failovers, crashes and cut links.

import type { RawEvent } from "../src/model.ts";

/** A generator of numbers from 0 to 1 that a seed decides (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Sample {
  timeline: number;
  title: string;
  source: string;
  command: string | null;
  nodes: string[];
  texts: string[];
  end: number;
  violation: { at: number; text: string } | null;
  events: RawEvent[];
}

const TEXTS = [
  "heartbeat of term # for #ms, rank # (membership 1.1, committed, round #)",
  "heartbeat reply of term # to term #: granted for #ms, position 0, priority 1 (membership 1.1, committed, round #)",
  "pre-vote request of term #, position 0",
  "pre-vote reply of term # to term #: granted",
  "vote request of term # for #ms, position 0",
  "vote reply of term # to term #: granted for #ms",
  "elected in term #",
  "the leader is #, in term #",
  "crash node #",
  "lease ends",
];

/** Leaders follow each other, each for `reign` microseconds; a heartbeat every `interval`. */
export function sample(seed: number, nodes: number, length: number, interval = 50_000, reign = 2_000_000): Sample {
  const next = random(seed);
  const events: RawEvent[] = [];
  const pending: RawEvent[] = [];
  const promise = interval * 3;
  const quorum = Math.floor(nodes / 2) + 1;
  const all = Array.from({ length: nodes }, (_, node) => node);
  let id = 0;
  const send = (at: number, from: number, to: number, text: number, numbers: number[], delay: number): void => {
    id += 1;
    pending.push([at, "m", id, from, to, text, numbers]);
    pending.push([at + delay, next() < 0.01 ? "x" : "r", id]);
  };
  const delay = (): number => 2_000 + Math.floor(next() * 6_000);
  for (const node of all) {
    pending.push([0, "u", node]);
    const state = { r: "F", t: 0, v: null, k: null, e: null, p: null, m: { n: "1.1", v: all, l: [], q: quorum, c: true }, y: 1, x: "0" };
    pending.push([0, "s", node, state]);
  }
  let [at, term, leader] = [100_000, 0, 0];
  while (at < length) {
    term += 1;
    leader = (leader + 1 + Math.floor(next() * (nodes - 1))) % nodes;
    const until = Math.min(length, at + reign);
    pending.push([at, "s", leader, { r: "P" }]);
    for (const node of all) if (node !== leader) send(at, leader, node, 2, [term], delay());
    at += 18_000;
    pending.push([at, "w", leader], [at + 4_000, "W", leader]);
    pending.push([at, "s", leader, { r: "C", t: term, v: leader, p: [leader, at + promise * 3] }]);
    for (const node of all) {
      if (node === leader) continue;
      const way = delay();
      send(at, leader, node, 4, [term, (promise * 3) / 1000], way);
      pending.push([at + way, "s", node, { t: term, v: leader, k: null, p: [leader, at + way + promise * 3] }]);
      send(at + way + 3_000, node, leader, 5, [term, term, (promise * 3) / 1000], delay());
      pending.push([at + way, "w", node], [at + way + 3_000, "W", node]);
    }
    at += 24_000;
    pending.push([at, "s", leader, { r: "L", k: leader, e: at + promise * 2 }]);
    pending.push([at, "a", leader, 6, [term], ["3.4", "4.4"]]);
    let round = 0;
    while (at < until) {
      round += 1;
      pending.push([at, "s", leader, { e: at + promise - 10_000, p: [leader, at + promise] }]);
      for (const node of all) {
        if (node === leader) continue;
        const way = delay();
        send(at, leader, node, 0, [term, promise / 1000, node, round], way);
        pending.push([at + way, "s", node, { k: leader, p: [leader, at + way + promise] }]);
        send(at + way, node, leader, 1, [term, term, promise / 1000, round], delay());
      }
      at += interval;
    }
    pending.push([at, "o", leader, 8, [leader]], [at, "d", leader]);
    pending.push([at + 300_000, "u", leader]);
    pending.push([at + 300_000, "s", leader, { r: "F", t: term, v: leader, k: null, e: null, p: [null, at + 300_000 + promise * 3] }]);
    pending.push([at + 310_000, "c", leader, Math.floor(next() * 400) - 200]);
    const [a, b] = [Math.floor(next() * nodes), Math.floor(next() * nodes)];
    pending.push([at + 200_000, "l", a, b, 0], [at + 900_000, "l", a, b, 1]);
    at += promise + 40_000;
  }
  pending.sort((a, b) => a[0] - b[0]);
  for (const event of pending) events.push(event);
  const last = events[events.length - 1]?.[0] ?? 0;
  const names = all.map((node) => String(node + 1));
  return { timeline: 1, title: `Sample ${seed}`, source: "simulation", command: null, nodes: names, texts: TEXTS, end: last, violation: null, events };
}
