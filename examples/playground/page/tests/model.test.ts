import assert from "node:assert/strict";
import { test } from "node:test";
import { floats, Maxima } from "../src/columns.ts";
import { isRefusal, Model, MOST_CHARACTERS, type RawEvent } from "../src/model.ts";
import { SvgPen } from "../src/svg_pen.ts";
import { drawRing } from "../src/ring_view.ts";
import { drawTimeline } from "../src/timeline_view.ts";
import { random, sample } from "./sample.ts";

const SEED = Number(process.env["QUORATE_PAGE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
console.log(`Random tests use the seed ${SEED}: QUORATE_PAGE_SEED=${SEED} npm test`);

function parsed(timeline: unknown): Model {
  const model = Model.parse(JSON.stringify(timeline));
  assert(!isRefusal(model), isRefusal(model) ? model.refused : "");
  return model;
}

const head = { timeline: 1, title: "", source: "playground", command: null, nodes: ["a", "b", "c"], texts: ["vote # of #"], end: 0, violation: null };
const withEvents = (...events: unknown[]): unknown => ({ ...head, events });

function refused(timeline: unknown, words: RegExp): void {
  const model = Model.parse(typeof timeline === "string" ? timeline : JSON.stringify(timeline));
  assert(isRefusal(model));
  assert.match(model.refused, words);
  assert.match(model.refused, /^[A-Z][^\n]{5,300}\.$/, "a sentence");
}

test("a search in a column finds the same place from every hint", () => {
  const next = random(SEED);
  const column = floats();
  const plain: number[] = [];
  for (let value = 0; plain.length < 200; value += Math.floor(next() * 3)) {
    column.push(value);
    plain.push(value);
  }
  for (let round = 0; round < 2_000; round += 1) {
    const value = next() * 320 - 10;
    const hint = Math.floor(next() * 220) - 10;
    assert.equal(column.countUpTo(value, hint), plain.filter((other) => other <= value).length);
    assert.equal(column.countBefore(value), plain.filter((other) => other < value).length);
  }
});

test("all numbers above a bound are found, also after they were replaced", () => {
  const next = random(SEED);
  const maxima = new Maxima();
  const plain: number[] = [];
  for (let round = 0; round < 3_000; round += 1) {
    const value = Math.floor(next() * 1_000);
    if (next() < 0.3 && plain.length > 0) {
      const index = Math.floor(next() * plain.length);
      plain[index] = value;
      maxima.set(index, value);
    } else {
      plain.push(value);
      maxima.push(value);
    }
    if (round % 50 !== 0) continue;
    const end = Math.floor(next() * (plain.length + 1));
    const expected = plain.slice(0, end).flatMap((other, index) => (other > 900 ? [index] : []));
    assert.deepEqual(maxima.above(900, end, 1e9), expected);
    assert.deepEqual(maxima.above(900, end, 3), expected.slice(-3));
  }
});

test("states, links and messages in flight are those that a reading of all events gives", () => {
  const next = random(SEED);
  const timeline = sample(SEED, 5, 20_000_000);
  const model = parsed(timeline);
  for (let round = 0; round < 200; round += 1) {
    const at = Math.floor(next() * (timeline.end + 2));
    const terms = new Map<number, unknown>();
    const phases = new Map<number, string>();
    const flying = new Set<number>();
    const cut = new Set<string>();
    for (const event of timeline.events) {
      if (event[0] > at) break;
      const [, kind, first, second, third] = event as [number, string, number, number, number];
      if (kind === "s" && "t" in (event[3] as object)) terms.set(first, (event[3] as { t: number }).t);
      if (kind === "u") phases.set(first, "up");
      if (kind === "d") phases.set(first, "down");
      if (kind === "m") flying.add(first);
      if (kind === "r" || kind === "x") flying.delete(first);
      if (kind === "l" && third === 0 && event[4] === 0) cut.add(`${first} ${second}`);
      if (kind === "l" && event[4] === 1) cut.delete(`${first} ${second}`);
    }
    for (let node = 0; node < 5; node += 1) {
      const state = model.state(node, at);
      assert.equal(state.term, terms.get(node) ?? 0);
      assert.equal(state.phase, phases.get(node) ?? "unstarted");
      for (let to = 0; to < 5; to += 1) assert.equal(model.linkUp(node, to, at), !cut.has(`${node} ${to}`));
    }
    assert.deepEqual(new Set(model.inFlight(at).map((message) => message.id)), flying);
    assert.equal(model.firstAfter(at), timeline.events.filter((event) => event[0] <= at).length);
  }
});

test("a timeline that grows in pieces is the same as one that came at once", () => {
  const timeline = sample(SEED, 3, 8_000_000);
  const whole = parsed(timeline);
  const next = random(SEED);
  const { events, ...start } = timeline;
  const grown = parsed({ ...start, end: 0 });
  for (let from = 0; from < events.length; ) {
    const to = from + Math.floor(next() * 400);
    const piece = events.slice(from, to);
    assert.equal(grown.append({ texts: [], events: piece, now: piece[piece.length - 1]?.[0] ?? 0, violation: null }), null);
    from = to;
  }
  assert.equal(grown.end, whole.end);
  const picture = (model: Model, from: number, to: number): string => {
    const pen = new SvgPen(900, 300);
    drawTimeline(pen, model, { from, to, at: (from + to) / 2, width: 900, height: 300, theme: "light", selected: null });
    return pen.picture("");
  };
  assert.equal(picture(grown, 0, whole.end), picture(whole, 0, whole.end));
  assert.equal(picture(grown, 2_000_000, 2_500_000), picture(whole, 2_000_000, 2_500_000));
  for (let index = 0; index < whole.eventCount; index += 97) assert.equal(grown.describe(index), whole.describe(index));
});

test("a message that is due moves before its arrival is known, and then ends when it did", () => {
  const model = parsed(withEvents([10, "m", 1, 0, 1, 0, [1, 2], [30]], [10, "m", 2, 0, 2, 0, [], [40, 60]]));
  assert.deepEqual(model.message(1)?.ends, [{ at: 30, lost: false }]);
  assert.deepEqual(model.inFlight(50).map(({ id }) => id), [2]);
  model.append({ texts: [], events: [[25, "x", 1], [40, "r", 2], [60, "x", 2]], now: 70, violation: null });
  assert.deepEqual(model.message(1)?.ends, [{ at: 25, lost: true }]);
  assert.deepEqual(model.message(2)?.ends, [{ at: 40, lost: false }, { at: 60, lost: true }]);
  assert.deepEqual(model.inFlight(26).map(({ id }) => id), [2]);
  assert.deepEqual(model.inFlight(60), []);
});

test("a message that arrives twice is in flight until the second time", () => {
  const model = parsed(withEvents([10, "m", 7, 0, 1, 0, []], [20, "r", 7], [90, "r", 7]));
  assert.deepEqual(model.message(7)?.ends, [{ at: 20, lost: false }, { at: 90, lost: false }]);
  assert.equal(model.inFlight(50).length, 1);
  assert.equal(model.inFlight(90).length, 0);
});

test("messages may have numbers with gaps, and an end of an unknown one is told as such", () => {
  const model = parsed(withEvents([1, "m", 50, 0, 1, 0, [3, 4]], [2, "m", 9, 1, 0, 0, []], [3, "r", 50], [4, "r", 1000]));
  assert.equal(model.message(9)?.from, 1);
  assert.equal(model.message(51), undefined);
  assert.equal(model.describe(2), "Node b receives from a: vote 3 of 4.");
  assert.match(model.describe(3), /before the record began/);
});

test("a crash ends the lease, the promise and the write of a node", () => {
  const state = { r: "L", t: 2, v: 0, k: 0, e: 500, p: [0, 600], m: { n: "1.1", v: [0, 1, 2], l: [], q: 2, c: true }, y: 1, x: "0" };
  const model = parsed(withEvents([0, "u", 0], [0, "s", 0, state], [10, "w", 0], [100, "d", 0]));
  assert.deepEqual(model.state(0, 99).promise, { holder: 0, ends: 600 });
  assert.equal(model.state(0, 99).writingSince, 10);
  const after = model.state(0, 100);
  assert.deepEqual([after.phase, after.leaseEnds, after.promise, after.writingSince, after.term], ["down", null, null, null, 2]);
});

test("a node has the rank that its last heartbeat told, until it crashes", () => {
  const texts = ["heartbeat of term ## for #.#ms, rank # (membership #.#, round #)", "last heartbeat of term #", "vote request, rank #"];
  const heartbeat = (at: number, id: number, rank: number): unknown[] => [at, "m", id, 0, 1, 0, [1, 2, 149, 5, rank, 1, 1, 7]];
  const follows = [0, "s", 1, { r: "F", t: 1, k: 0 }];
  const events = [[0, "u", 1], follows, heartbeat(1, 1, 2), [5, "r", 1], heartbeat(6, 2, 0), [9, "r", 2], [10, "m", 3, 0, 1, 2, [4]], [11, "r", 3], [20, "d", 1]];
  const model = parsed({ ...head, texts, events });
  assert.deepEqual([4, 5, 8, 9, 12, 20].map((at) => model.state(1, at).rank), [null, 2, 2, 0, 0, null]);
});

test("the look of most of a pixel is found without a look at each change", () => {
  const timeline = sample(SEED, 3, 30_000_000, 50_000, 300_000);
  const lane = parsed(timeline).lanes[0];
  assert(lane !== undefined);
  const next = random(SEED);
  for (let round = 0; round < 200; round += 1) {
    const from = Math.floor(next() * timeline.end);
    const to = from + Math.floor(next() * 3_000_000) + 1;
    const times = new Map<number, number>();
    for (let index = 0; index < lane.looks.length; index += 1) {
      const end = index + 1 < lane.looks.length ? lane.looks.starts.at(index + 1) : Infinity;
      const time = Math.min(end, to) - Math.max(lane.looks.starts.at(index), from);
      const look = lane.looks.tags.at(index);
      if (time > 0) times.set(look, (times.get(look) ?? 0) + time);
    }
    assert.equal(times.get(lane.lookBetween(from, to, 0).look), Math.max(...times.values()));
  }
});

test("what is no timeline is refused with a sentence", () => {
  refused("", /does not begin as JSON/);
  refused("PK\u0003\u0004", /does not begin as JSON/);
  refused("{}", /which version/);
  refused("[1]", /does not begin/);
  refused({ ...head, timeline: 2 }, /version 2/);
  refused({ ...head, timeline: "x".repeat(1_000) }, /version/);
  refused({ ...head, nodes: [] }, /no nodes/);
  refused({ ...head, nodes: Array(101).fill("n") }, /101 nodes/);
  refused({ ...head, nodes: [1] }, /short text/);
  refused({ ...head, events: {} }, /no list/);
  refused({ ...head, end: -1 }, /no time/);
  refused({ ...head, texts: [1] }, /texts/);
  refused({ ...head, violation: { at: 1 } }, /violation/);
  refused(" ".repeat(MOST_CHARACTERS + 1), /too large/);
});

test("an event that makes no sense is refused with its number", () => {
  const wrong: [unknown, RegExp][] = [
    [7, /is no list/],
    [[-1, "u", 0], /has no time/],
    [[0.5, "u", 0], /has no time/],
    [[1e300, "u", 0], /has no time/],
    [[0, "q", 0], /does not know/],
    [[0, "", 0], /does not know/],
    [[0, "u", 3], /there is not/],
    [[0, "u", -1], /there is not/],
    [[0, "c", 0, "fast"], /no rate/],
    [[0, "s", 0, []], /no state/],
    [[0, "s", 0, { r: "Z" }], /role/],
    [[0, "s", 0, { p: [7, 1] }], /promise/],
    [[0, "s", 0, { m: { n: "1.1", v: [9], l: [], q: 1, c: true } }], /membership/],
    [[0, "l", 0, 1, 2], /link is up/],
    [[0, "m", 1, 0, 9, 0, []], /there is not/],
    [[0, "m", 1, 0, 1, 1, []], /text that there is not/],
    [[0, "m", 1, 0, 1, 0, ["1"]], /numbers/],
    [[9, "m", 1, 0, 1, 0, [], [8]], /due/],
    [[0, "a", 0, 0, [], [7]], /rules/],
    [[0, "a", -1, 0, [], []], /there is not/],
  ];
  for (const [event, words] of wrong) refused(withEvents(event), words);
  for (const [event, words] of wrong) refused(withEvents([0, "u", 0], event), new RegExp(`^Event 2 .*${words.source}`));
  refused(withEvents([5, "u", 0], [4, "d", 0]), /earlier than the event before/);
  refused(withEvents([0, "m", 1, 0, 1, 0, []], [0, "m", 1, 0, 1, 0, []]), /again/);
});

test("a timeline that is cut anywhere is refused", () => {
  const text = JSON.stringify(sample(SEED, 3, 1_000_000));
  const next = random(SEED);
  for (let round = 0; round < 300; round += 1) refused(text.slice(0, Math.floor(next() * text.length)), /cut|begin|no timeline/);
});

test("a damaged timeline is refused or drawn, and nothing throws", () => {
  const next = random(SEED);
  const junk = [null, -1, 0, 1, 2.5, 1e308, 2 ** 40, "", "F", "m", "\u0000<b>&", [], {}, [[]], true, Array(70).fill(0)];
  const good = JSON.stringify(sample(SEED, 5, 600_000));
  let drawn = 0;
  for (let round = 0; round < 600; round += 1) {
    const timeline: unknown = JSON.parse(good);
    for (let times = Math.floor(next() * 3); times >= 0; times -= 1) damage(timeline, next, junk);
    const model = Model.parse(JSON.stringify(timeline));
    if (isRefusal(model)) {
      assert.match(model.refused, /^[A-Z][^\n]{5,300}\.$/);
      continue;
    }
    drawn += 1;
    const pen = new SvgPen(600, 300);
    const view = { at: 300_000, width: 600, height: 300, theme: "dark", selected: null } as const;
    drawTimeline(pen, model, { ...view, from: 0, to: model.end });
    drawTimeline(pen, model, { ...view, from: 100_000, to: 300_000 });
    drawRing(pen, model, 300_000, { ...view, still: true });
    assert.doesNotMatch(pen.picture(""), /NaN|Infinity|undefined/);
    for (let index = 0; index < model.eventCount; index += 31) model.describe(index);
  }
  assert(drawn > 50, `only ${drawn} of 600 were drawn`);
});

/** Replaces, removes, repeats or exchanges something somewhere in a value. */
function damage(value: unknown, next: () => number, junk: readonly unknown[]): void {
  const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
  const key = keys[Math.floor(next() * keys.length)];
  if (key === undefined) return;
  const holder = value as { [key: string]: unknown };
  const inner = holder[key];
  if (typeof inner === "object" && inner !== null && next() < 0.85) return damage(inner, next, junk);
  if (Array.isArray(value) && next() < 0.3) {
    const list = value as RawEvent[];
    const at = Number(key);
    if (next() < 0.5) list.splice(at, 1);
    else list.splice(at, 0, structuredClone(list[Math.floor(next() * list.length)] as RawEvent));
    return;
  }
  holder[key] = structuredClone(junk[Math.floor(next() * junk.length)]);
}
