// For those who use a keyboard, a screen reader, or a dark room.

import assert from "node:assert/strict";
import { test } from "node:test";
import { at, endStep, idle, onPage, runTo, seen, withBrowser } from "../browser.mjs";

withBrowser();

test("the page is used by keyboard alone", async () => {
  await onPage({}, async (page) => {
    const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
    await press(" ");
    await page.waitForFunction(() => window.quorate.now() > 50_000);
    assert.ok(await page.evaluate(() => window.quorate.playing()));
    await press(" ");
    await page.waitForFunction(() => !window.quorate.playing());
    const { now } = await seen(page);
    await press("ArrowLeft");
    assert.ok((await seen(page)).now < now);
    await press("Home");
    assert.equal((await seen(page)).now, 0);
    await press("End");
    await press("ArrowRight");
    assert.ok((await seen(page)).now > now, "a step goes on at the end of what is known");
    assert.ok((await at(page, "live").textContent()).length > 5, "a step is said");
    await press("2", "c");
    assert.equal((await seen(page)).states[1].phase, "down");
    await press("r", "f");
    assert.equal((await seen(page)).states[1].phase, "frozen");
    await press("w");
    assert.equal((await seen(page)).states[1].phase, "up");
    const span = await page.locator("#span").textContent();
    await press("+");
    await page.waitForFunction((before) => document.querySelector("#span").textContent !== before, span);
    for (const [key, dialog] of [["?", "keys"], ["n", "settings"], ["t", "tours"]]) {
      await press(key);
      assert.ok(await page.locator(`#${dialog}`).evaluate((element) => element.open), dialog);
      await press("Escape");
      assert.ok(!(await page.locator(`#${dialog}`).evaluate((element) => element.open)), dialog);
    }
    // A tour from the first button to its second step.
    await press("t");
    await page.waitForFunction(() => document.activeElement.closest("#tours") !== null);
    await press("Enter");
    await at(page, "tour-text").waitFor();
    await endStep(page);
    for (let tabs = 0; tabs < 60; tabs++) {
      if ((await page.evaluate(() => document.activeElement.dataset.test)) === "tour-next") break;
      await press("Tab");
    }
    await press("Enter");
    await page.waitForFunction(() => document.querySelector('[data-test="tour-text"]').dataset.step === "1");
  });
});

/** Elements without a name, and elements that a keyboard does not reach. */
function unnamed() {
  const nameOf = (element) =>
    [
      element.getAttribute("aria-label"),
      ...(element.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent),
      ...[...(element.labels ?? [])].map((label) => label.textContent),
      ["INPUT", "SELECT", "CANVAS"].includes(element.tagName) ? "" : element.textContent,
    ].find((name) => (name ?? "").trim() !== "");
  const all = "button, input:not([type=file]), select, summary, canvas, [role], dialog, section, progress, output";
  return [...document.querySelectorAll(all)]
    .filter((element) => !["status", "alert", "presentation"].includes(element.getAttribute("role") ?? ""))
    .filter((element) => nameOf(element) === undefined)
    .map((element) => element.outerHTML.slice(0, 200));
}

test("everything that can be pressed, chosen or seen has a name", async () => {
  await onPage({}, async (page) => {
    await runTo(page, 300_000);
    await at(page, "node-1").click();
    assert.deepEqual(await page.evaluate(unnamed), []);
    const picture = await at(page, "ring").getAttribute("aria-label");
    assert.match(picture, /7 nodes\. .*Node \d leads in term \d+\./);
    assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
    const ids = await page.evaluate(() => [...document.querySelectorAll("[id]")].map((element) => element.id));
    assert.equal(new Set(ids).size, ids.length, "an id is used twice");
  });
});

test("what changes is said, and with a choice of node its status is shown", async () => {
  await onPage({}, async (page) => {
    const live = at(page, "live");
    assert.equal(await live.getAttribute("aria-live"), "polite");
    await at(page, "speed").selectOption("1");
    await at(page, "play").click();
    await page.waitForFunction(() => /Node \d leads in term \d+/.test(document.querySelector('[data-test="live"]').textContent));
    await at(page, "play").click();
    await at(page, "node-0").click();
    assert.match(await at(page, "status").textContent(), /term/);
  });
});

/** How bright the background of the page is, from 0 to 1, and how well text stands out from it (WCAG). */
function brightness() {
  const luminance = (colour) => {
    const parts = colour.match(/[\d.]+/g).slice(0, 3).map((part) => Number(part) / 255);
    const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(document.body);
  const [background, text] = [luminance(style.backgroundColor), luminance(style.color)];
  const [high, low] = background > text ? [background, text] : [text, background];
  return { background, contrast: (high + 0.05) / (low + 0.05) };
}

test("dark or light is what the system asks for, until a person chooses", async () => {
  for (const dark of [false, true]) {
    await onPage({ dark }, async (page) => {
      const first = await page.evaluate(brightness);
      assert.equal(first.background < 0.2, dark);
      assert.ok(first.contrast > 7, `contrast ${first.contrast}`);
      await at(page, "theme").click();
      const second = await page.evaluate(brightness);
      assert.equal(second.background < 0.2, !dark);
      assert.ok(second.contrast > 7, `contrast ${second.contrast}`);
      await page.reload();
      await page.waitForFunction(() => window.quorate !== undefined);
      assert.equal((await page.evaluate(brightness)).background < 0.2, !dark, "the choice lasts");
    });
  }
});

test("on a phone nothing is wider than the screen, and fingers hit", async () => {
  await onPage({ width: 360, height: 640 }, async (page) => {
    await runTo(page, 300_000);
    await idle(page);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    const low = await page.evaluate(() =>
      [...document.querySelectorAll("header button, .transport button, #nodes button, #do button")]
        .filter((button) => button.getClientRects().length > 0 && button.getBoundingClientRect().height < 24)
        .map((button) => button.textContent.trim() || button.getAttribute("aria-label")),
    );
    assert.deepEqual(low, [], "buttons lower than 24 pixels");
  });
});
