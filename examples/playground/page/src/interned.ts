/** Values that are kept once each, and found by their index. */
export class Interned<T> {
  private readonly values: T[] = [];
  private readonly indices = new Map<string, number>();

  /** The index of the value with this key, which is added if there is none. */
  add(key: string, value: T): number {
    let index = this.indices.get(key);
    if (index === undefined) {
      index = this.values.length;
      this.values.push(value);
      this.indices.set(key, index);
    }
    return index;
  }

  at(index: number): T | undefined {
    return this.values[index];
  }
}
