// Draws the pictures of the documentation: `pictures.mjs LIST TIMELINES OUT [--check]`, where the folder TIMELINES holds a
// timeline NAME.json for each picture of the list. `../pictures.sh` runs the engine for them first.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Ink } from "./src/colours.ts";
import { roleInk, roleName } from "./src/colours.ts";
import type { Pen } from "./src/drawing.ts";
import { drawMessage, sortOf } from "./src/glyphs.ts";
import { ROLES } from "./src/lane.ts";
import { isRefusal, Model } from "./src/model.ts";
import { MovedPen } from "./src/moved_pen.ts";
import { drawRing } from "./src/ring_view.ts";
import { SvgPen } from "./src/svg_pen.ts";
import { drawTimeline, timelineHeight, xAt, type TimelineWindow } from "./src/timeline_view.ts";

interface Picture {
  readonly name: string;
  /** What is to be seen, for those who do not see it. */
  readonly label: string;
  readonly from_ms: number;
  readonly to_ms: number;
  /** The instants of the rings above the timeline. */
  readonly rings: readonly number[];
  readonly ring_height?: number;
  readonly legend?: boolean;
}

const WIDTH = 820;
const RING = 262;
const EDGE = 12;
const LARGEST = 40_000;

export function draw(picture: Picture, model: Model): string {
  const lanes = timelineHeight(model.nodes.length, WIDTH);
  const legend = picture.legend === true ? 46 : 0;
  const ring = picture.ring_height ?? RING;
  const height = EDGE + ring + 26 + lanes + legend + EDGE;
  const pen = new SvgPen(WIDTH, height);
  pen.rect(0, 0, WIDTH, height, { fill: "paper" }, 8);
  const view: TimelineWindow = {
    from: picture.from_ms * 1_000,
    to: picture.to_ms * 1_000,
    at: 0,
    width: WIDTH,
    height: lanes,
    theme: "light",
    selected: null,
    playhead: false,
  };
  const top = EDGE + ring + 26;
  const wide = WIDTH / picture.rings.length;
  drawTimeline(new MovedPen(pen, 0, top), model, view);
  picture.rings.forEach((ms, index) => {
    const [left, letter] = [index * wide, String.fromCharCode(65 + index)];
    const layout = { width: wide, height: ring, theme: "light", selected: null, still: true } as const;
    drawRing(new MovedPen(pen, left, EDGE), model, ms * 1_000, layout);
    drawMark(pen, left + 22, EDGE + 16, letter);
    pen.text(left + 36, EDGE + 20, `at ${ms} ms`, { ink: "muted", size: 11 });
    const x = xAt(view, ms * 1_000);
    pen.path([x, top + 24, x, top + lanes - 4], { stroke: "ink", dash: [2, 3] });
    drawMark(pen, x, top - 6, letter);
  });
  if (legend > 0) drawLegend(pen, 16, top + lanes + 6);
  return pen.picture(picture.label);
}

/** The letter that leads from a ring to its instant in the timeline. */
function drawMark(pen: Pen, x: number, y: number, letter: string): void {
  pen.circle(x, y, 9, { fill: "ink" });
  pen.text(x, y + 4, letter, { ink: "paper", size: 11, bold: true, align: "middle" });
}

function drawLegend(pen: Pen, left: number, top: number): void {
  let x = left;
  const word = (text: string, y: number): void => {
    pen.text(x, y, text, { ink: "ink", size: 11 });
    x += pen.measure(text, 11) + 18;
  };
  for (const role of ROLES) {
    const high = { F: 5, R: 5, P: 8, C: 11, L: 14 }[role];
    pen.rect(x, top + 14 - high, 18, high, { fill: roleInk(role) });
    x += 23;
    word(`${role} ${roleName(role)}`, top + 14);
  }
  const bars: [Ink, string][] = [["promise", "promise"], ["lease", "lease"], ["write", "write"]];
  for (const [ink, text] of bars) {
    pen.rect(x, ink === "promise" ? top + 6 : top + 9, 18, ink === "promise" ? 8 : 3, { fill: ink });
    x += 23;
    word(text, top + 14);
  }
  x = left;
  for (const words of ["pre-vote request", "pre-vote reply", "vote request", "vote reply", "heartbeat", "heartbeat reply"]) {
    drawMessage(pen, x + 8, top + 30, 0, 5, sortOf(words));
    x += 21;
    word(words, top + 34);
  }
}

function main(): number {
  const [list, timelines, out, mode] = process.argv.slice(2);
  if (list === undefined || timelines === undefined || out === undefined) {
    console.error("usage: pictures.mjs LIST TIMELINES OUT [--check]");
    return 2;
  }
  const pictures = JSON.parse(readFileSync(list, "utf8")) as Picture[];
  let differing = 0;
  mkdirSync(out, { recursive: true });
  for (const picture of pictures) {
    const model = Model.parse(readFileSync(join(timelines, `${picture.name}.json`), "utf8"));
    if (isRefusal(model)) throw new Error(`${picture.name}: ${model.refused}`);
    const svg = draw(picture, model);
    if (svg.length > LARGEST) throw new Error(`${picture.name}.svg would have ${svg.length} bytes, more than ${LARGEST}`);
    const file = join(out, `${picture.name}.svg`);
    if (mode === "--check") {
      if (existsSync(file) && readFileSync(file, "utf8") === svg) continue;
      console.error(`${file} is not what its run gives: run examples/playground/pictures.sh`);
      differing += 1;
    } else {
      writeFileSync(file, svg);
      console.log(`${file}: ${svg.length} bytes`);
    }
  }
  if (mode === "--check" && differing === 0) console.log("the pictures are what their runs give");
  return differing === 0 ? 0 : 1;
}

process.exitCode = main();
