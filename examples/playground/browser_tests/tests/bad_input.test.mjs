// Links and files that are cut, huge, of another version, or nonsense: a sentence on the page, and the page still works.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { at, here, idle, link, onPage, runTo, seen, viewerOf, withBrowser } from "../browser.mjs";

withBrowser();

const SETTINGS = { seed: 1, nodes: 3, spares: 0 };
const GOOD = { v: 1, settings: SETTINGS, deeds: [[100_000, { do: "crash", node: 0 }]], at: 200_000 };
const TIMELINE = readFileSync(join(here, "samples/sabotaged_seed.json"), "utf8");

async function sentenceOn(page, about) {
  await page.waitForFunction(() => !document.querySelector('[data-test="error"]').hidden);
  const sentence = await page.locator("#error-text").textContent();
  assert.match(sentence, /^[A-Z].*[.!?]$/s, `${about}: a sentence`);
  assert.ok(sentence.length < 500, `${about}: a short one: ${sentence}`);
  assert.ok(!/undefined|NaN|\[object|TypeError|RuntimeError|unreachable/.test(sentence), `${about}: ${sentence}`);
  console.log(`${about}: ${sentence}`);
}

/** Time passes, and things can be done. */
async function assertWorks(page) {
  const before = await seen(page);
  await runTo(page, before.now + 300_000);
  assert.ok((await seen(page)).events > before.events);
  await at(page, "node-1").click();
  await at(page, "deed-freeze").click();
  await idle(page);
  assert.equal((await seen(page)).states[1].phase, "frozen");
}

const whole = link(GOOD);
const LINKS = {
  "a link that is cut": whole.slice(0, whole.length - 20),
  "a link of another version": link({ ...GOOD, v: 2 }),
  "a link that is nonsense": "#%%%!!",
  "a link that is no JSON": link("a group of five"),
  "a link that is a list": link([]),
  "a link without a version": link({}),
  "a huge link": `#${"A".repeat(300_000)}`,
  "a link with too many nodes": link({ ...GOOD, settings: { ...SETTINGS, nodes: 1_000_000 } }),
  "a link with an unknown setting": link({ ...GOOD, settings: { ...SETTINGS, colour: "red" } }),
  "a link with an unknown deed": link({ ...GOOD, deeds: [[1, { do: "explode" }]] }),
  "a link with a deed that cannot be done": link({ ...GOOD, deeds: [[1, { do: "thaw", node: 0 }]] }),
  "a link with a node that there is not": link({ ...GOOD, deeds: [[1, { do: "crash", node: 99 }]] }),
  "a link whose deeds are out of order": link({ ...GOOD, deeds: [[9, { do: "heal" }], [1, { do: "heal" }]] }),
  "a link to a moment below zero": link({ ...GOOD, at: -5 }),
  "a link to a moment that is none": link({ ...GOOD, at: "soon" }),
  "a link to a moment too late": link({ ...GOOD, at: 1e18 }),
};

test("bad links are answered with a sentence, and the page goes on", async () => {
  for (const [about, hash] of Object.entries(LINKS)) {
    await onPage({ hash }, async (page) => {
      await sentenceOn(page, about);
      await assertWorks(page);
    });
  }
});

test("a bad link that is opened in place leaves the group as it is", async () => {
  await onPage({ hash: whole }, async (page) => {
    await idle(page);
    const before = await seen(page);
    for (const hash of [LINKS["a link that is cut"], LINKS["a link of another version"], LINKS["a link with a deed that cannot be done"]]) {
      await page.evaluate((hash) => (location.hash = hash), hash);
      await sentenceOn(page, "a bad link in place");
      assert.deepEqual(await seen(page), before);
      await page.locator("#close-error").click();
    }
    await assertWorks(page);
  });
});

const good = JSON.parse(TIMELINE);
const FILES = {
  "an empty file": "",
  "a file that is cut": TIMELINE.slice(0, TIMELINE.length / 2),
  "a file that is no JSON": "a timeline of five nodes",
  "bytes of no text": Buffer.from(Array.from({ length: 5_000 }, (_, byte) => (byte * 7) % 256)),
  "a number": "1",
  "another object": "{}",
  "a timeline of another version": JSON.stringify({ ...good, timeline: 2 }),
  "a timeline without nodes": JSON.stringify({ ...good, nodes: [] }),
  "a timeline of too many nodes": JSON.stringify({ ...good, nodes: Array.from({ length: 100_000 }, String) }),
  "events out of order": JSON.stringify({ ...good, events: [...good.events].reverse() }),
  "events of nodes that there are not": JSON.stringify({ ...good, events: [[1, "u", 77]] }),
  "events that are none": JSON.stringify({ ...good, events: [{}, null, "x"] }),
  "texts that there are not": JSON.stringify({ ...good, events: [[1, "a", 0, 99_999, [], []]] }),
  "times that are none": JSON.stringify({ ...good, events: [["now", "u", 0]] }),
};

test("bad files are answered with a sentence, and the page goes on", async () => {
  await onPage({}, async (page) => {
    for (const [about, content] of Object.entries(FILES)) {
      await page.locator("#file").setInputFiles({ name: "run.json", mimeType: "application/json", buffer: Buffer.from(content) });
      await sentenceOn(page, about);
      await page.locator("#close-error").click();
    }
    await assertWorks(page);
    await page.locator("#file").setInputFiles({ name: "run.json", mimeType: "application/json", buffer: Buffer.from(TIMELINE) });
    await page.waitForFunction(() => document.body.classList.contains("viewer"));
    assert.match(await at(page, "verdict").textContent(), /^Violation/);
  });
});

test("a huge file is refused before it is read", async () => {
  const folder = mkdtempSync(join(tmpdir(), "quorate-"));
  try {
    const file = join(folder, "huge.json");
    writeFileSync(file, "");
    truncateSync(file, 300 * 1024 * 1024);
    await onPage({}, async (page) => {
      await page.locator("#file").setInputFiles(file);
      await sentenceOn(page, "a huge file");
      await assertWorks(page);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a viewer with a bad timeline says so, and opens a good one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "quorate-"));
  try {
    for (const about of ["a file that is cut", "a timeline of another version", "events out of order"]) {
      const file = join(folder, "viewer.html");
      writeFileSync(file, viewerOf(FILES[about]));
      await onPage({ file }, async (page) => {
        await sentenceOn(page, `a viewer with ${about}`);
        await page.locator("#file").setInputFiles({ name: "run.json", mimeType: "application/json", buffer: Buffer.from(TIMELINE) });
        await page.waitForFunction(() => window.quorate.events() > 1_000);
        assert.ok(await at(page, "error").isHidden());
      });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
