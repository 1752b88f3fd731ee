// Each tour to its end, at the speed of a person in a hurry.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { at, endStep, here, idle, onPage, PATIENCE, seen, withBrowser } from "../browser.mjs";

const TOURS = JSON.parse(readFileSync(join(here, "../page/tours.json"), "utf8"));

withBrowser();

for (const tour of TOURS) {
  test(`the tour "${tour.title}" comes to its end, and each step to what it waits for`, async () => {
    const endOfTour = await onPage({}, async (page) => {
      await at(page, "tours").click();
      await at(page, `tour-${tour.name}`).click();
      const text = at(page, "tour-text");
      for (const [place, step] of tour.steps.entries()) {
        await page.waitForFunction(
          (wanted) => document.querySelector('[data-test="tour-text"]').dataset.step === String(wanted),
          place,
        );
        const words = await text.textContent();
        assert.ok(!words.includes("{"), `a place for a node is left in: ${words}`);
        for (const rule of step.show.rules) await at(page, `rule-${rule}`).first().waitFor({ timeout: PATIENCE });
        await endStep(page);
        assert.equal(await text.getAttribute("data-fulfilled"), "true", `${tour.name}, step ${place + 1}`);
        assert.ok(await at(page, "error").isHidden(), await at(page, "error").textContent());
        const isBroken = step.expect.violation !== undefined;
        const verdict = await at(page, "verdict").textContent();
        assert.match(verdict, isBroken ? /^Violation: TwoLeases/ : /^Safe: /);
        await at(page, "tour-next").click();
      }
      await page.locator("#tour").waitFor({ state: "hidden" });
      return { ...(await seen(page)), link: await page.evaluate(() => window.quorate.link()) };
    });
    const { link, ...state } = endOfTour;
    const again = await onPage({ hash: `#${link}` }, async (page) => {
      await idle(page);
      return seen(page);
    });
    assert.deepEqual(again, state, "the link of the end gives the same run");
  });
}

test("a person who does not want to wait goes on at once, and may go back", async () => {
  await onPage({}, async (page) => {
    await at(page, "tours").click();
    await at(page, "tour-failover").click();
    const text = at(page, "tour-text");
    const texts = [];
    for (let step = 0; step < 8; step++) {
      await page.waitForFunction((step) => document.querySelector('[data-test="tour-text"]').dataset.step === String(step), step);
      await idle(page);
      texts.push(await text.textContent());
      if (step < 7) await at(page, "tour-next").click();
    }
    await endStep(page);
    const { states } = await seen(page);
    for (const step of [6, 5]) {
      await at(page, "tour-back").click();
      await page.waitForFunction((step) => document.querySelector('[data-test="tour-text"]').dataset.step === String(step), step);
      await idle(page);
      assert.equal(await text.textContent(), texts[step]);
    }
    for (const step of [6, 7]) {
      await at(page, "tour-next").click();
      await page.waitForFunction((step) => document.querySelector('[data-test="tour-text"]').dataset.step === String(step), step);
      await idle(page);
    }
    await endStep(page);
    assert.deepEqual((await seen(page)).states, states, "the same run, whatever the way through it");
    await at(page, "tour-close").click();
    assert.ok(await page.locator("#tour").isHidden());
  });
});
