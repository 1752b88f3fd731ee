// The group at one instant: a ring of nodes, what they have promised, and the messages on their way.

import { roleInk, textOn, type Ink, type Theme } from "./colours.ts";
import { fitting, type Pen } from "./drawing.ts";
import { drawArrowHead, drawCross, drawMessage, sortInk, sortOfMessage } from "./glyphs.ts";
import type { Message, Model, NodeState } from "./model.ts";
import type { Selection } from "./selection.ts";
import { duration, shortTerm } from "./words.ts";

export interface RingLayout {
  readonly width: number;
  readonly height: number;
  readonly theme: Theme;
  readonly selected: Selection | null;
  /** Whether nothing may move by itself. All that moves here is time, so that nothing depends on it. */
  readonly still: boolean;
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly angle: number;
}

interface Ring {
  readonly places: readonly Place[];
  readonly x: number;
  readonly y: number;
  /** The radius of the ring, and that of a node. */
  readonly radius: number;
  readonly node: number;
}

const TOP = -Math.PI / 2;
/** A finger hits what is so near. */
const FINGER = 22;

function ringOf(count: number, layout: RingLayout): Ring {
  const { width, height } = layout;
  // Beside the ring there is room for names.
  const half = Math.min(width / 2 - Math.min(72, width * 0.14), height / 2 - Math.min(46, height * 0.15));
  // Nodes are as large as their neighbours let them be.
  const share = Math.sin(Math.PI / Math.max(2, count));
  const node = Math.max(7, Math.min(34, half * 0.26, (half * share) / (1.75 + share)));
  const radius = count === 1 ? 0 : Math.max(10, half - node);
  const [x, y] = [layout.width / 2, layout.height / 2];
  const places = Array.from({ length: count }, (_, index) => {
    const angle = TOP + (2 * Math.PI * index) / Math.max(1, count);
    return { x: x + radius * Math.cos(angle), y: y + radius * Math.sin(angle), angle };
  });
  return { places, x, y, radius, node };
}

export function drawRing(pen: Pen, model: Model, at: number, layout: RingLayout): void {
  pen.use(layout.theme);
  const ring = ringOf(model.nodes.length, layout);
  const states = model.nodes.map((_, node) => model.state(node, at));
  drawLinks(pen, model, at, ring, states, layout);
  drawCentre(pen, model, at, ring, states);
  const flights = flightsOf(model, at, ring);
  const selected = layout.selected?.what === "message" ? layout.selected.id : null;
  for (const flight of flights) if (flight.message.id === selected) drawWay(pen, model, ring, flight);
  ring.places.forEach((place, node) => {
    const chosen = layout.selected?.what === "node" && layout.selected.node === node;
    drawNode(pen, model, at, ring, place, node, states[node] as NodeState, chosen, layout);
  });
  const size = Math.max(3.2, Math.min(5.5, ring.node * 0.24));
  for (const flight of flights) {
    const sort = sortOfMessage(model, flight.message.text);
    const chosen = flight.message.id === selected;
    if (chosen) pen.circle(flight.x, flight.y, size + 6, { stroke: "cursor", width: 2 });
    drawMessage(pen, flight.x, flight.y, flight.angle, chosen ? size * 1.3 : size, sort);
  }
}

/** What is at a place: nodes before messages before links. */
export function hitRing(model: Model, at: number, layout: RingLayout, x: number, y: number): Selection | null {
  const ring = ringOf(model.nodes.length, layout);
  const distances = ring.places.map((place) => Math.hypot(place.x - x, place.y - y));
  const nearest = distances.reduce((best, distance, node) => (distance < (distances[best] ?? Infinity) ? node : best), 0);
  if ((distances[nearest] ?? Infinity) <= ring.node + 2) return { what: "node", node: nearest };
  let found: Flight | null = null;
  let near = FINGER / 2 + 3;
  for (const flight of flightsOf(model, at, ring)) {
    const distance = Math.hypot(flight.x - x, flight.y - y);
    if (distance < near) [near, found] = [distance, flight];
  }
  if (found !== null) return { what: "message", id: found.message.id };
  if ((distances[nearest] ?? Infinity) <= Math.max(FINGER, ring.node + 8)) return { what: "node", node: nearest };
  let link: Selection | null = null;
  let closest = 8;
  ring.places.forEach((a, from) => {
    ring.places.forEach((b, to) => {
      if (from >= to) return;
      const distance = distanceTo(a, b, x, y);
      if (distance >= closest) return;
      // Of the two directions, the one whose end is nearer.
      const forward = Math.hypot(b.x - x, b.y - y) <= Math.hypot(a.x - x, a.y - y);
      closest = distance;
      link = forward ? { what: "link", from, to } : { what: "link", from: to, to: from };
    });
  });
  return link;
}

interface Flight {
  readonly message: Message;
  readonly x: number;
  readonly y: number;
  readonly angle: number;
}

/** Where the messages in flight are. Both directions of a link keep to their right, so that they do not meet. */
function flightsOf(model: Model, at: number, ring: Ring): Flight[] {
  const flights: Flight[] = [];
  for (const message of model.inFlight(at)) {
    const [from, to] = [ring.places[message.from], ring.places[message.to]];
    if (from === undefined || to === undefined || message.from === message.to) continue;
    const angle = Math.atan2(to.y - from.y, to.x - from.x);
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const aside = Math.min(6, ring.node * 0.25);
    const length = Math.hypot(to.x - from.x, to.y - from.y);
    const add = (part: number): void => {
      const way = ring.node + Math.max(0, length - 2 * ring.node) * part;
      flights.push({ message, x: from.x + way * cos - aside * sin, y: from.y + way * sin + aside * cos, angle });
    };
    if (message.ends.length === 0) add(0);
    for (const end of message.ends) {
      const until = end.lost && end.at === message.sent ? message.sent + model.halfFlight() : end.at;
      if (until <= at) continue;
      const part = (at - message.sent) / Math.max(1, until - message.sent);
      add(end.lost ? part / 2 : part);
    }
  }
  return flights;
}

function drawWay(pen: Pen, model: Model, ring: Ring, flight: Flight): void {
  const [from, to] = [ring.places[flight.message.from], ring.places[flight.message.to]];
  if (from === undefined || to === undefined) return;
  const ink = sortInk(sortOfMessage(model, flight.message.text));
  const [cos, sin] = [Math.cos(flight.angle), Math.sin(flight.angle)];
  const edge = ring.node + 4;
  const [x, y] = [to.x - edge * cos, to.y - edge * sin];
  pen.path([from.x + edge * cos, from.y + edge * sin, x, y], { stroke: ink, width: 2, alpha: 0.6 });
  drawArrowHead(pen, x, y, flight.angle, 10, ink);
}

function drawLinks(pen: Pen, model: Model, at: number, ring: Ring, states: readonly NodeState[], layout: RingLayout): void {
  const isThere = (node: number): boolean => states[node]?.phase !== "unstarted";
  const cuts = new Map<string, boolean>();
  for (const { from, to } of model.linksDown(at)) cuts.set(`${from} ${to}`, true);
  const isCut = (from: number, to: number): boolean => cuts.has(`${from} ${to}`);
  const many = cuts.size > 60;
  ring.places.forEach((a, from) => {
    ring.places.forEach((b, to) => {
      if (from >= to || !isThere(from) || !isThere(to)) return;
      const [there, back] = [isCut(from, to), isCut(to, from)];
      if (!there && !back) {
        if (model.nodes.length <= 9) pen.path(edgeOf(a, b, ring.node + 3), { stroke: "faint" });
        return;
      }
      if (many) {
        pen.path(edgeOf(a, b, ring.node + 3), { stroke: "alarm", width: 0.8, dash: [1, 5] });
        return;
      }
      const [first, last] = there && back ? [a, b] : there ? [a, b] : [b, a];
      pen.path(edgeOf(first, last, ring.node + 3), { stroke: "alarm", width: 1.3, dash: [4, 4] });
      const both = there && back;
      // One direction alone is cut before its end, and has the head of an arrow.
      const part = both ? 0.5 : 0.72;
      const [x, y] = [first.x + (last.x - first.x) * part, first.y + (last.y - first.y) * part];
      const size = Math.min(6, ring.node * 0.3);
      if (!both) {
        const angle = Math.atan2(last.y - first.y, last.x - first.x);
        drawArrowHead(pen, x - 9 * Math.cos(angle), y - 9 * Math.sin(angle), angle, 9, "alarm");
      }
      drawCross(pen, x, y, size, "alarm", 2.4);
    });
  });
  const chosen = layout.selected;
  if (chosen?.what !== "link") return;
  const [a, b] = [ring.places[chosen.from], ring.places[chosen.to]];
  if (a === undefined || b === undefined) return;
  const edge = edgeOf(a, b, ring.node + 4);
  pen.path(edge, { stroke: "cursor", width: 2 });
  drawArrowHead(pen, edge[2] ?? 0, edge[3] ?? 0, Math.atan2(b.y - a.y, b.x - a.x), 10, "cursor");
}

/** The line between two nodes without what is inside of them. */
function edgeOf(a: Place, b: Place, inside: number): number[] {
  const length = Math.max(1, Math.hypot(b.x - a.x, b.y - a.y));
  const [dx, dy] = [((b.x - a.x) / length) * inside, ((b.y - a.y) / length) * inside];
  return [a.x + dx, a.y + dy, b.x - dx, b.y - dy];
}

function drawNode(
  pen: Pen,
  model: Model,
  at: number,
  ring: Ring,
  place: Place,
  node: number,
  state: NodeState,
  chosen: boolean,
  layout: RingLayout,
): void {
  const { x, y } = place;
  const r = ring.node;
  const isUp = state.phase === "up" || state.phase === "frozen";
  if (chosen) pen.circle(x, y, r + 11, { fill: "selected", stroke: "cursor", width: 1.5 });
  pen.circle(x, y, r, { fill: "paper" });
  if (isUp) drawBody(pen, x, y, r, state);
  else if (state.phase === "unstarted") pen.circle(x, y, r, { stroke: "faint", width: 1.5, dash: [2, 4] });
  else {
    pen.circle(x, y, r, { stroke: "down", width: 1.8, dash: [5, 4] });
    drawCross(pen, x, y, r * 0.36, "alarm", Math.max(2, r * 0.1));
    if (state.phase === "lost") pen.rect(x - r * 0.56, y - r * 0.56, r * 1.12, r * 1.12, { stroke: "alarm", width: 1.8 });
  }
  if (isUp) drawPromise(pen, model, at, x, y, r, state);
  if (isUp && state.leaseEnds !== null && state.leaseEnds > at) {
    const part = Math.min(1, (state.leaseEnds - at) / model.promiseScale());
    pen.arc(x, y, r + 10, TOP, TOP + part * 2 * Math.PI, { stroke: "lease", width: 3.5 });
  }
  if (state.writingSince !== null) drawDisk(pen, x + r * 0.78, y + r * 0.78, Math.max(4, r * 0.24));
  drawLabel(pen, model, ring, place, node, state, layout);
}

function drawBody(pen: Pen, x: number, y: number, r: number, state: NodeState): void {
  const frozen = state.phase === "frozen";
  pen.circle(x, y, r, { fill: frozen ? "frozen" : roleInk(state.role) });
  if (state.role === "R") pen.circle(x, y, r - 3, { stroke: "paper", width: 1.5, dash: [3, 3] });
  if (state.role === "L" && !frozen) pen.circle(x, y, r - 3, { stroke: "onDark", width: 1.2 });
  const ink: Ink = frozen ? "ink" : textOn(state.role);
  const withTerm = r >= 20;
  const size = withTerm ? r * 0.78 : r * 1.05;
  pen.text(x, y + (withTerm ? r * 0.06 : size * 0.36), state.role, { ink, size, bold: true, align: "middle" });
  if (withTerm) pen.text(x, y + r * 0.58, shortTerm(state.term), { ink, size: Math.max(9, r * 0.38), align: "middle" });
  if (!frozen) return;
  // The sign of a pause.
  const [bar, high] = [Math.max(2, r * 0.12), r * 0.5];
  pen.rect(x - r * 0.98, y - r * 0.98, bar, high, { fill: "ink" });
  pen.rect(x - r * 0.98 + bar * 1.8, y - r * 0.98, bar, high, { fill: "ink" });
}

/** The promise runs out clockwise, and ends in the mark of the node that it is to. */
function drawPromise(pen: Pen, model: Model, at: number, x: number, y: number, r: number, state: NodeState): void {
  const { promise } = state;
  if (promise === null || promise.ends <= at) return;
  const part = Math.min(1, (promise.ends - at) / model.promiseScale());
  const end = TOP + part * 2 * Math.PI;
  const forgotten = promise.holder === null;
  const away = r + 5;
  const width = Math.max(2.5, Math.min(4.5, r * 0.16));
  pen.arc(x, y, away, TOP, end, forgotten ? { stroke: "recovering", width, dash: [3, 2] } : { stroke: "promiseEdge", width });
  const mark = forgotten ? "?" : (model.nodes[promise.holder ?? 0] ?? "");
  const [mx, my] = [x + away * Math.cos(end), y + away * Math.sin(end)];
  if (r < 15) return;
  const size = Math.max(8, Math.min(10, r * 0.36));
  const text = mark.length <= 3 ? mark : mark.slice(-2);
  pen.circle(mx, my, size * 0.82, { fill: "paper", stroke: forgotten ? "recovering" : "promiseEdge", width: 1.5 });
  pen.text(mx, my + size * 0.34, text, { ink: "ink", size: text.length > 2 ? size * 0.72 : size, bold: true, align: "middle" });
}

/** A disk that is being written. */
function drawDisk(pen: Pen, x: number, y: number, size: number): void {
  pen.rect(x - size, y - size * 0.8, size * 2, size * 1.6, { fill: "paper", stroke: "ink", width: 1.3 }, size * 0.5);
  pen.path([x - size, y - size * 0.1, x + size, y - size * 0.1], { stroke: "ink", width: 1.3 });
}

/** The name, outside of the ring, and below it what else there is to say. */
function drawLabel(pen: Pen, model: Model, ring: Ring, place: Place, node: number, state: NodeState, layout: RingLayout): void {
  const [cos, sin] = [Math.cos(place.angle), Math.sin(place.angle)];
  const size = ring.node >= 17 ? 13 : ring.node >= 11 ? 11 : 9;
  const away = ring.node + 15 + size * 0.3;
  const [x, y] = [place.x + away * cos, place.y + away * sin];
  const align = cos > 0.2 ? "start" : cos < -0.2 ? "end" : "middle";
  const room = align === "start" ? layout.width - x - 4 : align === "end" ? x - 4 : layout.width / 2;
  const faint = state.phase === "unstarted";
  const all = notesOf(state, node);
  const whole = all.join(", ");
  const fits = pen.measure(whole, 10) <= room;
  if (!fits && whole !== "" && ring.places.length <= 5) {
    // Beside the ring there is no room: then below the node.
    pen.text(place.x, place.y + ring.node + 22, whole, { ink: "muted", size: 10, align: "middle", halo: "paper" });
    all.length = 0;
  }
  const notes = fits ? whole : (all.find((note) => pen.measure(note, 10) <= room) ?? "");
  const withNotes = notes !== "" && ring.node >= 11;
  const shift = withNotes ? (sin < -0.5 ? -size * 0.9 : sin > 0.5 ? size * 0.2 : -size * 0.35) : 0;
  const middle = y + size * 0.36 + shift;
  pen.text(x, middle, fitting(pen, model.nodes[node] ?? "", room, size, true), { ink: faint ? "muted" : "ink", size, bold: true, align });
  if (withNotes) pen.text(x, middle + size, fitting(pen, notes, room, 10), { ink: "muted", size: 10, align });
}

/** What else there is to say, the most important first. */
function notesOf(state: NodeState, node: number): string[] {
  const notes: string[] = [];
  if (state.phase === "unstarted") return ["not started"];
  if (state.phase === "lost") notes.push("disk lost");
  if (state.phase === "frozen") notes.push("frozen");
  if (state.phase === "down") notes.push("down");
  const members = state.membership;
  const votes = members === null || members.v.includes(node);
  if (!votes) notes.push(members.l.includes(node) ? "learner" : "no member");
  if (state.phase === "up" && state.rank === 0 && votes) notes.push("next in line");
  if (state.ppm !== 0) notes.push(`${state.ppm > 0 ? "+" : "−"}${Math.abs(state.ppm)} ppm`);
  return notes;
}

/** In the middle, the lease as what the promises of a quorum give: bars of what each other voter still owes to the leader,
 * the longest first, dark as many as a quorum needs besides the leader. */
function drawCentre(pen: Pen, model: Model, at: number, ring: Ring, states: readonly NodeState[]): void {
  const inner = ring.radius - ring.node - 22;
  if (inner < 40) return;
  const holders = states.flatMap((state, node) =>
    (state.phase === "up" || state.phase === "frozen") && (state.leaseEnds ?? 0) > at ? [node] : [],
  );
  const [leader, rival] = holders;
  if (leader === undefined) {
    pen.text(ring.x, ring.y + 4, "no lease", { ink: "muted", size: 12, align: "middle", halo: "paper" });
    return;
  }
  if (rival !== undefined) {
    const names = holders.map((node) => model.nodes[node] ?? "").join(" and ");
    pen.text(ring.x, ring.y - 4, `${holders.length} leases at once`, { ink: "alarm", size: 14, bold: true, align: "middle", halo: "paper" });
    pen.text(ring.x, ring.y + 14, fitting(pen, names, inner * 2, 12), { ink: "alarm", size: 12, align: "middle", halo: "paper" });
    return;
  }
  const state = states[leader] as NodeState;
  const voters = state.membership?.v ?? model.nodes.map((_, node) => node);
  const quorum = state.membership?.q ?? Math.floor(voters.length / 2) + 1;
  const left = (state.leaseEnds ?? at) - at;
  // The leader counts on itself for as long as on the longest of its rounds, which is no shorter than the lease.
  const counted = voters.includes(leader) ? quorum - 1 : quorum;
  const owed = voters
    .filter((node) => node !== leader)
    .map((node) => {
      const promise = states[node]?.promise;
      return { node, left: promise?.holder === leader ? Math.max(0, promise.ends - at) : 0 };
    })
    .sort((a, b) => b.left - a.left);
  const row = Math.min(13, Math.max(3, (inner * 1.05) / Math.max(1, owed.length)));
  const named = row >= 9;
  const names = named ? 8 + Math.min(34, Math.max(...owed.map(({ node }) => pen.measure(model.nodes[node] ?? "", 9)))) : 0;
  const width = Math.min(190, inner * 1.25) - names;
  const longest = Math.max(left, ...owed.map((one) => one.left), model.promiseScale());
  const [x, top] = [ring.x - (width + names) / 2 + names, ring.y - (owed.length * row) / 2 + 6];
  const across = (length: number): number => (length / longest) * width;
  pen.rect(x - names - 10, top - 24, width + names + 20, owed.length * row + 46, { fill: "paper", alpha: 0.88 }, 6);
  const title = fitting(pen, `lease: ${duration(left)}`, inner * 2, 11, true);
  pen.text(ring.x, top - 10, title, { ink: "lease", size: 11, bold: true, align: "middle" });
  owed.forEach((one, index) => {
    const y = top + index * row;
    if (named) pen.text(x - 5, y + row - 3, fitting(pen, model.nodes[one.node] ?? "", 34, 9), { ink: "muted", size: 9, align: "end" });
    const gap = row > 5 ? 3 : 1;
    if (one.left > 0) {
      pen.rect(x, y, Math.max(1, across(one.left)), row - gap, { fill: index < counted ? "promiseEdge" : "promise" });
    } else pen.rect(x, y, 2, row - gap, { fill: "faint" });
  });
  const end = x + across(left);
  pen.path([end, top - 4, end, top + owed.length * row + 1], { stroke: "lease", width: 2 });
  const away = top + owed.length * row + 13 - ring.y;
  const chord = 2 * Math.sqrt(Math.max(0, (inner + 12) ** 2 - away ** 2));
  const note = owed.length === 0 ? "alone in its group" : `${counted} of ${owed.length} needed`;
  pen.text(ring.x, top + owed.length * row + 13, fitting(pen, note, chord, 10), { ink: "muted", size: 10, align: "middle" });
}

function distanceTo(a: Place, b: Place, x: number, y: number): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = dx * dx + dy * dy;
  const part = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - a.x) * dx + (y - a.y) * dy) / length));
  return Math.hypot(x - a.x - part * dx, y - a.y - part * dy);
}
