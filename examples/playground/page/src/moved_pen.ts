// A pen that draws somewhere else: several views in one picture.

import type { Theme } from "./colours.ts";
import type { Paint, Pen, TextPaint } from "./drawing.ts";

export class MovedPen implements Pen {
  private readonly pen: Pen;
  private readonly dx: number;
  private readonly dy: number;

  constructor(pen: Pen, dx: number, dy: number) {
    this.pen = pen;
    this.dx = dx;
    this.dy = dy;
  }

  use(theme: Theme): void {
    this.pen.use(theme);
  }

  rect(x: number, y: number, width: number, height: number, paint: Paint, radius?: number): void {
    this.pen.rect(x + this.dx, y + this.dy, width, height, paint, radius);
  }

  bars(boxes: readonly number[], paint: Paint): void {
    this.pen.bars(boxes.map((value, index) => value + (index % 4 === 0 ? this.dx : index % 4 === 1 ? this.dy : 0)), paint);
  }

  circle(x: number, y: number, radius: number, paint: Paint): void {
    this.pen.circle(x + this.dx, y + this.dy, radius, paint);
  }

  path(points: readonly number[], paint: Paint, closed?: boolean): void {
    this.pen.path(points.map((value, index) => value + (index % 2 === 0 ? this.dx : this.dy)), paint, closed);
  }

  arc(x: number, y: number, radius: number, from: number, to: number, paint: Paint): void {
    this.pen.arc(x + this.dx, y + this.dy, radius, from, to, paint);
  }

  text(x: number, y: number, text: string, paint: TextPaint): void {
    this.pen.text(x + this.dx, y + this.dy, text, paint);
  }

  measure(text: string, size: number, bold?: boolean): number {
    return this.pen.measure(text, size, bold);
  }

  clip(x: number, y: number, width: number, height: number): void {
    this.pen.clip(x + this.dx, y + this.dy, width, height);
  }

  unclip(): void {
    this.pen.unclip();
  }

  layer(_key: string, draw: (pen: Pen) => void): void {
    draw(this);
  }
}
