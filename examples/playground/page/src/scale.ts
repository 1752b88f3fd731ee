// The scale of time: where an instant is on the screen, and which instants the axis names.

export interface Scale {
  /** The instants at the left and the right edge, in microseconds. */
  readonly from: number;
  readonly to: number;
  readonly left: number;
  readonly right: number;
}

export const xOf = (scale: Scale, at: number): number =>
  scale.left + ((at - scale.from) / Math.max(1, scale.to - scale.from)) * (scale.right - scale.left);

export const timeOf = (scale: Scale, x: number): number =>
  scale.from + ((x - scale.left) / Math.max(1, scale.right - scale.left)) * Math.max(1, scale.to - scale.from);

/** How many microseconds a pixel is. */
export const perPixel = (scale: Scale): number => Math.max(1, scale.to - scale.from) / Math.max(1, scale.right - scale.left);

/** The distance of the ticks: 1, 2 or 5 times a power of ten, at least `pixels` apart; of minutes, whole tens. */
export function tickStep(scale: Scale, pixels: number): number {
  const least = Math.max(1, perPixel(scale) * pixels);
  if (least > 30_000_000) {
    for (const minutes of [1, 2, 5, 10, 20, 60, 120, 360, 720, 1_440]) {
      if (minutes * 60_000_000 >= least) return minutes * 60_000_000;
    }
  }
  const power = 10 ** Math.floor(Math.log10(least));
  for (const factor of [1, 2, 5]) if (factor * power >= least) return factor * power;
  return 10 * power;
}

export function ticks(scale: Scale, step: number): number[] {
  const found: number[] = [];
  for (let at = Math.ceil(scale.from / step) * step; at <= scale.to && found.length < 200; at += step) found.push(at);
  return found;
}

/** An instant as seconds since the start, with as many decimals as `step` needs; from two minutes on with minutes. */
export function clockTime(at: number, step: number): string {
  const decimals = Math.min(6, Math.max(0, Math.ceil(6 - Math.log10(Math.max(1, step)) - 1e-9)));
  const sign = at < 0 ? "−" : "";
  const seconds = Math.abs(at) / 1_000_000;
  if (seconds < 120) return `${sign}${seconds.toFixed(decimals)} s`;
  const minutes = Math.floor(seconds / 60 + 1e-9);
  const rest = Math.max(0, seconds - minutes * 60).toFixed(decimals);
  return `${sign}${minutes}:${rest.padStart(decimals === 0 ? 2 : decimals + 3, "0")}`;
}
