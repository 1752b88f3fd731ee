// How long frames take. The numbers are printed; what is asserted holds on a machine that is ten times slower.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { at, idle, link, onPage, PATIENCE, runTo, seen, viewerOf, withBrowser } from "../browser.mjs";
import { longRun } from "../long_run.mjs";

withBrowser();

/** In milliseconds, far more than a frame takes on a slow machine under load. */
const FAR_TOO_LONG = 1_000;

/** Says how long the latest frames took, and returns the median. */
async function report(page, name) {
  const times = (await page.evaluate(() => window.quorate.frameTimes())).sort((a, b) => a - b);
  assert.ok(times.length > 20, `${name}: ${times.length} frames`);
  const part = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  const shown = [0.5, 0.95, 1].map((share) => `${part(share).toFixed(1)} ms`);
  console.log(`${name}: ${times.length} frames, median ${shown[0]}, 95 of 100 within ${shown[1]}, slowest ${shown[2]}`);
  return part(0.5);
}

for (const nodes of [9, 25]) {
  test(`time passes smoothly for ${nodes} nodes`, async () => {
    const settings = { seed: 1, nodes, spares: 0 };
    await onPage({ hash: link({ v: 1, settings, deeds: [], at: 500_000 }) }, async (page) => {
      await idle(page);
      await page.waitForFunction(() => window.quorate.now() === 500_000);
      await runTo(page, 2_500_000, "1");
      const median = await report(page, `${nodes} nodes at the speed of true time`);
      assert.ok(median < FAR_TOO_LONG);
    });
  });
}

test("a run of ten minutes and a million events opens, and one scrubs through it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "quorate-"));
  try {
    const file = join(folder, "long.html");
    writeFileSync(file, viewerOf(longRun(1_000_000)));
    await onPage({ file }, async (page) => {
      const opened = await page.waitForFunction(
        () => window.quorate.events() >= 1_000_000 && window.quorate.frameTimes().length > 0 && performance.now(),
        undefined,
        { timeout: PATIENCE },
      );
      const took = await opened.jsonValue();
      console.log(`a million events: open ${(took / 1_000).toFixed(2)} s after the page was asked for`);
      assert.ok(took < 30_000);
      const { end } = await seen(page);
      assert.ok(end > 590_000_000);
      const scrub = (share) =>
        at(page, "scrub").evaluate((scrub, value) => {
          scrub.value = String(value);
          scrub.dispatchEvent(new Event("input"));
          return new Promise((done) => requestAnimationFrame(done));
        }, Math.round(end * share));
      for (let frame = 0; frame < 60; frame++) await scrub(((frame * 37) % 60) / 60);
      const all = await report(page, "a million events, all of them in the window");
      for (let zooms = 0; zooms < 8; zooms++) await at(page, "zoom-in").click();
      for (let frame = 0; frame < 60; frame++) await scrub(0.3 + frame / 600);
      const some = await report(page, "a million events, two seconds in the window");
      assert.ok(Math.max(all, some) < FAR_TOO_LONG);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
