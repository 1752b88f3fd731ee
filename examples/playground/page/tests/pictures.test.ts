import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { MovedPen } from "../src/moved_pen.ts";
import { isRefusal, Model } from "../src/model.ts";
import { drawRing } from "../src/ring_view.ts";
import { SvgPen } from "../src/svg_pen.ts";
import { sample } from "./sample.ts";

const PICTURES = "../../../src/guide/pictures";
const pictures = readdirSync(PICTURES).filter((file) => file.endsWith(".svg"));

test("the documentation has a picture of each script, small, in both themes, and one block of Markdown", () => {
  const scripts = JSON.parse(readFileSync("../pictures.json", "utf8")) as { name: string }[];
  assert.deepEqual(pictures.sort(), scripts.map(({ name }) => `${name}.svg`).sort());
  for (const file of pictures) {
    const svg = readFileSync(`${PICTURES}/${file}`, "utf8");
    assert(svg.length < 40_000, file);
    assert.doesNotMatch(svg.trimEnd(), /\n\s*\n|NaN|<script|https?:\/\/(?!www\.w3\.org\/2000\/svg")/, file);
    assert.match(svg, /prefers-color-scheme:dark/, file);
    assert.match(svg, /data-theme=dark/, file);
    assert.match(svg, /role="img" aria-label="[^"]{40,}"/, file);
  }
});

test("the crate documentation and the README show only pictures that exist", () => {
  const lib = readFileSync("../../../src/lib.rs", "utf8");
  const shown = [...lib.matchAll(/include_str!\("guide\/pictures\/([^"]+)"\)/g)].map((match) => match[1]);
  assert.deepEqual(shown.sort(), pictures.sort());
  const readme = readFileSync("../../../README.md", "utf8");
  for (const match of readme.matchAll(/\(src\/guide\/pictures\/([^)]+)\)/g)) assert(pictures.includes(match[1] ?? ""));
});

test("a moved pen draws the same elsewhere", () => {
  const model = Model.parse(JSON.stringify(sample(1, 5, 2_000_000)));
  assert(!isRefusal(model));
  const layout = { width: 400, height: 400, theme: "light", selected: null, still: true } as const;
  const [here, there] = [new SvgPen(900, 900), new SvgPen(900, 900)];
  drawRing(here, model, 1_000_000, layout);
  drawRing(new MovedPen(there, 300, 100), model, 1_000_000, layout);
  // What is given in places, and not in lengths, differs by as much as the pen was moved.
  const places = (pen: SvgPen): number[] =>
    [...pen.picture("").matchAll(/<text x="([^"]+)" y="([^"]+)"/g)].flatMap((match) => [Number(match[1]), Number(match[2])]);
  const [first, second] = [places(here), places(there)];
  assert(first.length > 20 && first.length === second.length);
  first.forEach((place, index) => assert(Math.abs((second[index] ?? 0) - place - (index % 2 === 0 ? 300 : 100)) < 0.11));
});
