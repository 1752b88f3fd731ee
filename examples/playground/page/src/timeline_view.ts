// The timeline: a lane for each node, and the messages between them, drawn with any pen.

import type { Ink, Theme } from "./colours.ts";
import { fitting, type Pen } from "./drawing.ts";
import { drawArrowHead, drawCross, sortInk, sortOfMessage } from "./glyphs.ts";
import {
  densityOf,
  drawBand,
  drawDensity,
  drawLease,
  drawOutlook,
  drawPromises,
  drawStanding,
  drawWrites,
  rowsOf,
  type Rows,
} from "./lane_drawing.ts";
import type { Message, Model } from "./model.ts";
import { clockTime, perPixel, tickStep, ticks, timeOf, xOf, type Scale } from "./scale.ts";
import type { Selection } from "./selection.ts";
import { shortTerm } from "./words.ts";

export type { Selection } from "./selection.ts";

export interface TimelineWindow {
  /** The span in sight, in microseconds. */
  readonly from: number;
  readonly to: number;
  /** The playhead. */
  readonly at: number;
  readonly width: number;
  readonly height: number;
  readonly theme: Theme;
  readonly selected: Selection | null;
  /** Whether the title of the timeline stands over the axis. */
  readonly title?: boolean;
  /** Whether the playhead is drawn; it is, unless this is false. */
  readonly playhead?: boolean;
}

const AXIS = 22;
const STRIP = 17;
const TITLE = 22;
const FOOT = 4;
/** A finger or a pointer hits what is so near. */
const NEAR = 7;
const MOST_LABELS = 500;

const gutterOf = (width: number): number => (width < 480 ? 58 : width < 800 ? 84 : 104);
const headOf = (view: TimelineWindow): number => AXIS + STRIP + (view.title === true ? TITLE : 0);

/** The height that the timeline wants: lanes are lower the more they are. */
export function timelineHeight(nodes: number, width: number): number {
  const lane = nodes <= 5 ? 58 : nodes <= 9 ? 48 : nodes <= 15 ? 34 : 26;
  return AXIS + STRIP + FOOT + nodes * (width < 480 ? Math.min(lane, 44) : lane);
}

const scaleOf = (view: TimelineWindow): Scale => ({
  from: view.from,
  to: Math.max(view.to, view.from + 1),
  left: gutterOf(view.width),
  right: Math.max(gutterOf(view.width) + 1, view.width - 8),
});

function rowsOfLane(view: TimelineWindow, nodes: number, lane: number): Rows {
  const height = Math.max(12, (view.height - headOf(view) - FOOT) / Math.max(1, nodes));
  return rowsOf(headOf(view) + lane * height, height);
}

/** The instant at a place; beside the lanes, that at their edge. */
export function timeAt(view: TimelineWindow, x: number): number {
  const scale = scaleOf(view);
  return timeOf(scale, Math.min(scale.right, Math.max(scale.left, x)));
}

/** Where an instant is, also one that is out of sight. */
export const xAt = (view: TimelineWindow, at: number): number => xOf(scaleOf(view), at);

export function drawTimeline(pen: Pen, model: Model, view: TimelineWindow): void {
  pen.use(view.theme);
  const scale = scaleOf(view);
  const lanes = model.lanes.map((_, index) => rowsOfLane(view, model.nodes.length, index));
  const key = [view.from, view.to, view.title, JSON.stringify(view.selected), model.serial, model.eventCount, model.end].join(" ");
  pen.layer(key, (layer) => drawPast(layer, model, view, scale, lanes));
  lanes.forEach((rows, index) => drawName(pen, model, view, rows, index, scale.left));
  if (view.playhead !== false) {
    pen.clip(scale.left, headOf(view), scale.right - scale.left, view.height - headOf(view));
    model.lanes.forEach((lane, index) => drawOutlook(pen, lane, lanes[index] as Rows, scale, view.at));
    pen.unclip();
  }
  drawAxis(pen, model, view, scale);
}

/** All that does not depend on the playhead. */
function drawPast(pen: Pen, model: Model, view: TimelineWindow, scale: Scale, lanes: readonly Rows[]): void {
  drawGround(pen, view, scale, lanes);
  // Nothing is known of what comes after the end.
  const known = Math.min(scale.right, Math.max(scale.left, xOf(scale, model.end)));
  pen.clip(scale.left, headOf(view), known - scale.left, view.height - headOf(view));
  model.lanes.forEach((lane, index) => {
    const rows = lanes[index] as Rows;
    drawPromises(pen, model, lane, rows, scale);
    drawBand(pen, lane, rows, scale);
    drawStanding(pen, model, lane, index, rows, scale);
    drawLease(pen, lane, rows, scale);
    drawWrites(pen, lane, rows, scale);
  });
  pen.unclip();
  pen.clip(scale.left, headOf(view) - STRIP, scale.right - scale.left, view.height - headOf(view) + STRIP);
  const messages = messagesInSight(model, scale);
  if (messages === null) {
    const counts = model.lanes.map((lane) => densityOf(lane, scale));
    const most = counts.reduce((most, list) => list.reduce((a, b) => Math.max(a, b), most), 1);
    counts.forEach((list, index) => drawDensity(pen, lanes[index] as Rows, scale, list, most));
  } else drawMessages(pen, model, view, scale, lanes, messages);
  drawActs(pen, model, scale, lanes, headOf(view));
  drawViolation(pen, model, view, scale);
  pen.unclip();
}

function drawGround(pen: Pen, view: TimelineWindow, scale: Scale, lanes: readonly Rows[]): void {
  lanes.forEach((rows, index) => {
    if (index % 2 === 0) pen.rect(0, rows.top, view.width, rows.height, { fill: "stripe" });
  });
  if (view.selected?.what === "node") {
    const rows = lanes[view.selected.node];
    if (rows !== undefined) pen.rect(0, rows.top, view.width, rows.height, { fill: "selected" });
  }
  for (const at of ticks(scale, tickStep(scale, 90))) {
    const x = xOf(scale, at);
    pen.path([x, headOf(view) - STRIP, x, view.height - FOOT], { stroke: "faint" });
  }
}

/** The name of a node, and beside the band what it is at the playhead. */
function drawName(pen: Pen, model: Model, view: TimelineWindow, rows: Rows, node: number, width: number): void {
  const name = model.nodes[node] ?? "";
  const size = rows.height >= 30 ? 13 : rows.height >= 20 ? 11 : 9;
  const middle = rows.words === null;
  const y = middle ? rows.top + rows.height / 2 + size * 0.36 : rows.base - 1;
  const state = model.state(node, view.at);
  const members = state.membership;
  const standing =
    view.playhead === false ? ""
    : state.phase === "unstarted" ? "not started"
    : members === null || members.v.includes(node) ? ""
    : members.l.includes(node) ? "learner"
    : "no member";
  const role = state.phase === "up" ? `${state.role} ${shortTerm(state.term)}` : state.phase === "unstarted" ? "" : state.phase;
  const shown = view.playhead === false ? "" : role;
  const right = middle && width >= 84 ? pen.measure(shown, 10) + 10 : 0;
  pen.text(10, y, fitting(pen, name, width - 16 - right, size, true), { ink: "ink", size, bold: true });
  if (middle) {
    if (right > 0) pen.text(width - 8, y, shown, { ink: "muted", size: 10, align: "end" });
    return;
  }
  const under = [shown, standing].filter((part) => part !== "").join(", ");
  pen.text(10, y + 15, fitting(pen, under, width - 14, 10), { ink: "muted", size: 10 });
}

/** The messages in sight, or null if they are too many to be told apart. */
function messagesInSight(model: Model, scale: Scale): Message[] | null {
  const most = Math.floor((scale.right - scale.left) / 2.4);
  if (model.countMessages(scale.from, scale.to) > most) return null;
  const messages = model.messagesBetween(scale.from, scale.to, most + 1);
  return messages.length > most ? null : messages;
}

interface Line {
  readonly x: number;
  readonly y: number;
  readonly endX: number;
  readonly endY: number;
  readonly lost: boolean;
}

/** The lines of a message: one for each of its ends. A lost one ends half-way. */
function linesOf(model: Model, message: Message, scale: Scale, lanes: readonly Rows[]): Line[] {
  const [from, to] = [lanes[message.from], lanes[message.to]];
  if (from === undefined || to === undefined) return [];
  const [x, y] = [xOf(scale, message.sent), from.base];
  if (message.ends.length === 0) {
    const until = Math.min(message.sent + 20_000, model.end);
    const part = (until - message.sent) / 40_000;
    return [{ x, y, endX: xOf(scale, until), endY: y + (to.base - y) * part, lost: false }];
  }
  return message.ends.map(({ at, lost }) =>
    lost
      ? { x, y, endX: xOf(scale, at > message.sent ? at : message.sent + model.halfFlight()), endY: y + (to.base - y) * 0.5, lost }
      : { x, y, endX: xOf(scale, at), endY: to.base, lost },
  );
}

function drawMessages(
  pen: Pen,
  model: Model,
  view: TimelineWindow,
  scale: Scale,
  lanes: readonly Rows[],
  messages: readonly Message[],
): void {
  const sparse = messages.length < (scale.right - scale.left) / 8;
  const selected = view.selected?.what === "message" ? view.selected.id : null;
  const byInk = new Map<Ink, { line: Line; chosen: boolean; known: boolean }[]>();
  for (const message of messages) {
    const ink = sortInk(sortOfMessage(model, message.text));
    let lines = byInk.get(ink);
    if (lines === undefined) byInk.set(ink, (lines = []));
    const [chosen, known] = [message.id === selected, message.ends.length > 0];
    for (const line of linesOf(model, message, scale, lanes)) lines.push({ line, chosen, known });
  }
  // All lines of one ink, and then all of their ends: an SVG file has few elements then.
  for (const [ink, lines] of byInk) {
    const draw = ({ line, chosen }: { line: Line; chosen: boolean }): void => {
      const paint = { stroke: ink, width: chosen ? 3 : sparse ? 1.3 : 0.9, alpha: chosen || sparse ? 1 : 0.5 };
      pen.path([line.x, line.y, line.endX, line.endY], line.lost ? { ...paint, dash: [3, 3] } : paint);
    };
    lines.filter(({ line }) => !line.lost).forEach(draw);
    lines.filter(({ line }) => line.lost).forEach(draw);
    for (const { line, chosen, known } of lines) {
      if (line.lost || !known || !(sparse || chosen)) continue;
      drawArrowHead(pen, line.endX, line.endY, Math.atan2(line.endY - line.y, line.endX - line.x), chosen ? 9 : 6, ink);
    }
  }
  for (const lines of byInk.values()) {
    for (const { line, chosen } of lines) if (line.lost && (sparse || chosen)) drawCross(pen, line.endX, line.endY, 3, "alarm", 1.5);
  }
}

/** What nodes did, in words where there is room, and what came from outside in the strip above them. */
function drawActs(pen: Pen, model: Model, scale: Scale, lanes: readonly Rows[], head: number): void {
  const acts = model.actsBetween(scale.from, scale.to, MOST_LABELS + 1);
  if (acts.length > MOST_LABELS) return drawOutsideMarks(pen, model, scale, head);
  const byLane = new Map<number, Act[]>();
  for (const index of acts) {
    const text = actLabel(model, index);
    if (text === "") continue;
    const lane = model.nodeOf(index);
    const list = byLane.get(lane);
    const act = { x: xOf(scale, model.timeOf(index)), text, routine: model.isRoutine(index) };
    if (list === undefined) byLane.set(lane, [act]);
    else list.push(act);
  }
  for (const [lane, list] of byLane) {
    const rows = lanes[lane];
    const y = rows === undefined ? head - 5 : rows.words;
    for (const { x, routine } of list) {
      if (rows === undefined) pen.path([x - 4, head - STRIP + 4, x + 4, head - STRIP + 4, x, head - 5], { fill: "vote" }, true);
      else if (!routine) pen.circle(x, y === null ? rows.bottom - 3 : y - 3.5, 2, { fill: "ink" });
    }
    if (y !== null) drawWords(pen, scale, list, y);
  }
}

interface Act {
  readonly x: number;
  readonly text: string;
  readonly routine: boolean;
}

/** The words of what happened, each up to the next ones. What happens all the time has words only where there is room. */
function drawWords(pen: Pen, scale: Scale, acts: readonly Act[], y: number): void {
  const endOf = (index: number, end: boolean): number => {
    const next = acts.slice(index + 1).find((act) => end || !act.routine);
    return Math.min(next === undefined ? scale.right : next.x - 4, scale.right);
  };
  let free = -Infinity;
  acts.forEach((act, index) => {
    if (act.x < free) return;
    const room = endOf(index, act.routine) - act.x - 6;
    if (room < (act.routine ? 90 : 40)) return;
    const shown = fitting(pen, act.text, room, 10);
    if (shown.length < 3) return;
    if (act.routine) pen.circle(act.x, y - 3.5, 1.5, { fill: "muted" });
    pen.text(act.x + 6, y, shown, { ink: act.routine ? "muted" : "ink", size: 10, halo: "paper" });
    free = act.x + 10 + pen.measure(shown, 10);
  });
}

/** In few words what an event was; nothing for what is drawn otherwise. */
function actLabel(model: Model, index: number): string {
  switch (model.kindOf(index)) {
    case "a":
    case "o":
      return model.wordsOf(index);
    case "c": {
      const rate = Number(model.event(index)[3]);
      if (rate === 0 && model.state(model.nodeOf(index), model.timeOf(index) - 1).ppm === 0) return "";
      return `clock ${rate > 0 ? "+" : rate < 0 ? "−" : ""}${Math.abs(rate)} ppm`;
    }
    case "u":
      return model.timeOf(index) > 0 ? "starts" : "";
    case "h":
      return "thaws";
    case "f":
      return "freezes";
    default:
      return "";
  }
}

/** A mark for each pixel in which something came from outside, when there are too many for words. */
function drawOutsideMarks(pen: Pen, model: Model, scale: Scale, head: number): void {
  let seen = model.outsideTimes.countBefore(scale.from);
  for (let x = scale.left; x < scale.right; x += 4) {
    const until = model.outsideTimes.countUpTo(timeOf(scale, x + 4), seen);
    if (until > seen) pen.path([x - 2, head - STRIP + 5, x + 4, head - STRIP + 5, x + 1, head - 6], { fill: "vote" }, true);
    seen = until;
  }
}

function drawViolation(pen: Pen, model: Model, view: TimelineWindow, scale: Scale): void {
  const { violation } = model;
  if (violation === null || violation.at < scale.from || violation.at > scale.to) return;
  const x = xOf(scale, violation.at);
  pen.path([x, headOf(view) - STRIP, x, view.height - FOOT], { stroke: "alarm", width: 2.5 });
  const text = fitting(pen, `! ${violation.text}`, Math.max(scale.right - x, x - scale.left) - 12, 11, true);
  const toLeft = pen.measure(text, 11, true) > scale.right - x - 8;
  pen.text(toLeft ? x - 6 : x + 6, headOf(view) - 5, text, { ink: "alarm", size: 11, bold: true, align: toLeft ? "end" : "start", halo: "paper" });
}

function drawAxis(pen: Pen, model: Model, view: TimelineWindow, scale: Scale): void {
  const top = view.title === true ? TITLE : 0;
  if (top > 0) pen.text(10, 16, fitting(pen, model.title, view.width - 20, 13, true), { ink: "ink", size: 13, bold: true });
  const step = tickStep(scale, 90);
  const atX = xOf(scale, view.at);
  const inSight = view.playhead !== false && atX >= scale.left - 0.5 && atX <= scale.right + 0.5;
  const own = clockTime(view.at, Math.max(1, Math.min(step / 10, 1_000)));
  const half = pen.measure(own, 11, true) / 2 + 6;
  const middle = Math.min(Math.max(atX, scale.left + half), scale.right - half);
  for (const at of ticks(scale, step)) {
    const text = clockTime(at, step);
    const width = pen.measure(text, 10) / 2;
    const x = Math.min(Math.max(xOf(scale, at), scale.left + width), scale.right - width);
    if (inSight && Math.abs(x - middle) < half + width + 3) continue;
    pen.text(x, top + 15, text, { ink: "muted", size: 10, align: "middle" });
  }
  if (!inSight) return;
  pen.rect(atX - 0.75, top + AXIS - 3, 1.5, view.height - FOOT - top - AXIS + 3, { fill: "cursor" });
  pen.rect(middle - half, top + 2, 2 * half, AXIS - 5, { fill: "cursor" }, 4);
  pen.text(middle, top + 15, own, { ink: "paper", size: 11, bold: true, align: "middle" });
}

/** What is at a place: a message, else a node's name, else a moment, which snaps to what the node did. */
export function hitTimeline(model: Model, view: TimelineWindow, x: number, y: number): Selection | null {
  const scale = scaleOf(view);
  const lanes = model.lanes.map((_, index) => rowsOfLane(view, model.nodes.length, index));
  const lane = lanes.findIndex((rows) => y >= rows.top && y < rows.bottom);
  if (x < scale.left) return lane < 0 ? null : { what: "node", node: lane };
  if (x > view.width || y < 0 || y > view.height) return null;
  const at = Math.round(timeAt(view, x));
  const node = lane < 0 ? null : lane;
  const near = perPixel(scale) * NEAR;
  const act = nearestAct(model, at, near, node ?? -1);
  const rows = node === null ? undefined : lanes[node];
  if (act !== null && (rows === undefined || (rows.words !== null && Math.abs(y - rows.words + 4) < 8))) {
    return { what: "moment", at: act, node };
  }
  let nearest = NEAR;
  let found: number | null = null;
  for (const message of messagesInSight(model, scale) ?? []) {
    for (const line of linesOf(model, message, scale, lanes)) {
      const distance = distanceTo(line, x, y);
      if (distance < nearest) [nearest, found] = [distance, message.id];
    }
  }
  if (found !== null) return { what: "message", id: found };
  return { what: "moment", at: act ?? at, node };
}

function nearestAct(model: Model, at: number, near: number, node: number): number | null {
  let found: number | null = null;
  for (const index of model.actsBetween(at - near, at + near, 200)) {
    if (model.nodeOf(index) !== node) continue;
    const time = model.timeOf(index);
    if (found === null || Math.abs(time - at) < Math.abs(found - at)) found = time;
  }
  return found;
}

function distanceTo(line: Line, x: number, y: number): number {
  const [dx, dy] = [line.endX - line.x, line.endY - line.y];
  const length = dx * dx + dy * dy;
  const part = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - line.x) * dx + (y - line.y) * dy) / length));
  return Math.hypot(x - line.x - part * dx, y - line.y - part * dy);
}
