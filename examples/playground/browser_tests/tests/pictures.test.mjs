// The page in four states, and a seed that breaks a promise, compared with pictures that are checked in. `run.mjs --update`
// writes them anew. Other fonts and another smoothing of edges change lines of text, and few blocks of 32 pixels.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { apart } from "../pictures.mjs";
import { at, here, onPage, tourTo, viewerOf, withBrowser } from "../browser.mjs";

withBrowser();

const UPDATES = process.env["QUORATE_UPDATE"] === "1";
const MOST_APART = 0.15;

/** Waits until what was last changed is drawn. */
async function drawn(page) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))));
  await page.waitForTimeout(150);
}

async function compare(page, name) {
  await drawn(page);
  // A notice passes by itself, and where the keyboard is does not belong to the picture.
  await page.addStyleTag({ content: "#toast { visibility: hidden } *:focus { outline: none !important }" });
  const picture = await page.screenshot();
  const file = join(here, "screenshots", `${name}.png`);
  if (UPDATES) writeFileSync(file, picture);
  assert.ok(existsSync(file), `${file} is missing: write it with run.mjs --update`);
  const expected = readFileSync(file);
  const share = await apart(page, expected, picture);
  // Without what is drawn the page must look different: that says how much a difference is.
  await page.addStyleTag({ content: "canvas { visibility: hidden }" });
  await drawn(page);
  const withoutCanvases = await apart(page, expected, await page.screenshot());
  const parts = [share, withoutCanvases].map((share) => `${(share * 100).toFixed(1)} %`);
  console.log(`${name}: ${parts[0]} of the blocks differ; ${parts[1]} would without the canvases`);
  const isTheSame = share <= MOST_APART && share < withoutCanvases / 2;
  if (!isTheSame) {
    mkdirSync(join(here, "failures"), { recursive: true });
    writeFileSync(join(here, "failures", `${name}.png`), picture);
  }
  assert.ok(isTheSame, `${name} looks different: see failures/${name}.png, and write it anew if that is meant`);
}

test("an election looks as it did", async () => {
  await onPage({}, async (page) => {
    await tourTo(page, "election", 3);
    await compare(page, "election");
  });
});

test("a lease under drift looks as it did", async () => {
  await onPage({}, async (page) => {
    await tourTo(page, "drift", 3);
    await compare(page, "drift");
  });
});

test("a partial partition looks as it did", async () => {
  await onPage({}, async (page) => {
    await tourTo(page, "partitions", 2);
    await compare(page, "partition");
  });
});

test("a failover on a phone in the dark looks as it did", async () => {
  await onPage({ width: 390, height: 844, dark: true }, async (page) => {
    await tourTo(page, "failover", 5);
    // What stands above the picture takes more lines in another font, and moves all below it.
    await at(page, "tour-close").click();
    await page.locator("#stage").evaluate((stage) => stage.scrollIntoView({ block: "start" }));
    await compare(page, "phone-dark");
  });
});

test("a seed of a simulator in which a rule was broken shows the violation, and looks as it did", async () => {
  const folder = mkdtempSync(join(tmpdir(), "quorate-"));
  try {
    const file = join(folder, "violation.html");
    writeFileSync(file, viewerOf(readFileSync(join(here, "samples/sabotaged_seed.json"), "utf8")));
    await onPage({ file }, async (page) => {
      assert.match(await at(page, "verdict").textContent(), /^Violation: TwoLeases at 6\.230159 s/);
      assert.equal(await page.evaluate(() => window.quorate.now()), 6_230_159, "it begins at the violation");
      assert.ok((await at(page, "ring").getAttribute("aria-label")).includes("leads in term"));
      await compare(page, "violation");
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
