import assert from "node:assert/strict";
import { test } from "node:test";
import { TimeWindow } from "../src/time_window.ts";

test("zooming keeps the moment under the pointer in its place", () => {
  const time = new TimeWindow();
  time.set(1_000_000, 400_000);
  const share = (at: number): number => (at - time.from) / time.span;
  const before = share(1_100_000);
  time.zoom(0.5, 1_100_000, 5_000_000);
  assert.equal(time.span, 200_000);
  assert.ok(Math.abs(share(1_100_000) - before) < 1e-9);
});

test("a moment that runs or leaps stays in sight, and the window stays within the run", () => {
  const time = new TimeWindow();
  for (let at = 0; at < 5_000_000; at += 16_000) {
    time.follow(at, true);
    assert.ok(at >= time.from && at <= time.from + time.span);
  }
  time.keepInView(10_000, true);
  assert.ok(time.from <= 10_000 && time.from >= 0);
  time.pan(-1e12, 5_000_000);
  assert.equal(time.from, 0);
  time.pan(1e12, 5_000_000);
  assert.ok(time.from < 5_000_000);
  for (let presses = 0; presses < 100; presses++) time.zoom(2, 0, 5_000_000);
  assert.ok(time.span <= 5_000_000 * 1.1);
  for (let presses = 0; presses < 100; presses++) time.zoom(0.5, 0, 5_000_000);
  assert.ok(time.span >= 1_000);
});

test("all of a run that goes on stays in sight", () => {
  const time = new TimeWindow();
  time.showAll(100_000, true);
  time.follow(9_000_000, true);
  assert.equal(time.from, 0);
  assert.ok(time.span > 9_000_000);
});
