// Columns of numbers that grow. A run of a million events is kept in a few of them instead of in a million objects.

type Numbers = Float64Array | Int32Array | Uint8Array;

/** A column of numbers that grows at its end. */
export class Column<A extends Numbers> {
  length = 0;
  private data: A;
  private readonly make: (length: number) => A;

  constructor(make: (length: number) => A) {
    this.make = make;
    this.data = make(16);
  }

  push(value: number): void {
    if (this.length === this.data.length) {
      const larger = this.make(this.data.length * 2);
      larger.set(this.data);
      this.data = larger;
    }
    this.data[this.length] = value;
    this.length += 1;
  }

  /** The number at `index`, or 0 where there is none. */
  at(index: number): number {
    return index < this.length ? (this.data[index] ?? 0) : 0;
  }

  set(index: number, value: number): void {
    if (index >= 0 && index < this.length) this.data[index] = value;
  }

  /** How many numbers of an ascending column are at most `value`. The search begins at `hint`, and is short if the
   * answer is near it. */
  countUpTo(value: number, hint = this.length): number {
    let low = 0;
    let high = this.length;
    let step = 1;
    const start = Math.min(Math.max(hint, 0), this.length);
    if (start < this.length && this.at(start) <= value) {
      low = start + 1;
      while (low + step < this.length && this.at(low + step) <= value) {
        low += step + 1;
        step *= 2;
      }
      high = Math.min(high, low + step);
    } else {
      high = start;
      while (high - step >= 0 && this.at(high - step) > value) {
        high -= step;
        step *= 2;
      }
      low = Math.max(0, high - step);
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle) <= value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** How many numbers of an ascending column are less than `value`. */
  countBefore(value: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export const floats = (): Column<Float64Array> => new Column((length) => new Float64Array(length));
export const integers = (): Column<Int32Array> => new Column((length) => new Int32Array(length));
export const bytes = (): Column<Uint8Array> => new Column((length) => new Uint8Array(length));

const FAN_OUT = 16;

/** Numbers, and the greatest of each sixteen of them, of each sixteen of those, and so on: finds those above a bound
 * without a look at all of them. */
export class Maxima {
  private readonly levels: Column<Float64Array>[] = [floats()];

  get length(): number {
    return this.levels[0]?.length ?? 0;
  }

  at(index: number): number {
    return this.levels[0]?.at(index) ?? 0;
  }

  push(value: number): void {
    this.levels[0]?.push(value);
    this.raise(this.length - 1);
  }

  /** Replaces a number by another one. A lower one is found as if it were the former one: the caller looks again. */
  set(index: number, value: number): void {
    this.levels[0]?.set(index, value);
    this.raise(index);
  }

  private raise(index: number): void {
    const value = this.at(index);
    let at = index;
    for (let level = 1; ; level += 1) {
      const below = this.levels[level - 1];
      if (below === undefined || below.length <= 1) return;
      at = Math.floor(at / FAN_OUT);
      let column = this.levels[level];
      if (column === undefined) {
        column = floats();
        column.push(below.at(0));
        this.levels.push(column);
      }
      if (at === column.length) column.push(value);
      else if (column.at(at) < value) column.set(at, value);
    }
  }

  /** The indices below `end`, ascending, of numbers above `bound`; at most `limit` of them, the last ones. */
  above(bound: number, end: number, limit: number): number[] {
    const found: number[] = [];
    this.collect(this.levels.length - 1, 0, Infinity, bound, end, limit, found);
    return found.reverse();
  }

  private collect(level: number, from: number, to: number, bound: number, end: number, limit: number, found: number[]): void {
    const column = this.levels[level];
    if (column === undefined) return;
    const width = FAN_OUT ** level;
    const last = Math.min(column.length, to, Math.ceil(end / width)) - 1;
    for (let index = last; index >= from && found.length < limit; index -= 1) {
      if (!(column.at(index) > bound)) continue;
      if (level === 0) found.push(index);
      else this.collect(level - 1, index * FAN_OUT, (index + 1) * FAN_OUT, bound, end, limit, found);
    }
  }
}
