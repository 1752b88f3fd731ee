// Each button that does something to the group, as a person presses it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { at, idle, onPage, runTo, seen, withBrowser } from "../browser.mjs";

withBrowser();

/** Opens the parts of the panel, so that all buttons are in sight. */
async function openAll(page) {
  for (const part of await page.locator("#do details").all()) await part.evaluate((details) => (details.open = true));
}

/** Presses the button of a deed. It leaves a trace in the timeline, and no error. */
async function press(page, name) {
  const before = await seen(page);
  await at(page, `deed-${name}`).click();
  await idle(page);
  const error = await at(page, "error").isVisible() ? await at(page, "error").textContent() : null;
  assert.equal(error, null, name);
  const after = await seen(page);
  assert.ok(after.events > before.events, `${name} leaves a trace`);
  return after;
}

async function choose(page, node) {
  await at(page, `node-${node}`).click();
}

async function leader(page) {
  const { states } = await seen(page);
  const found = states.findIndex((state) => state.role === "L" && state.phase === "up");
  assert.notEqual(found, -1, "a node leads");
  return found;
}

test("each deed can be done with its button, and no button is left out", async () => {
  await onPage({}, async (page) => {
    await openAll(page);
    const pressed = new Set();
    const deed = async (name) => {
      pressed.add(`deed-${name}`);
      return press(page, name);
    };
    await choose(page, 4);
    await deed("campaign");
    await runTo(page, 500_000);
    const first = await leader(page);
    const other = first === 0 ? 1 : 0;

    await choose(page, other);
    assert.equal((await deed("freeze")).states[other].phase, "frozen");
    assert.equal((await deed("thaw")).states[other].phase, "up");
    assert.equal((await deed("crash")).states[other].phase, "down");
    assert.equal((await deed("restart")).states[other].phase, "up");
    await at(page, "deed-priority-value").fill("3");
    assert.equal((await deed("priority")).states[other].priority, 3);
    await at(page, "deed-position-index").fill("7");
    assert.match((await deed("position")).states[other].position, /7$/);
    await at(page, "deed-cut-to").selectOption(String(first));
    await deed("cut");
    await deed("mend");
    await deed("isolate");
    await deed("heal");
    await at(page, "deed-partition-groups").fill("1 2 | 3 4 5");
    await deed("partition");
    await press(page, "heal");
    await at(page, "deed-clock-ppm").fill("200");
    assert.equal((await deed("clock")).states[other].ppm, 200);
    await deed("disk");
    await deed("fill");
    await deed("empty");
    for (const name of ["loss", "duplicates", "late"]) await deed(name);
    for (const name of ["loss", "duplicates", "late"]) {
      await at(page, `deed-${name}-percent`).fill("0");
      await press(page, name);
    }
    await deed("delay");
    await deed("old");
    assert.equal((await deed("forget")).states[other].phase, "lost");
    await press(page, "restart");
    await runTo(page, (await seen(page)).now + 3_000_000);

    const second = await leader(page);
    await choose(page, second);
    await deed("resign");
    await runTo(page, (await seen(page)).now + 1_000_000);
    const third = await leader(page);
    assert.notEqual(third, second, "leadership was handed over");
    await choose(page, 5);
    await press(page, "restart");
    await choose(page, third);
    await at(page, "member-5-learner").check();
    await deed("reconfigure");
    await runTo(page, (await seen(page)).now + 2_000_000);
    assert.deepEqual((await seen(page)).states[await leader(page)].membership.l, [5]);
    await choose(page, 5);
    await deed("leave");
    await runTo(page, (await seen(page)).now + 2_000_000);
    assert.deepEqual((await seen(page)).states[await leader(page)].membership.l, []);

    // A group that forms itself is told of nodes.
    await at(page, "new").click();
    await at(page, "setting-starts").selectOption("forming");
    await at(page, "setting-start").click();
    await runTo(page, 2_000_000);
    await openAll(page);
    const founder = await leader(page);
    await choose(page, 5);
    await press(page, "restart");
    await choose(page, founder);
    const gone = founder === 0 ? 1 : 0;
    await at(page, "deed-discovered-other").selectOption(String(gone));
    await deed("lost");
    await runTo(page, (await seen(page)).now + 2_000_000);
    assert.ok(!(await seen(page)).states[founder].membership.v.includes(gone), "a lost node is given up");
    await at(page, "deed-discovered-other").selectOption("5");
    await deed("discovered");
    await runTo(page, (await seen(page)).now + 2_000_000);
    assert.ok((await seen(page)).states[await leader(page)].membership.v.includes(5), "a discovered node is taken up");
    assert.match((await seen(page)).verdict, /^Safe/);

    const buttons = await page.locator('#do button[data-test^="deed-"]').evaluateAll((all) => all.map((button) => button.dataset.test));
    assert.deepEqual(buttons.filter((name) => !pressed.has(name)), [], "buttons that no test presses");
  });
});

test("a deed that cannot be done is answered with a sentence and changes nothing", async () => {
  await onPage({}, async (page) => {
    await runTo(page, 300_000);
    const follower = (await leader(page)) === 0 ? 1 : 0;
    await choose(page, follower);
    const before = await seen(page);
    await at(page, "deed-resign").click();
    await at(page, "error").waitFor();
    assert.match(await page.locator("#error-text").textContent(), /^Node \d refuses: .*\.$/);
    assert.deepEqual(await seen(page), before);
    await page.locator("#close-error").click();
    assert.ok(await at(page, "error").isHidden());
  });
});

test("a deed in the past begins another history there", async () => {
  await onPage({}, async (page) => {
    await runTo(page, 1_000_000);
    const node = await leader(page);
    await page.keyboard.press("Home");
    await at(page, "scrub").evaluate((scrub) => {
      scrub.value = "400000";
      scrub.dispatchEvent(new Event("input"));
    });
    assert.equal((await seen(page)).now, 400_000);
    await choose(page, node);
    await at(page, "deed-crash").click();
    await page.waitForFunction(() => window.quorate.end() < 500_000 && !window.quorate.busy());
    const { states, end } = await seen(page);
    assert.equal(states[node].phase, "down");
    assert.ok(end < 410_000, "the rest of the former history is dropped");
  });
});
