// What a timeline may hold at most, and the checks of its values. Nothing that a file says is trusted.

export const MOST_CHARACTERS = 135_000_000;
export const MOST_EVENTS = 2_500_000;
export const MOST_NODES = 100;
export const MOST_TEXTS = 100_000;
/** The most numbers of a text, rules of an act, and ends of a message. */
export const MOST_NUMBERS = 64;
/** The longest name, in characters, and the longest of any other text. */
export const LONGEST_NAME = 200;
export const LONGEST_TEXT = 20_000;
const LATEST = 2 ** 50;

/** Why a text is not shown, as a sentence for a person. */
export interface Refusal {
  readonly refused: string;
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === "object" && value !== null && typeof (value as Refusal).refused === "string";
}

export const refuse = (refused: string): Refusal => ({ refused });

export type Json = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

export const isTime = (value: unknown): value is number =>
  isNumber(value) && value >= 0 && value <= LATEST && Number.isInteger(value);

export const isShortText = (value: unknown): value is string => typeof value === "string" && value.length <= LONGEST_NAME;

/** A value as a few characters of a sentence. */
export function shortened(value: unknown): string {
  if (typeof value === "object" && value !== null) return "that is no single value";
  const text = typeof value === "string" ? `"${value}"` : String(value);
  return text.length > 30 ? `${text.slice(0, 30)}…` : text;
}
