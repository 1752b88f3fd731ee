// One lane of the timeline: what a node was, what it had promised, what it wrote and did.
//
// Whatever the zoom, a lane costs no more than its pixels: spans that share a pixel are skipped by a search, and a pixel
// with many changes of role has the look that the node had longest.

import { roleInk, textOn } from "./colours.ts";
import { fitting, type Pen } from "./drawing.ts";
import { drawCross } from "./glyphs.ts";
import { LOOKS, NO_PROMISE, ROLES, type Lane, type Look, type Role, type Spans } from "./lane.ts";
import type { Model } from "./model.ts";
import { shortTerm } from "./words.ts";
import { perPixel, timeOf, xOf, type Scale } from "./scale.ts";

/** The places of a lane's rows, from its top. */
export interface Rows {
  readonly top: number;
  readonly height: number;
  /** The band of the role: it stands on its base, and a leader's is the highest. */
  readonly bandTop: number;
  readonly base: number;
  readonly promiseTop: number;
  readonly promiseHeight: number;
  readonly writeTop: number;
  /** The baseline of the words, or null if there is no room for them. */
  readonly words: number | null;
  readonly bottom: number;
}

export function rowsOf(top: number, height: number): Rows {
  const roomy = height >= 44;
  const band = Math.round(Math.min(17, Math.max(7, height * 0.32)));
  const pad = roomy ? 5 : Math.max(2, Math.round(height * 0.1));
  const base = top + pad + band;
  const promiseTop = base + 2;
  const promiseHeight = Math.round(Math.min(12, Math.max(3, height * 0.2)));
  const writeTop = promiseTop + promiseHeight + 1;
  return {
    top,
    height,
    bandTop: top + pad,
    base,
    promiseTop,
    promiseHeight,
    writeTop,
    words: roomy ? Math.min(top + height - 4, writeTop + 11) : null,
    bottom: top + height,
  };
}

const BAND_HEIGHTS: { readonly [role in Role]: number } = { F: 0.36, R: 0.36, P: 0.6, C: 0.8, L: 1 };

/** The least count of changes in sight from which they are drawn pixel by pixel. */
const crowded = (scale: Scale): number => (scale.right - scale.left) / 3;

/** Calls `draw` with the spans in sight; those that begin in the pixel in which another one ends are merged with it. */
export function eachSpan(
  spans: Spans,
  scale: Scale,
  draw: (from: number, to: number, tag: number, mixed: boolean) => void,
): void {
  let index = Math.max(0, spans.indexAt(scale.from));
  while (index < spans.length && spans.starts.at(index) <= scale.to) {
    const start = spans.starts.at(index);
    const tag = spans.tags.at(index);
    let end = spans.ends.at(index);
    let next = index + 1;
    let mixed = false;
    const pixel = perPixel(scale);
    while (next < spans.length) {
      const reach = spans.indexAt(Math.min(end, scale.to) + pixel, next);
      if (reach < next || (end - start > 2 * pixel && spans.starts.at(next) - end >= 0 && spans.tags.at(next) !== tag)) break;
      end = Math.max(end, spans.ends.at(reach));
      mixed ||= reach > next || spans.tags.at(reach) !== tag;
      next = reach + 1;
    }
    if (end >= scale.from) draw(start, end, tag, mixed);
    index = next;
  }
}

export function drawBand(pen: Pen, lane: Lane, rows: Rows, scale: Scale): void {
  const { looks } = lane;
  const first = Math.max(0, looks.indexAt(scale.from));
  const last = Math.max(0, looks.indexAt(scale.to));
  if (last - first <= crowded(scale)) {
    const endOf = (index: number): number => Math.min(index + 1 < looks.length ? looks.starts.at(index + 1) : scale.to, scale.to);
    for (let index = first; index <= last; ) {
      // A node that hears of another term looks the same.
      let next = index + 1;
      while (next <= last && looks.tags.at(next) === looks.tags.at(index)) next += 1;
      const [x, end] = [xOf(scale, Math.max(looks.starts.at(index), scale.from)), xOf(scale, endOf(next - 1))];
      drawBlock(pen, rows, LOOKS[looks.tags.at(index)] ?? "F", x, end);
      index = next;
    }
    for (let index = first; index <= last; index += 1) {
      drawSigns(pen, lane, rows, scale, index, Math.max(looks.starts.at(index), scale.from), endOf(index));
    }
    return;
  }
  let hint = first;
  let begun = scale.left;
  let look = -1;
  for (let x = scale.left; x <= scale.right; x += 1) {
    const found = lane.lookBetween(timeOf(scale, x), timeOf(scale, x + 1), hint);
    hint = found.last;
    if (found.look !== look) {
      if (look >= 0) drawBlock(pen, rows, LOOKS[look] ?? "F", begun, x);
      begun = x;
      look = found.look;
    }
    if (found.changes > 1) pen.rect(x, rows.bandTop - 1.5, 1, 1.5, { fill: "muted" });
  }
  if (look >= 0) drawBlock(pen, rows, LOOKS[look] ?? "F", begun, scale.right);
}

/** The letter and the term of a span, and the sign of a crash, where there is room. */
function drawSigns(pen: Pen, lane: Lane, rows: Rows, scale: Scale, index: number, from: number, to: number): void {
  const look = LOOKS[lane.looks.tags.at(index)] ?? "F";
  const [x, end] = [xOf(scale, from), xOf(scale, to)];
  const room = end - x - 6;
  const size = rows.base - rows.bandTop >= 13 ? 10 : 0;
  if (look === "down" || look === "lost") {
    const crash = xOf(scale, lane.looks.starts.at(index));
    const before = index > 0 ? LOOKS[lane.looks.tags.at(index - 1)] : undefined;
    if (before === look) return;
    if (crash >= scale.left) {
      const y = (rows.bandTop + rows.base) / 2;
      drawCross(pen, crash + 4, y, 3.5, "alarm");
      if (look === "lost") pen.rect(crash - 2, y - 6, 12, 12, { stroke: "alarm", width: 1.4 });
    }
    if (size > 0) label(pen, x + 14, rows.base - 4, look === "lost" ? "down, disk lost" : "down", room - 12, "muted");
    return;
  }
  if (size === 0 || look === "unstarted") return;
  const term = lane.terms.at(index);
  const letter = look === "frozen" ? "frozen" : look;
  const text = term > 0 || look !== "F" ? `${letter} ${shortTerm(term)}` : letter;
  const thin = look === "F" || look === "R";
  const ink = thin || look === "frozen" ? "muted" : textOn(look);
  const y = thin ? rows.base - BAND_HEIGHTS[look] * (rows.base - rows.bandTop) - 2 : rows.base - 4;
  const before = index > 0 ? LOOKS[lane.looks.tags.at(index - 1)] : undefined;
  if (thin && before === look && lane.terms.at(index - 1) === term) return;
  // The cross of a crash that was over at once stands where the words would begin.
  const crashed = before === "down" || before === "lost" ? Math.max(0, xOf(scale, lane.looks.starts.at(index - 1)) + 14 - x) : 0;
  label(pen, x + 4 + crashed, y, text, room - crashed, ink, thin ? 9 : 10, !thin && look !== "frozen");
}

function label(pen: Pen, x: number, y: number, text: string, room: number, ink: Parameters<Pen["text"]>[3]["ink"], size = 10, bold = false): void {
  if (pen.measure(text, size, bold) <= room) pen.text(x, y, text, { ink, size, bold });
}

function drawBlock(pen: Pen, rows: Rows, look: Look, x: number, end: number): void {
  const width = Math.max(0.7, end - x);
  const full = rows.base - rows.bandTop;
  switch (look) {
    case "unstarted":
      return;
    case "down":
    case "lost":
      pen.path([x, rows.base - 1, x + width, rows.base - 1], { stroke: "down", width: 1.2, dash: [2, 4] });
      return;
    case "frozen": {
      const height = full * 0.6;
      pen.rect(x, rows.base - height, width, height, { fill: "frozen" });
      // Bars, as of a pause: a sign that is no colour.
      for (let bar = x + 3; bar + 2 < x + width && bar < x + 4_000; bar += 6) {
        pen.path([bar, rows.base - 1.5, bar, rows.base - height + 1.5], { stroke: "paper", width: 1.5 });
      }
      return;
    }
    default: {
      const height = full * BAND_HEIGHTS[look];
      pen.rect(x, rows.base - height, width, height, { fill: roleInk(look) });
      if (look === "R" && width > 6) {
        pen.path([x, rows.base - height / 2, x + width, rows.base - height / 2], { stroke: "paper", width: 1.5, dash: [3, 3] });
      }
    }
  }
}

/** The lease as a line over the band, up to where it ended. */
export function drawLease(pen: Pen, lane: Lane, rows: Rows, scale: Scale): void {
  const y = rows.bandTop - 1;
  const boxes: number[] = [];
  eachSpan(lane.leases, scale, (from, to) => {
    const [x, end] = [Math.max(scale.left - 2, xOf(scale, from)), Math.min(scale.right + 2, xOf(scale, to))];
    boxes.push(x, y - 1.2, Math.max(0.7, end - x), 2.4);
    if (end - x > 3) boxes.push(end - 1, y - 3, 2, 6);
  });
  pen.bars(boxes, { fill: "lease" });
}

/** The promise as a bar that gets lower while it runs out; a block where teeth would be narrower than a few pixels. */
export function drawPromises(pen: Pen, model: Model, lane: Lane, rows: Rows, scale: Scale): void {
  const bottom = rows.promiseTop + rows.promiseHeight;
  const [first, last] = [lane.rowAt(scale.from), lane.rowAt(scale.to)];
  const whole = model.promiseScale();
  // Teeth that are low or narrow tell no more than a block.
  const narrow = rows.promiseHeight < 6 ? 24 : 4;
  if (perPixel(scale) * narrow < whole && last - first <= crowded(scale)) drawTeeth(pen, lane, rows, scale, first, last, whole);
  else {
    const height = Math.max(2, rows.promiseHeight * 0.6);
    const [given, forgotten]: [number[], number[]] = [[], []];
    eachSpan(lane.promises, scale, (from, to, holder) => {
      const [x, end] = [Math.max(scale.left - 2, xOf(scale, from)), Math.min(scale.right + 2, xOf(scale, to))];
      addBox(holder < 0 ? forgotten : given, x, bottom - height, end, height);
    });
    pen.bars(given, { fill: "promise" });
    pen.bars(forgotten, { fill: "recovering" });
  }
  if (rows.promiseHeight < 8) return;
  let free = -Infinity;
  eachSpan(lane.promises, scale, (from, to, holder, mixed) => {
    const [x, end] = [Math.max(scale.left, xOf(scale, from)), Math.min(scale.right, xOf(scale, to))];
    const text = holder < 0 ? "forgotten promises" : `to ${model.nodes[holder] ?? ""}`;
    if (mixed || x < free) return;
    const shown = fitting(pen, text, Math.min(end - x - 6, 120), 9);
    if (shown === "") return;
    pen.text(x + 4, bottom - 1.5, shown, { ink: holder < 0 ? "onLight" : "ink", size: 9 });
    free = x + 4 + pen.measure(shown, 9) + 6;
  });
}

function drawTeeth(pen: Pen, lane: Lane, rows: Rows, scale: Scale, first: number, last: number, whole: number): void {
  const bottom = rows.promiseTop + rows.promiseHeight;
  const heightOf = (left: number): number => Math.min(1, Math.max(0, left) / whole) * rows.promiseHeight;
  let [area, edge]: [number[], number[]] = [[], []];
  let forgotten = false;
  const finish = (): void => {
    if (edge.length === 0) return;
    pen.path(area, { fill: forgotten ? "recovering" : "promise" }, true);
    pen.path(edge, { stroke: forgotten ? "denied" : "promiseEdge" });
    [area, edge] = [[], []];
  };
  let row = first;
  let reached = -Infinity;
  while (row <= last) {
    const holder = lane.value(row, "holder");
    const ends = lane.value(row, "promise");
    let next = row + 1;
    while (next <= last && lane.value(next, "promise") === ends && lane.value(next, "holder") === holder) next += 1;
    const from = Math.max(scale.from, lane.times.at(row));
    const until = Math.min(scale.to, next < lane.length ? lane.times.at(next) : Infinity, ends);
    if (holder !== NO_PROMISE && until > from) {
      const [x, end] = [xOf(scale, from), xOf(scale, until)];
      const [high, low] = [bottom - heightOf(ends - from), bottom - heightOf(ends - until)];
      // A promise that is longer than the bar is high begins to sink later.
      const bend = ends - whole > from && ends - whole < until ? [xOf(scale, ends - whole), high] : [];
      if (from !== reached || forgotten !== holder < 0) finish();
      forgotten = holder < 0;
      reached = until;
      area.push(x, bottom, x, high, ...bend, end, low, end, bottom);
      edge.push(x, high, ...bend, end, low);
    }
    row = next;
  }
  finish();
}

/** A node that is no voter by its own membership is paler. */
export function drawStanding(pen: Pen, model: Model, lane: Lane, node: number, rows: Rows, scale: Scale): void {
  let free = -Infinity;
  eachSpan(lane.memberships, scale, (from, to, index, mixed) => {
    const members = model.membershipAt(index);
    if (mixed || members === null || members.v.includes(node)) return;
    const [x, end] = [Math.max(scale.left - 2, xOf(scale, from)), Math.min(scale.right + 2, xOf(scale, Math.min(to, model.end)))];
    pen.rect(x, rows.bandTop - 2, Math.max(0.7, end - x), rows.base - rows.bandTop + 2, { fill: "paper", alpha: 0.55 });
    if (rows.base - rows.bandTop < 13) return;
    const start = Math.max(x, scale.left) + 42;
    if (start < free) return;
    const text = fitting(pen, members.l.includes(node) ? "learner" : "no member", end - start - 4, 9);
    pen.text(start, rows.base - 8, text, { ink: "muted", size: 9 });
    free = start + pen.measure(text, 9) + 8;
  });
}

/** Adds a rectangle to those of its row, or makes the last one longer if it reaches this one. */
function addBox(boxes: number[], x: number, y: number, end: number, height: number): void {
  const last = boxes.length - 4;
  const reach = last < 0 ? -Infinity : (boxes[last] ?? 0) + (boxes[last + 2] ?? 0);
  if (x - reach < 0.8) boxes[last + 2] = Math.max(reach, end) - (boxes[last] ?? 0);
  else boxes.push(x, y, Math.max(0.8, end - x), height);
}

export function drawWrites(pen: Pen, lane: Lane, rows: Rows, scale: Scale): void {
  const boxes: number[] = [];
  eachSpan(lane.writes, scale, (from, to) => {
    const [x, end] = [Math.max(scale.left - 2, xOf(scale, from)), Math.min(scale.right + 2, xOf(scale, to))];
    addBox(boxes, x, rows.writeTop, Math.max(x + 1, end), 2.5);
  });
  pen.bars(boxes, { fill: "write" });
}

/** How many messages the node sends, as bars of three pixels, of the height of the busiest in sight. */
export function drawDensity(pen: Pen, rows: Rows, scale: Scale, counts: readonly number[], most: number): void {
  const room = Math.min(rows.words === null ? 8 : 5, Math.max(3, rows.bottom - rows.writeTop - 4));
  const boxes: number[] = [];
  counts.forEach((count, index) => {
    if (count === 0) return;
    const height = Math.max(1, Math.round(Math.sqrt(count / Math.max(1, most)) * room));
    const [x, y, last] = [scale.left + index * 3, rows.bottom - 1 - height, boxes.length - 4];
    // Neighbours of one height are one bar.
    if (last >= 0 && boxes[last + 3] === height && (boxes[last] ?? 0) + (boxes[last + 2] ?? 0) === x) boxes[last + 2] = (boxes[last + 2] ?? 0) + 3;
    else boxes.push(x, y, 3, height);
  });
  pen.bars(boxes, { fill: "reply", alpha: 0.7 });
}

/** How many messages the node sends in each three pixels. */
export function densityOf(lane: Lane, scale: Scale): number[] {
  const counts: number[] = [];
  let hint = lane.sent.countUpTo(scale.from);
  for (let x = scale.left; x < scale.right; x += 3) {
    const end = lane.sent.countUpTo(timeOf(scale, Math.min(x + 3, scale.right)), hint);
    counts.push(end - hint);
    hint = end;
  }
  return counts;
}

/** What is known at the playhead of what comes: the promise, and the lease, until they end. */
export function drawOutlook(pen: Pen, lane: Lane, rows: Rows, scale: Scale, at: number): void {
  const row = lane.rowAt(at);
  const x = xOf(scale, at);
  const ahead = (until: number, y: number, ink: "lease" | "promiseEdge"): void => {
    const end = Math.min(scale.right + 4, xOf(scale, until));
    if (!(until > at) || end - x < 1) return;
    pen.path([x, y, end, y], { stroke: ink, width: 1.5, dash: [3, 2] });
    pen.path([end, y - 3, end, y + 3], { stroke: ink, width: 1.5 });
  };
  if (lane.value(row, "holder") !== NO_PROMISE) {
    ahead(lane.value(row, "promise"), rows.promiseTop + rows.promiseHeight / 2, "promiseEdge");
  }
  if (ROLES[lane.value(row, "role")] === "L") ahead(lane.value(row, "lease"), rows.bandTop - 4, "lease");
}
