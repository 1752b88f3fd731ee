// What was said and done, as templates with numbers: a run of a million events has a few hundred texts.

import { isNumber, isShortText, LONGEST_TEXT, MOST_NUMBERS, MOST_TEXTS } from "./checks.ts";
import { bytes, floats, integers, type Column } from "./columns.ts";
import { Interned } from "./interned.ts";

export class Phrases {
  private readonly texts: string[] = [];
  /** In each text, which number is the rank that a heartbeat tells; -1 if none is. */
  private readonly rankPlaces: number[] = [];
  /** How often nodes acted in the words of each text, and in all. */
  private readonly actCounts: number[] = [];
  private actCount = 0;
  // A row for each phrase: its text, where its numbers begin, how many they are, and the rules that acted.
  private readonly textIndices: Column<Int32Array> = integers();
  private readonly starts: Column<Int32Array> = integers();
  private readonly counts: Column<Uint8Array> = bytes();
  private readonly rules: Column<Int32Array> = integers();
  private readonly numbers: Column<Float64Array> = floats();
  private readonly ruleLists = new Interned<readonly string[]>();

  constructor() {
    this.ruleLists.add("", []);
  }

  /** Adds templates. Returns what is wrong with them, as a sentence. */
  addTexts(texts: unknown): string | null {
    if (!Array.isArray(texts) || !texts.every((text) => typeof text === "string" && text.length <= LONGEST_TEXT)) {
      return "The texts of this timeline are no list of texts.";
    }
    if (this.texts.length + texts.length > MOST_TEXTS) return "This timeline has too many different texts.";
    for (const text of texts as string[]) {
      this.texts.push(text);
      const before = /^heartbeat of .*, rank (?=#)/.exec(text);
      this.rankPlaces.push(before === null ? -1 : before[0].split("#").length - 1);
      this.actCounts.push(0);
    }
    return null;
  }

  /** Adds a phrase. Returns its index, or what is wrong with it, as the end of a sentence. */
  add(text: unknown, numbers: unknown, rules?: unknown): number | string {
    if (!isNumber(text) || !Number.isInteger(text) || text < 0 || text >= this.texts.length) return "has a text that there is not";
    if (!Array.isArray(numbers) || numbers.length > MOST_NUMBERS || !numbers.every(isNumber)) return "has numbers that are none";
    let list = 0;
    if (rules !== undefined) {
      if (!Array.isArray(rules) || rules.length > MOST_NUMBERS || !rules.every(isShortText)) return "has rules that are no texts";
      list = this.ruleLists.add(rules.join(" "), rules as string[]);
    }
    this.textIndices.push(text);
    this.starts.push(this.numbers.length);
    this.counts.push(numbers.length);
    this.rules.push(list);
    for (const number of numbers as number[]) this.numbers.push(number);
    return this.textIndices.length - 1;
  }

  textOf(phrase: number): number {
    return this.textIndices.at(phrase);
  }

  numbersOf(phrase: number): number[] {
    const start = this.starts.at(phrase);
    return Array.from({ length: this.counts.at(phrase) }, (_, index) => this.numbers.at(start + index));
  }

  rulesOf(phrase: number): readonly string[] {
    return this.ruleLists.at(this.rules.at(phrase)) ?? [];
  }

  /** The rank that a heartbeat tells to its receiver, or -1. */
  rankOf(phrase: number): number {
    const place = this.rankPlaces[this.textOf(phrase)] ?? -1;
    return place < 0 || place >= this.counts.at(phrase) ? -1 : this.numbers.at(this.starts.at(phrase) + place);
  }

  words(text: number, numbers: readonly number[]): string {
    return fill(this.texts[text] ?? "", numbers);
  }

  countAct(phrase: number): void {
    const text = this.textOf(phrase);
    this.actCounts[text] = (this.actCounts[text] ?? 0) + 1;
    this.actCount += 1;
  }

  /** Whether nodes act in the words of this phrase all the time, as when they renew a promise. */
  isRoutine(phrase: number): boolean {
    const count = this.actCounts[this.textOf(phrase)] ?? 0;
    return count > 20 && count * 20 > this.actCount;
  }
}

/** Puts numbers in the places of a template: each # is the next one. */
export function fill(template: string, numbers: readonly number[]): string {
  let next = 0;
  return template.replace(/#/g, (place) => {
    const number = numbers[next];
    next += 1;
    return number === undefined ? place : String(number);
  });
}
