// A pen that writes SVG. The file follows the light or dark theme of the reader, has no identifiers that could clash with
// those of another picture on the same page, and no empty lines, so that Markdown takes it as one block.

import { palette, type Ink, type Palette, type Theme } from "./colours.ts";
import { FONT, type Paint, type Pen, type TextPaint } from "./drawing.ts";

export class SvgPen implements Pen {
  private readonly width: number;
  private readonly height: number;
  private readonly lines: string[] = [];
  /** Shapes of one paint become one element. */
  private pending: { style: string; inks: string; data: string } | null = null;
  private readonly inks = new Set<string>();

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
  }

  use(_theme: Theme): void {
    // The reader's theme decides.
  }

  rect(x: number, y: number, width: number, height: number, paint: Paint, radius = 0): void {
    if (radius === 0) {
      this.add(`M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}z`, paint);
      return;
    }
    const r = Math.min(radius, width / 2, height / 2);
    const turn = (dx: number, dy: number): string => `a${short(r)} ${short(r)} 0 0 1 ${short(dx)} ${short(dy)}`;
    const [across, down] = [short(width - 2 * r), short(height - 2 * r)];
    const back = [short(2 * r - width), short(2 * r - height)];
    this.add(
      `M${short(x + r)} ${short(y)}h${across}${turn(r, r)}v${down}${turn(-r, r)}h${back[0]}${turn(-r, -r)}v${back[1]}${turn(r, -r)}z`,
      paint,
    );
  }

  bars(boxes: readonly number[], paint: Paint): void {
    for (let index = 0; index + 3 < boxes.length; index += 4) {
      this.rect(boxes[index] ?? 0, boxes[index + 1] ?? 0, boxes[index + 2] ?? 0, boxes[index + 3] ?? 0, paint);
    }
  }

  circle(x: number, y: number, radius: number, paint: Paint): void {
    const r = short(radius);
    const across = short(2 * radius);
    this.add(`M${short(x - radius)} ${short(y)}a${r} ${r} 0 1 0 ${across} 0a${r} ${r} 0 1 0 -${across} 0z`, paint);
  }

  path(points: readonly number[], paint: Paint, closed = false): void {
    let data = "";
    for (let index = 0; index + 1 < points.length; index += 2) {
      data += `${index === 0 ? "M" : "L"}${short(points[index] ?? 0)} ${short(points[index + 1] ?? 0)}`;
    }
    this.add(closed ? `${data}z` : data, paint);
  }

  arc(x: number, y: number, radius: number, from: number, to: number, paint: Paint): void {
    if (to - from > 2 * Math.PI - 0.02) return this.circle(x, y, radius, paint);
    const end = to;
    const point = (angle: number): string =>
      `${short(x + radius * Math.cos(angle))} ${short(y + radius * Math.sin(angle))}`;
    const large = end - from > Math.PI ? 1 : 0;
    this.add(`M${point(from)}A${short(radius)} ${short(radius)} 0 ${large} 1 ${point(end)}`, paint);
  }

  text(x: number, y: number, text: string, paint: TextPaint): void {
    this.flush();
    const anchor = paint.align === "middle" ? ' text-anchor="middle"' : paint.align === "end" ? ' text-anchor="end"' : "";
    const weight = paint.bold === true ? ' font-weight="600"' : "";
    const alpha = paint.alpha === undefined ? "" : ` opacity="${hundredths(paint.alpha)}"`;
    const halo = paint.halo === undefined ? "" : ` ${this.classOf("h", paint.halo)}`;
    const inks = `class="${this.classOf("f", paint.ink)}${halo}"`;
    this.lines.push(
      `<text x="${short(x)}" y="${short(y)}" font-size="${short(paint.size)}"${anchor}${weight}${alpha} ${inks}>${escaped(text)}</text>`,
    );
  }

  measure(text: string, size: number, bold = false): number {
    let units = 0;
    for (const character of text) units += "iIjl.,:;'|!()[] 1".includes(character) ? 0.36 : "mwMW".includes(character) ? 0.88 : 0.58;
    return units * size * (bold ? 1.06 : 1);
  }

  /** What is drawn inside is an image of its own, which ends at its edges. */
  clip(x: number, y: number, width: number, height: number): void {
    this.flush();
    const box = [x, y, width, height].map(short);
    this.lines.push(`<svg x="${box[0]}" y="${box[1]}" width="${box[2]}" height="${box[3]}" viewBox="${box.join(" ")}">`);
  }

  unclip(): void {
    this.flush();
    this.lines.push("</svg>");
  }

  layer(_key: string, draw: (pen: Pen) => void): void {
    draw(this);
  }

  /** The picture, with a sentence for those who do not see it. */
  picture(label: string): string {
    this.flush();
    const size = `width="${this.width}" height="${this.height}" viewBox="0 0 ${this.width} ${this.height}"`;
    const names = [...new Set([...this.inks].map((name) => name.slice(1) as Ink))].sort();
    const values = (colours: Palette): string => names.map((ink) => `--q-${ink}:${colours[ink]}`).join(";");
    // Viewers that know no variables show the light theme.
    const colour = (ink: Ink): string => `var(--q-${ink},${palette("light")[ink]})`;
    const rules = [...this.inks].sort().map((name) => {
      const ink = name.slice(1) as Ink;
      const [kind, value] = [name.slice(0, 1), colour(ink)];
      const halo = ";stroke-width:3px;stroke-linejoin:round;paint-order:stroke";
      return `.q-${kind}-${ink}{${kind === "f" ? "fill" : "stroke"}:${value}${kind === "h" ? halo : ""}}`;
    });
    const [light, dark] = [values(palette("light")), values(palette("dark"))];
    const root = `xmlns="http://www.w3.org/2000/svg" class="q" ${size} role="img" aria-label="${escaped(label)}"`;
    return [
      `<svg ${root} style="max-width:100%;height:auto" font-family="${FONT}">`,
      "<style>",
      `.q{${light}}`,
      `@media (prefers-color-scheme:dark){.q{${dark}}}`,
      // On the pages of rustdoc, the theme that the reader has chosen there.
      `[data-theme=light] .q{${light}}`,
      `[data-theme=dark] .q,[data-theme=ayu] .q{${dark}}`,
      ...rules,
      "</style>",
      ...this.lines,
      "</svg>",
      "",
    ].join("\n");
  }

  private add(data: string, paint: Paint): void {
    const fill = paint.fill === undefined ? "" : this.classOf("f", paint.fill);
    const stroke = paint.stroke === undefined ? "" : this.classOf("s", paint.stroke);
    const inks = [fill, stroke].filter((name) => name !== "").join(" ");
    let style = paint.fill === undefined ? ' fill="none"' : "";
    if (paint.stroke !== undefined && (paint.width ?? 1) !== 1) style += ` stroke-width="${short(paint.width ?? 1)}"`;
    if (paint.stroke !== undefined && paint.dash !== undefined && paint.dash.length > 0) style += ` stroke-dasharray="${paint.dash.map(short).join(" ")}"`;
    if (paint.alpha !== undefined && paint.alpha !== 1) style += ` opacity="${hundredths(paint.alpha)}"`;
    // Areas with an alpha stay apart, as they would not show through each other.
    const apart = paint.fill !== undefined && (paint.alpha ?? 1) !== 1;
    if (this.pending !== null && this.pending.style === style && this.pending.inks === inks && !apart) {
      this.pending.data += data;
      return;
    }
    this.flush();
    this.pending = { style, inks, data };
  }

  private flush(): void {
    if (this.pending === null) return;
    const { style, inks, data } = this.pending;
    this.lines.push(`<path${style} class="${inks}" d="${data}"/>`);
    this.pending = null;
  }

  private classOf(kind: "f" | "s" | "h", ink: Ink): string {
    this.inks.add(`${kind}${ink}`);
    return `q-${kind}-${ink}`;
  }
}

const hundredths = (value: number): string => String(Math.round(value * 100) / 100);

/** A number with one decimal. */
function short(value: number): string {
  if (!Number.isFinite(value)) return "0";
  const rounded = Math.round(value * 10) / 10;
  return String(Object.is(rounded, -0) ? 0 : rounded);
}

const ESCAPES: { readonly [character: string]: string } = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

// Control characters have no place in XML.
const escaped = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f\ufffe\uffff]/g, " ").replace(/[&<>"]/g, (character) => ESCAPES[character] ?? "");
