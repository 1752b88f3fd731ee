// Measures in a browser how long a run of ten minutes and a million events takes to open, and a frame to be drawn.
// `measure.mjs` opens this in Chromium and prints what it writes.

import { CanvasPen } from "./src/canvas_pen.ts";
import { isRefusal, Model } from "./src/model.ts";
import { drawRing } from "./src/ring_view.ts";
import { drawTimeline, hitTimeline, timelineHeight, type TimelineWindow } from "./src/timeline_view.ts";
import { random, sample } from "./tests/sample.ts";

const MINUTES = 10;
const WIDTH = 1_280;

function milliseconds(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** Draws many frames, and says how long the median and the slowest took. Reading a pixel waits for what was drawn. */
function frames(name: string, canvases: readonly HTMLCanvasElement[], draw: (frame: number) => void): string {
  const times: number[] = [];
  for (let frame = 0; frame < 120; frame += 1) {
    times.push(
      milliseconds(() => {
        draw(frame);
        for (const canvas of canvases) canvas.getContext("2d")?.getImageData(0, 0, 1, 1);
      }),
    );
  }
  times.sort((a, b) => a - b);
  const at = (part: number): string => (times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0).toFixed(1);
  return `  ${name.padEnd(34)} median ${at(0.5)} ms, 95 of 100 within ${at(0.95)} ms, slowest ${at(1)} ms`;
}

function measure(text: string): string[] {
  let model: ReturnType<typeof Model.parse> = { refused: "" };
  const opening = milliseconds(() => (model = Model.parse(text)));
  if (isRefusal(model)) return [model.refused];
  const known: Model = model;
  const nodes = known.nodes.length;
  const [line, ring] = [document.createElement("canvas"), document.createElement("canvas")];
  const [linePen, ringPen] = [new CanvasPen(line), new CanvasPen(ring)];
  const height = timelineHeight(nodes, WIDTH);
  const next = random(2);
  const draw = (from: number, to: number, at: number): void => {
    const view: TimelineWindow = { from, to, at, width: WIDTH, height, theme: "light", selected: null };
    linePen.begin(WIDTH, height);
    drawTimeline(linePen, known, view);
    ringPen.begin(480, 480);
    drawRing(ringPen, known, at, { width: 480, height: 480, theme: "light", selected: null, still: false });
    hitTimeline(known, view, next() * WIDTH, next() * height);
  };
  const { end } = known;
  const scroll = (frame: number, length: number): void => {
    const from = (Math.max(0, end - length) * frame) / 120;
    draw(from, from + length, from + length / 2);
  };
  const both = [line, ring];
  return [
    `${nodes} nodes, ${known.eventCount} events in ${Math.round(end / 1e6)} s, ${(text.length / 1e6).toFixed(0)} MB: opened in ${opening.toFixed(0)} ms`,
    frames("scrubbing through all", both, (frame) => draw(0, end, (end * frame) / 120)),
    frames("playhead at random instants", both, () => draw(0, end, end * next())),
    frames("zooming from all to 20 ms", both, (frame) => {
      const half = (end / 2) * (20_000 / end) ** (frame / 119);
      draw(end / 2 - half, end / 2 + half, end / 2);
    }),
    frames("scrolling through ten seconds", both, (frame) => scroll(frame, 10_000_000)),
    frames("scrolling through one second", both, (frame) => scroll(frame, 1_000_000)),
  ];
}

const files = [...document.querySelectorAll("script[type='application/json']")].map((script) => {
  // What stays on the page would be printed with it.
  script.remove();
  return script.textContent ?? "";
});
const made = (nodes: number, interval: number): string => JSON.stringify(sample(1, nodes, MINUTES * 60_000_000, interval));
const texts = files.length > 0 ? files : [made(9, 23_000), made(25, 66_000)];
document.body.textContent = texts.flatMap(measure).join("\n");
