// A pen that draws on a canvas.

import { palette, type Palette, type Theme } from "./colours.ts";
import { FONT, type Paint, type Pen, type TextPaint } from "./drawing.ts";

const MOST_WIDTHS = 4_000;

export class CanvasPen implements Pen {
  private readonly canvas: HTMLCanvasElement;
  private readonly context: CanvasRenderingContext2D | null;
  private colours: Palette = palette("light");
  private theme: Theme = "light";
  private size = { width: 0, height: 0 };
  private readonly widths = new Map<string, number>();
  /** What was drawn last as a layer, and its key. */
  private kept: { key: string; pen: CanvasPen } | null = null;

  constructor(canvas: HTMLCanvasElement) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
  }

  /** Begins a picture of a size in CSS pixels, on an empty canvas with the resolution of the screen. */
  begin(width: number, height: number): void {
    this.size = { width, height };
    const scale = globalThis.devicePixelRatio || 1;
    const [across, down] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
    if (this.canvas.width !== across || this.canvas.height !== down) {
      this.canvas.width = across;
      this.canvas.height = down;
    }
    this.context?.setTransform(scale, 0, 0, scale, 0, 0);
    this.context?.clearRect(0, 0, width, height);
  }

  use(theme: Theme): void {
    this.theme = theme;
    this.colours = palette(theme);
  }

  rect(x: number, y: number, width: number, height: number, paint: Paint, radius = 0): void {
    const context = this.context;
    if (context === null) return;
    if (radius === 0 && paint.stroke === undefined && paint.fill !== undefined) {
      context.globalAlpha = paint.alpha ?? 1;
      context.fillStyle = this.colours[paint.fill];
      context.fillRect(x, y, width, height);
      return;
    }
    context.beginPath();
    if (radius === 0) context.rect(x, y, width, height);
    else context.roundRect(x, y, width, height, radius);
    this.finish(context, paint);
  }

  bars(boxes: readonly number[], paint: Paint): void {
    const context = this.context;
    if (context === null || paint.fill === undefined) return;
    context.globalAlpha = paint.alpha ?? 1;
    context.fillStyle = this.colours[paint.fill];
    for (let index = 0; index + 3 < boxes.length; index += 4) {
      context.fillRect(boxes[index] ?? 0, boxes[index + 1] ?? 0, boxes[index + 2] ?? 0, boxes[index + 3] ?? 0);
    }
  }

  circle(x: number, y: number, radius: number, paint: Paint): void {
    const context = this.context;
    if (context === null || !(radius > 0)) return;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    this.finish(context, paint);
  }

  path(points: readonly number[], paint: Paint, closed = false): void {
    const context = this.context;
    if (context === null) return;
    context.beginPath();
    for (let index = 0; index + 1 < points.length; index += 2) {
      const [x, y] = [points[index] ?? 0, points[index + 1] ?? 0];
      if (index === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
    }
    if (closed) context.closePath();
    this.finish(context, paint);
  }

  arc(x: number, y: number, radius: number, from: number, to: number, paint: Paint): void {
    const context = this.context;
    if (context === null || !(radius > 0)) return;
    context.beginPath();
    context.arc(x, y, radius, from, to);
    this.finish(context, paint);
  }

  text(x: number, y: number, text: string, paint: TextPaint): void {
    const context = this.context;
    if (context === null) return;
    context.font = fontOf(paint.size, paint.bold);
    context.textAlign = paint.align === "middle" ? "center" : (paint.align ?? "start");
    context.globalAlpha = paint.alpha ?? 1;
    if (paint.halo !== undefined) {
      context.lineJoin = "round";
      context.lineWidth = 3;
      context.strokeStyle = this.colours[paint.halo];
      context.setLineDash([]);
      context.strokeText(text, x, y);
    }
    context.fillStyle = this.colours[paint.ink];
    context.fillText(text, x, y);
  }

  measure(text: string, size: number, bold = false): number {
    const font = fontOf(size, bold);
    const key = `${font} ${text}`;
    let width = this.widths.get(key);
    if (width === undefined) {
      if (this.context === null) return 0;
      this.context.font = font;
      width = this.context.measureText(text).width;
      if (this.widths.size >= MOST_WIDTHS) this.widths.clear();
      this.widths.set(key, width);
    }
    return width;
  }

  clip(x: number, y: number, width: number, height: number): void {
    this.context?.save();
    this.context?.beginPath();
    this.context?.rect(x, y, width, height);
    this.context?.clip();
  }

  unclip(): void {
    this.context?.restore();
  }

  layer(key: string, draw: (pen: Pen) => void): void {
    const context = this.context;
    if (context === null) return;
    const { width, height } = this.size;
    const whole = `${key} ${this.theme} ${width} ${height} ${this.canvas.width}`;
    if (this.kept === null) this.kept = { key: "", pen: new CanvasPen(this.canvas.ownerDocument.createElement("canvas")) };
    const { pen } = this.kept;
    if (this.kept.key !== whole) {
      pen.begin(width, height);
      pen.use(this.theme);
      draw(pen);
      this.kept.key = whole;
    }
    context.globalAlpha = 1;
    context.drawImage(pen.canvas, 0, 0, width, height);
  }

  private finish(context: CanvasRenderingContext2D, paint: Paint): void {
    context.globalAlpha = paint.alpha ?? 1;
    if (paint.fill !== undefined) {
      context.fillStyle = this.colours[paint.fill];
      context.fill();
    }
    if (paint.stroke !== undefined) {
      context.strokeStyle = this.colours[paint.stroke];
      context.lineWidth = paint.width ?? 1;
      context.setLineDash(paint.dash as number[] | undefined ?? []);
      context.stroke();
    }
  }
}

const fontOf = (size: number, bold = false): string => `${bold ? "600 " : ""}${size}px ${FONT}`;
