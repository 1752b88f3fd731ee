// A browser for the tests: pages without an error on the console, which ask no server for anything.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

export const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../../..");
export const PLAYGROUND = join(root, "examples/playground/quorate.html");
export const VIEWER = join(root, "src/adapters/record/viewer.html");
/** For whatever a slow machine may need; nothing waits for so long that comes at all. */
export const PATIENCE = 60_000;

const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--force-device-scale-factor=1", "--hide-scrollbars",
];

/** The Chromium to use, if there is one. */
export function browserPath() {
  const chosen = process.env["QUORATE_CHROMIUM"];
  const places = chosen ? [chosen] : ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  return places.find((place) => existsSync(place)) ?? null;
}

let browser = null;

/** Starts a browser, with an empty profile, before the tests of a file, and ends it after them. */
export function withBrowser() {
  before(async () => {
    browser = await chromium.launch({ executablePath: browserPath() ?? "", args: ARGUMENTS, timeout: PATIENCE });
  });
  after(async () => {
    await browser?.close();
  });
}

/** Opens a page with the address of a file, and a hash; `test` is given it, and then must have left no error. */
export async function onPage({ file = PLAYGROUND, hash = "", width = 1280, height = 800, dark = false } = {}, test) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    reducedMotion: "reduce",
    locale: "en-GB",
  });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const errors = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("request", (request) => {
    if (!/^(file|data|blob):/.test(request.url())) errors.push(`a request to ${request.url()}`);
  });
  try {
    await page.goto(`${pathToFileURL(file)}${hash}`);
    await page.waitForFunction(() => window.quorate !== undefined);
    const result = await test(page);
    assert.deepEqual(errors, [], "errors of the page");
    return result;
  } finally {
    await context.close();
  }
}

/** The element of a test handle. */
export const at = (page, name) => page.locator(`[data-test="${name}"]`);

/** What the page knows: the moment, and the state of each node. */
export function seen(page) {
  return page.evaluate(() => ({
    now: window.quorate.now(),
    end: window.quorate.end(),
    events: window.quorate.events(),
    states: [...document.querySelectorAll('[data-test^="node-"]')].map((_, node) => window.quorate.state(node)),
    verdict: document.querySelector('[data-test="verdict"]').textContent,
  }));
}

/** Waits until work that takes longer than a frame is done. */
export async function idle(page) {
  await page.waitForFunction(() => !window.quorate.busy() && document.querySelector('[data-test="busy"]').hidden);
}

/** Lets time pass to the moment, in microseconds, and stops there or a little later. */
export async function runTo(page, micros, speed = "10") {
  await at(page, "speed").selectOption(speed);
  await at(page, "play").click();
  await page.waitForFunction((wanted) => window.quorate.now() >= wanted, micros);
  if (await page.evaluate(() => window.quorate.playing())) await at(page, "play").click();
  await page.waitForFunction(() => !window.quorate.playing());
}

/** A link as the page makes them. */
export function link(content) {
  return `#${Buffer.from(typeof content === "string" ? content : JSON.stringify(content)).toString("base64url")}`;
}

/** The viewer with a timeline in it, as a command writes it. */
export function viewerOf(timeline) {
  const empty = '<script type="application/json" id="timeline"></script>';
  const [before, after] = readFileSync(VIEWER, "utf8").split(empty);
  assert.ok(after !== undefined, "the viewer has a place for a timeline");
  return `${before}${empty.replace("></", `>${timeline.replaceAll("</", "<\\/")}</`)}${after}`;
}

/** Takes a step of a tour to its end, as fast as the page goes. */
export async function endStep(page) {
  await at(page, "speed").selectOption("10");
  await page.waitForFunction(() => document.querySelector('[data-test="tour-text"]').dataset.waiting === "false");
}

/** Begins a tour, and goes to the end of the step at this place, from 0. */
export async function tourTo(page, name, place) {
  await at(page, "tours").click();
  await at(page, `tour-${name}`).click();
  for (let step = 0; step <= place; step++) {
    if (step > 0) await at(page, "tour-next").click();
    await page.waitForFunction(
      (wanted) => document.querySelector('[data-test="tour-text"]').dataset.step === String(wanted),
      step,
    );
    await endStep(page);
  }
}
