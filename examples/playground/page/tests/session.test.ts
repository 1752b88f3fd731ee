import assert from "node:assert/strict";
import { test } from "node:test";
import { Replay, Session, type Engine } from "../src/engine.ts";
import { decodeLink, encodeLink } from "../src/link.ts";
import { isRefusal } from "../src/model.ts";
import { leaderAt, TourRepeat, TourRun, type Tour } from "../src/tours.ts";
import { Playground } from "./toy_engine.ts";

const engine: Engine = (settings) => new Playground(settings);

function open(settings: Record<string, unknown> = { seed: 3, nodes: 5 }): Session {
  const session = Session.open(engine, settings);
  assert.ok(!isRefusal(session));
  return session;
}

function events(session: Session): string[] {
  return Array.from({ length: session.model.eventCount }, (_, index) => JSON.stringify(session.model.event(index)));
}

/** Runs to a time with a deadline that is always over, so that each call does the least. */
function creep(session: Session, until: number): number {
  let calls = 1;
  while (session.runTo(until, -Infinity) === "more") calls++;
  return calls;
}

test("a run in small pieces is the run in one piece", () => {
  const [whole, pieces] = [open(), open()];
  whole.runTo(3_000_000, Infinity);
  assert.ok(creep(pieces, 3_000_000) > 3, "it never paused");
  assert.deepEqual(events(pieces), events(whole));
  assert.equal(pieces.now, 3_000_000);
});

test("a link that is opened gives the events of the run it was made of, also after steps", () => {
  const session = open();
  session.runTo(100_000, Infinity);
  for (let steps = 0; steps < 7; steps++) session.step();
  assert.equal(session.act({ do: "crash", node: leaderAt(session.model, session.now)! }), null);
  session.runTo(700_000, Infinity);
  assert.equal(session.act({ do: "heal" }), null);
  session.runTo(900_000, Infinity);

  const link = decodeLink(encodeLink({ settings: session.settings, deeds: session.deeds, at: session.now }));
  assert.ok(!isRefusal(link));
  const replay = Replay.begin(engine, link);
  assert.ok(!isRefusal(replay));
  for (let end = replay.advance(-Infinity); end !== "there"; end = replay.advance(-Infinity)) assert.equal(end, "more");
  assert.deepEqual(events(replay.session), events(session));
  assert.deepEqual(replay.session.deeds, session.deeds);
});

test("a deed that cannot be done is a sentence and is not kept", () => {
  const session = open();
  session.runTo(10_000, Infinity);
  assert.deepEqual(session.act({ do: "restart", node: 0 }), { refused: "The node runs already." });
  assert.deepEqual(session.deeds, []);
});

test("settings that the engine refuses are a sentence", () => {
  const session = Session.open(engine, { nodes: 26 });
  assert.ok(isRefusal(session));
  assert.match(session.refused, /1 to 25 nodes\.$/);
});

test("a step of a person always shows something", () => {
  const session = open();
  for (let steps = 0; steps < 50; steps++) {
    const before = session.model.eventCount;
    session.step();
    assert.ok(session.model.eventCount > before);
  }
});

const TOUR: Tour = {
  name: "toy", title: "Toy", settings: { seed: 5, nodes: 5 },
  steps: [
    { text: "Node {leader} leads.", until: { leader: true } },
    { text: "{former} is gone.", deeds: [{ do: "crash", node: "leader" }], until: { leader: "other", said: "elected" } },
    { text: "Back.", deeds: [{ do: "restart", node: "former" }], run_ms: 50 },
    { text: "Never.", until: { term: 99 }, within_ms: 20 },
  ],
};

test("a tour does its deeds to the nodes it speaks of and waits for what it shows", () => {
  const session = open(TOUR.settings);
  const run = new TourRun(TOUR);
  const go = (): void => {
    assert.equal(run.begin(session), null);
    assert.equal(run.advance(session, Infinity, Infinity), "finished");
  };
  go();
  const first = leaderAt(session.model, session.now);
  assert.notEqual(first, null);
  assert.equal(run.text(session.model, session.now), `Node ${first! + 1} leads.`);
  go();
  const second = leaderAt(session.model, session.now);
  assert.notEqual(second, null);
  assert.notEqual(second, first);
  assert.deepEqual(session.deeds[0]?.[1], { do: "crash", node: first });
  assert.equal(run.fulfilled, true);
  const before = session.now;
  go();
  assert.equal(session.now, before + 50_000);
  go();
  assert.equal(run.fulfilled, false, "a condition that does not come true is told");
  assert.ok(run.isLast);
});

test("a tour that goes back a step is where it was", () => {
  const session = open(TOUR.settings);
  const run = new TourRun(TOUR);
  for (let step = 0; step < 3; step++) {
    run.begin(session);
    // As on the page: a frame at a time, with little work in each.
    while (run.waiting) run.advance(session, session.now + 700, -Infinity);
  }
  const repeat = new TourRepeat(TOUR, open(TOUR.settings), 2);
  while (repeat.advance(-Infinity) !== "there");
  assert.equal(repeat.run.place, 2);
  while (repeat.run.waiting) repeat.run.advance(repeat.session, Infinity, Infinity);
  assert.deepEqual(events(repeat.session), events(session));
});
