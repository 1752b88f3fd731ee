// A link opened again gives the same picture.

import assert from "node:assert/strict";
import { test } from "node:test";
import { differing } from "../pictures.mjs";
import { at, idle, link, onPage, runTo, seen, withBrowser } from "../browser.mjs";

withBrowser();

test("a link opened again shows the same states in the same picture", async () => {
  const first = await onPage({}, async (page) => {
    await at(page, "new").click();
    await at(page, "setting-nodes").fill("7");
    await at(page, "setting-seed").fill("42");
    await at(page, "setting-loss").fill("2");
    await at(page, "setting-start").click();
    await runTo(page, 700_000, "1");
    await at(page, "node-2").click();
    await at(page, "deed-crash").click();
    await runTo(page, 1_100_000, "1");
    await at(page, "node-3").click();
    await at(page, "deed-isolate").click();
    await runTo(page, 1_900_000, "1");
    // The chosen node and the window of the timeline are the person's, and not in the link.
    await at(page, "node-0").click();
    await page.keyboard.press("0");
    const address = await page.evaluate(() => window.quorate.link());
    await page.waitForFunction((hash) => location.hash === `#${hash}`, address);
    return { address, state: await seen(page), picture: await at(page, "ring").screenshot() };
  });
  await onPage({ hash: `#${first.address}` }, async (page) => {
    await idle(page);
    await at(page, "node-0").click();
    await page.keyboard.press("0");
    assert.deepEqual(await seen(page), first.state);
    const picture = await at(page, "ring").screenshot();
    assert.ok((await differing(page, first.picture, picture)) < 0.002, "another picture");
  });
});

test("a link that another page holds is opened in place", async () => {
  const settings = { seed: 9, nodes: 3, spares: 0 };
  await onPage({ hash: link({ v: 1, settings, deeds: [], at: 500_000 }) }, async (page) => {
    await idle(page);
    assert.equal((await seen(page)).now, 500_000);
    const other = link({ v: 1, settings, deeds: [[400_000, { do: "crash", node: 1 }]], at: 450_000 });
    await page.evaluate((hash) => (location.hash = hash), other);
    await page.waitForFunction(() => window.quorate.now() === 450_000 && !window.quorate.busy());
    assert.equal((await seen(page)).states[1].phase, "down");
  });
});
