// What a view needs to draw: a pen. The same view draws on a canvas and into an SVG file.

import type { Ink, Theme } from "./colours.ts";

/** How a shape looks. Inks are names: the pen knows which colour each has in the theme at hand. */
export interface Paint {
  readonly fill?: Ink;
  readonly stroke?: Ink;
  /** The width of the stroke, 1 by default. */
  readonly width?: number;
  readonly dash?: readonly number[];
  /** From 0, which is invisible, to 1. */
  readonly alpha?: number;
}

export interface TextPaint {
  readonly ink: Ink;
  readonly size: number;
  readonly bold?: boolean;
  readonly align?: "start" | "middle" | "end";
  /** An edge in this ink keeps the text legible on lines. */
  readonly halo?: Ink;
  readonly alpha?: number;
}

/** Lengths are in CSS pixels, angles in radians clockwise from the right. The y of a text is its baseline. */
export interface Pen {
  use(theme: Theme): void;
  rect(x: number, y: number, width: number, height: number, paint: Paint, radius?: number): void;
  /** Many rectangles `[x, y, width, height, …]` of one paint without a stroke. */
  bars(boxes: readonly number[], paint: Paint): void;
  circle(x: number, y: number, radius: number, paint: Paint): void;
  /** A line through points `[x, y, x, y, …]`, and back to the first one if it is closed. */
  path(points: readonly number[], paint: Paint, closed?: boolean): void;
  arc(x: number, y: number, radius: number, from: number, to: number, paint: Paint): void;
  text(x: number, y: number, text: string, paint: TextPaint): void;
  measure(text: string, size: number, bold?: boolean): number;
  /** All that is drawn until `unclip` shows inside of the rectangle only. Clips are not nested. */
  clip(x: number, y: number, width: number, height: number): void;
  unclip(): void;
  /** Draws what `draw` draws, which is the same as long as the key is: a pen may keep it. */
  layer(key: string, draw: (pen: Pen) => void): void;
}

export const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

/** A text, shortened with an ellipsis to fit into `width`; empty if nothing of it fits. */
export function fitting(pen: Pen, text: string, width: number, size: number, bold = false): string {
  if (width < size * 0.9 && text.length > 1) return "";
  if (pen.measure(text, size, bold) <= width) return text;
  let low = 0;
  let high = Math.min(text.length, Math.ceil(width));
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (pen.measure(`${text.slice(0, middle)}…`, size, bold) <= width) low = middle;
    else high = middle - 1;
  }
  return low === 0 ? "" : `${text.slice(0, low)}…`;
}
