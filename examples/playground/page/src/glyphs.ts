// Small signs that both views share: the shape of each kind of message, crosses and arrows.

import type { Ink } from "./colours.ts";
import type { Model } from "./model.ts";
import type { Pen } from "./drawing.ts";

/** What a message is, by its words. Requests are full, replies are hollow, and each kind has a shape of its own. */
export type Kind = "heartbeat" | "heartbeat reply" | "pre-vote" | "pre-vote reply" | "vote" | "vote reply" | "other";

export interface Sort {
  readonly kind: Kind;
  /** Whether it says no. */
  readonly denied: boolean;
}

const SORTS = new Map<string, Sort>();

/** The sort of a message by its words; digits do not matter. */
export function sortOf(words: string): Sort {
  const known = SORTS.get(words);
  if (known !== undefined) return known;
  const text = words.toLowerCase();
  const reply = /\breply\b/.test(text);
  const of = (kind: "heartbeat" | "pre-vote" | "vote"): Kind => (reply ? `${kind} reply` : kind);
  const kind: Kind = text.includes("heartbeat")
    ? of("heartbeat")
    : text.startsWith("pre-vote")
      ? of("pre-vote")
      : text.startsWith("vote")
        ? of("vote")
        : "other";
  const sort = { kind, denied: /\bdenied\b/.test(text) };
  if (SORTS.size > 10_000) SORTS.clear();
  SORTS.set(words, sort);
  return sort;
}

/** The template says which sort a message is of: its numbers are not needed. */
export const sortOfMessage = (model: Model, text: number): Sort => sortOf(model.words(text, []));

export function sortInk(sort: Sort): Ink {
  if (sort.denied) return "denied";
  if (sort.kind === "heartbeat") return "request";
  if (sort.kind === "heartbeat reply") return "reply";
  return sort.kind === "other" ? "muted" : "vote";
}

/** Draws the shape of a message, pointing where it goes. */
export function drawMessage(pen: Pen, x: number, y: number, angle: number, size: number, sort: Sort): void {
  const ink = sortInk(sort);
  const hollow = sort.kind.endsWith("reply");
  const paint = hollow ? ({ fill: "paper", stroke: ink, width: 1.8 } as const) : ({ fill: ink } as const);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const at = (...points: number[]): number[] => {
    const turned: number[] = [];
    for (let index = 0; index + 1 < points.length; index += 2) {
      const [along, across] = [(points[index] ?? 0) * size, (points[index + 1] ?? 0) * size];
      turned.push(x + along * cos - across * sin, y + along * sin + across * cos);
    }
    return turned;
  };
  switch (sort.kind) {
    case "heartbeat":
    case "heartbeat reply":
      pen.circle(x, y, hollow ? size * 0.8 : size * 0.9, paint);
      break;
    case "pre-vote":
    case "pre-vote reply":
      pen.path(at(1.2, 0, 0, 1, -1.2, 0, 0, -1), paint, true);
      break;
    case "vote":
    case "vote reply":
      pen.path(at(1.3, 0, -0.9, 1.05, -0.9, -1.05), paint, true);
      break;
    default:
      pen.path(at(0.85, 0.85, -0.85, 0.85, -0.85, -0.85, 0.85, -0.85), paint, true);
  }
  if (sort.denied) pen.path(at(-1.1, -1.1, 1.1, 1.1), { stroke: ink, width: 1.6 });
}

export function drawCross(pen: Pen, x: number, y: number, size: number, ink: Ink, width = 2): void {
  pen.path([x - size, y - size, x + size, y + size], { stroke: ink, width });
  pen.path([x - size, y + size, x + size, y - size], { stroke: ink, width });
}

/** The head of an arrow whose tip is at a point. */
export function drawArrowHead(pen: Pen, x: number, y: number, angle: number, size: number, ink: Ink, alpha?: number): void {
  const wing = (turn: number): [number, number] => [x - size * Math.cos(angle + turn), y - size * Math.sin(angle + turn)];
  const paint = alpha === undefined ? { fill: ink } : { fill: ink, alpha };
  pen.path([x, y, ...wing(0.42), ...wing(-0.42)], paint, true);
}
