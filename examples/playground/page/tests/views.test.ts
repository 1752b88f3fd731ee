import assert from "node:assert/strict";
import { test } from "node:test";
import { CanvasPen } from "../src/canvas_pen.ts";
import { palette, type Ink, type Theme } from "../src/colours.ts";
import type { Paint, Pen, TextPaint } from "../src/drawing.ts";
import { drawMessage, sortOf } from "../src/glyphs.ts";
import { isRefusal, Model } from "../src/model.ts";
import { drawRing, hitRing, type RingLayout } from "../src/ring_view.ts";
import { SvgPen } from "../src/svg_pen.ts";
import { drawTimeline, hitTimeline, timeAt, timelineHeight, type TimelineWindow } from "../src/timeline_view.ts";
import { sample } from "./sample.ts";

function parsed(timeline: unknown): Model {
  const model = Model.parse(JSON.stringify(timeline));
  assert(!isRefusal(model), isRefusal(model) ? model.refused : "");
  return model;
}

interface Box {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Keeps the texts with their places, and the shapes without their colours. */
class Notes implements Pen {
  readonly texts: Box[] = [];
  readonly shapes: string[] = [];
  count = 0;
  use(): void {}
  rect(x: number, y: number, width: number, height: number, paint: Paint): void {
    this.note("rect", x, y, width, height, paint);
  }
  bars(boxes: readonly number[], paint: Paint): void {
    this.count += boxes.length / 4;
    this.note("bars", boxes.join(" "), paint);
  }
  circle(x: number, y: number, radius: number, paint: Paint): void {
    this.note("circle", x, y, radius, paint);
  }
  path(points: readonly number[], paint: Paint): void {
    this.note("path", points.map((value) => value.toFixed(1)).join(" "), paint);
  }
  arc(x: number, y: number, radius: number, from: number, to: number, paint: Paint): void {
    this.note("arc", x, y, radius, from, to, paint);
  }
  text(x: number, y: number, text: string, paint: TextPaint): void {
    const width = this.measure(text, paint.size);
    const left = paint.align === "middle" ? x - width / 2 : paint.align === "end" ? x - width : x;
    this.texts.push({ text, x: left, y: y - paint.size * 0.8, width, height: paint.size });
    this.shapes.push(`text ${text}`);
  }
  measure(text: string, size: number): number {
    return text.length * size * 0.6;
  }
  clip(): void {}
  unclip(): void {}
  layer(_key: string, draw: (pen: Pen) => void): void {
    draw(this);
  }
  private note(...parts: unknown[]): void {
    this.count += 1;
    const paint = parts.pop() as Paint;
    const look = `${paint.fill === undefined ? "hollow" : "full"} ${paint.stroke === undefined ? "" : "edge"} ${paint.dash?.join() ?? ""}`;
    this.shapes.push(`${parts.join(" ")} ${look}`);
  }
}

const overlap = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

function assertApart(boxes: readonly Box[]): void {
  boxes.forEach((a, index) => {
    for (const b of boxes.slice(index + 1)) assert(!overlap(a, b), `"${a.text}" and "${b.text}" overlap`);
  });
}

const layout: RingLayout = { width: 480, height: 440, theme: "light", selected: null, still: true };
const windowOf = (model: Model, from: number, to: number, width = 1_100): TimelineWindow => ({
  from,
  to,
  at: (from + to) / 2,
  width,
  height: timelineHeight(model.nodes.length, width),
  theme: "light",
  selected: null,
});

for (const nodes of [1, 2, 3, 5, 9, 25]) {
  test(`the labels of a ring of ${nodes} do not overlap, and are inside of the picture`, () => {
    const model = parsed(sample(nodes, nodes, 3_000_000));
    for (const [width, height] of [[480, 440], [830, 330], [370, 320]] as const) {
      for (const at of [0, 150_000, 1_000_000, 2_450_000]) {
        const notes = new Notes();
        drawRing(notes, model, at, { ...layout, width, height });
        assertApart(notes.texts.filter((box) => box.text !== ""));
        for (const box of notes.texts) {
          const inside = box.x >= 0 && box.x + box.width <= width && box.y >= 0 && box.y + box.height <= height;
          assert(inside, `${box.text} in ${width} x ${height}`);
        }
      }
    }
  });

  test(`the words of a timeline of ${nodes} nodes do not overlap`, () => {
    const model = parsed(sample(nodes, nodes, 20_000_000));
    for (const [from, to] of [[0, 20_000_000], [0, 500_000], [2_000_000, 2_600_000], [140_000, 150_000]] as const) {
      for (const width of [1_100, 390]) {
        const notes = new Notes();
        drawTimeline(notes, model, windowOf(model, from, to, width));
        assertApart(notes.texts.filter((box) => box.text !== ""));
      }
    }
  });
}

test("no two states of a node differ by their colour alone", () => {
  const members = { n: "1.1", v: [0, 1], l: [], q: 2, c: true };
  const states: [string, unknown[][]][] = [
    ...["F", "P", "C", "L", "R"].map((role): [string, unknown[][]] => [role, [[0, "u", 0], [0, "s", 0, { r: role, t: 3, m: members }]]]),
    ["down", [[0, "u", 0], [0, "d", 0]]],
    ["lost", [[0, "u", 0], [0, "F", 0]]],
    ["frozen", [[0, "u", 0], [0, "s", 0, { r: "F", t: 3, m: members }], [0, "f", 0]]],
    ["unstarted", []],
  ];
  const pictures = new Map<string, string>();
  for (const [name, events] of states) {
    const head = { timeline: 1, nodes: ["a", "b"], texts: [], end: 100_000 };
    const model = parsed({ ...head, events });
    const [ring, lanes] = [new Notes(), new Notes()];
    drawRing(ring, model, 50_000, layout);
    drawTimeline(lanes, model, { ...windowOf(model, 0, 100_000), playhead: false });
    for (const [view, notes] of [["ring", ring], ["lanes", lanes]] as const) {
      const picture = `${view}: ${notes.shapes.join("\n")}`;
      assert(!pictures.has(picture), `${name} looks like ${pictures.get(picture)}`);
      pictures.set(picture, name);
    }
  }
});

test("each kind of message has a shape of its own", () => {
  const words = ["heartbeat of term #", "heartbeat reply of term #", "pre-vote request", "pre-vote reply: granted", "vote request", "vote reply: granted", "vote reply: denied: x", "recovery request"];
  const shapes = words.map((text) => {
    const notes = new Notes();
    drawMessage(notes, 0, 0, 0, 5, sortOf(text));
    return notes.shapes.join("\n");
  });
  assert.equal(new Set(shapes).size, words.length);
});

test("the colour-blind tell the roles apart", () => {
  // Machado, Oliveira and Fernandes 2009: protanopia, deuteranopia and tritanopia, and eyes that see all.
  const eyes = [
    [1, 0, 0, 0, 1, 0, 0, 0, 1],
    [0.152, 1.053, -0.205, 0.115, 0.786, 0.099, -0.004, -0.048, 1.052],
    [0.367, 0.861, -0.228, 0.28, 0.673, 0.047, -0.012, 0.043, 0.969],
    [1.256, -0.077, -0.179, -0.078, 0.931, 0.148, 0.005, 0.691, 0.304],
  ];
  const channels = (colour: string): number[] => [1, 3, 5].map((at) => (parseInt(colour.slice(at, at + 2), 16) / 255) ** 2.2);
  const roles: Ink[] = ["follower", "precandidate", "candidate", "leader", "recovering"];
  for (const theme of ["light", "dark"] as Theme[]) {
    for (const eye of eyes) {
      const seen = roles.map((role) => {
        const colour = channels(palette(theme)[role]);
        return [0, 1, 2].map((row) => {
          const value = [0, 1, 2].reduce((sum, column) => sum + (eye[row * 3 + column] ?? 0) * (colour[column] ?? 0), 0);
          return Math.max(0, value) ** (1 / 2.2);
        });
      });
      seen.forEach((a, first) => {
        seen.slice(first + 1).forEach((b, second) => {
          const distance = Math.hypot(...a.map((value, index) => value - (b[index] ?? 0)));
          assert(distance > 0.1, `${roles[first]} and ${roles[first + 1 + second]} are ${distance.toFixed(3)} apart (${theme})`);
        });
      });
    }
  }
});

test("text is legible on its ground", () => {
  const light = (colour: string): number => {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const value = parseInt(colour.slice(at, at + 2), 16) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    }) as [number, number, number];
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const pairs: [Ink, Ink][] = [["ink", "paper"], ["ink", "stripe"], ["ink", "selected"], ["ink", "promise"], ["muted", "paper"], ["muted", "stripe"], ["onDark", "leader"], ["onLight", "candidate"], ["onLight", "precandidate"], ["onLight", "follower"], ["onLight", "recovering"]];
  for (const theme of ["light", "dark"] as Theme[]) {
    for (const [text, ground] of pairs) {
      const [a, b] = [light(palette(theme)[text]), light(palette(theme)[ground])];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      assert(contrast >= 4.5, `${text} on ${ground} has a contrast of ${contrast.toFixed(1)} (${theme})`);
    }
  }
});

test("a million pixels' worth of changes costs no more shapes than there are pixels", () => {
  const model = parsed(sample(3, 5, 600_000_000, 400_000, 450_000));
  const notes = new Notes();
  drawTimeline(notes, model, windowOf(model, 0, model.end));
  assert(notes.count < 5 * 1_100 * 3, `${notes.count} shapes`);
});

test("a message, a node, a link and a moment are hit where they are drawn", () => {
  const events = [[0, "u", 0], [0, "u", 1], [0, "u", 2], [100_000, "m", 4, 0, 1, 0, []], [140_000, "r", 4], [300_000, "a", 2, 1, [], []]];
  const model = parsed({ timeline: 1, nodes: ["a", "b", "c"], texts: ["vote request", "elected"], end: 400_000, events });
  const view = windowOf(model, 0, 400_000);
  const lane = (view.height - 43) / 3;
  const x = (at: number): number => {
    for (let place = 0; place < view.width; place += 0.25) if (timeAt(view, place) >= at && place > 105) return place;
    return NaN;
  };
  assert.deepEqual(hitTimeline(model, view, x(120_000), 39 + 22 + lane / 2), { what: "message", id: 4 });
  assert.deepEqual(hitTimeline(model, view, 20, 39 + lane * 1.5), { what: "node", node: 1 });
  assert.deepEqual(hitTimeline(model, view, x(300_000) + 3, 39 + lane * 2.2), { what: "moment", at: 300_000, node: 2 });
  assert.deepEqual(hitTimeline(model, view, -5, -5), null);
  const [width, height] = [layout.width, layout.height];
  assert.deepEqual(hitRing(model, 120_000, layout, width / 2, 70), { what: "node", node: 0 });
  let hits = 0;
  for (let place = 0; place < width; place += 4) {
    for (let row = 0; row < height; row += 4) if (hitRing(model, 120_000, layout, place, row)?.what === "message") hits += 1;
  }
  assert(hits > 10 && hits < 60, `${hits} places`);
  // The link of the lower two nodes crosses the line down from the middle.
  const below = Array.from({ length: height / 2 }, (_, row) => hitRing(model, 200_000, layout, width / 2 + 20, height / 2 + row));
  assert(below.some((hit) => hit?.what === "link" && hit.from === 2 && hit.to === 1));
  assert.equal(hitRing(model, 200_000, layout, 2, 2), null);
});

test("an SVG picture is well formed whatever the names are, and one block of Markdown", () => {
  const timeline = sample(1, 3, 3_000_000);
  timeline.nodes = ['<b>&"', "]]>\u0007", "\u2028–"];
  timeline.title = "<script>\n\n";
  const model = parsed(timeline);
  const pen = new SvgPen(700, 300);
  drawTimeline(pen, model, { ...windowOf(model, 0, 900_000), width: 700, height: 300, title: true });
  drawRing(pen, model, 400_000, layout);
  const svg = pen.picture('a "label" & more');
  assertWellFormed(svg);
  assert.doesNotMatch(svg.trimEnd(), /\n\s*\n/);
  assert.match(svg, /^<svg [^\n<]*>\n/);
  assert.doesNotMatch(svg, /<script|NaN/);
});

function assertWellFormed(xml: string): void {
  const open: string[] = [];
  const rest = xml.replace(/<(\/?)([a-z]+)((?: [a-zA-Z:-]+="[^"<]*")*)(\/?)>/g, (_tag, close: string, name: string, _attributes, single: string) => {
    if (close !== "") assert.equal(open.pop(), name);
    else if (single === "") open.push(name);
    return "";
  });
  assert.deepEqual(open, []);
  assert.doesNotMatch(rest, /[<>]|&(?!amp;|lt;|gt;|quot;)/);
}

/** A canvas that keeps which texts were drawn and how often it was filled. */
function fakeCanvas(): { canvas: HTMLCanvasElement; texts: string[]; calls: () => number } {
  const texts: string[] = [];
  let calls = 0;
  const canvases: unknown[] = [];
  const make = (): unknown => {
    const context = new Proxy({} as { [key: string]: unknown }, {
      get: (known, key: string) => {
        if (key === "measureText") return (text: string) => ({ width: text.length * 6 });
        if (key === "fillText") return (text: string) => void texts.push(text);
        if (key in known) return known[key];
        return () => void (calls += 1);
      },
      set: (known, key: string, value: unknown) => {
        known[key] = value;
        return true;
      },
    });
    const canvas = { width: 0, height: 0, getContext: () => context, ownerDocument: { createElement: make } };
    canvases.push(canvas);
    return canvas;
  };
  return { canvas: make() as HTMLCanvasElement, texts, calls: () => calls };
}

test("a canvas shows the words that an SVG picture shows", () => {
  const model = parsed(sample(4, 5, 3_000_000));
  const view = windowOf(model, 2_000_000, 2_600_000);
  const { canvas, texts } = fakeCanvas();
  const pen = new CanvasPen(canvas);
  const svg = new SvgPen(view.width, view.height);
  // Both measure alike here, so that they shorten alike.
  svg.measure = (text) => text.length * 6;
  pen.begin(view.width, view.height);
  for (const each of [pen, svg]) {
    drawTimeline(each, model, view);
    drawRing(each, model, 2_400_000, layout);
  }
  const written = [...svg.picture("").matchAll(/<text[^>]*>([^<]*)</g)].map((match) => match[1]);
  assert(written.length > 30);
  assert.deepEqual(texts.sort(), written.sort());
});

test("while only the playhead moves, the past is not drawn again", () => {
  const model = parsed(sample(4, 5, 3_000_000));
  const { canvas, calls } = fakeCanvas();
  const pen = new CanvasPen(canvas);
  const cost = (view: TimelineWindow): number => {
    const before = calls();
    pen.begin(view.width, view.height);
    drawTimeline(pen, model, view);
    return calls() - before;
  };
  const view = windowOf(model, 0, 600_000);
  const first = cost(view);
  assert(cost({ ...view, at: 100_000 }) < first / 2);
  assert(cost({ ...view, to: 700_000 }) > first / 2, "another window is drawn anew");
  model.append({ texts: [], events: [[model.end, "f", 1]], now: model.end, violation: null });
  assert(cost({ ...view, to: 700_000 }) > first / 2, "what was appended is drawn");
});
