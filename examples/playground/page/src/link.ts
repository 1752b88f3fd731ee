// A link holds a whole run: the settings, what was done and when, and the moment that is shown. The engine
// gives the same run again.

import { isDeed, type Deed } from "./deeds.ts";

export interface Link {
  readonly settings: Record<string, unknown>;
  readonly deeds: readonly (readonly [number, Deed])[];
  /** The moment that is shown, in microseconds. */
  readonly at: number;
}

interface Refused {
  readonly refused: string;
}

const VERSION = 1;
/** Longer links are refused before anything is decoded. */
export const LONGEST_LINK = 200_000;
export const MOST_DEEDS = 2_000;
/** One hour of virtual time, in microseconds. */
export const LONGEST_RUN = 3_600_000_000;

/** The link without its `#`. */
export function encodeLink(link: Link): string {
  const text = JSON.stringify({ v: VERSION, settings: link.settings, deeds: link.deeds, at: Math.round(link.at) });
  return base64url(new TextEncoder().encode(text));
}

/** Reads what follows the `#`. */
export function decodeLink(hash: string): Link | Refused {
  if (hash.length > LONGEST_LINK) {
    return { refused: `This link is too long: it has ${hash.length} characters, and the page reads ${LONGEST_LINK}.` };
  }
  const text = decoded(hash);
  if (text === null) return { refused: "This link cannot be read: what follows its # was not made by this page." };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return {
      refused: text.startsWith('{"v":')
        ? "This link is cut: its end is missing. Copy it again, as a whole."
        : "This link cannot be read: what follows its # was not made by this page.",
    };
  }
  return checked(value);
}

function checked(value: unknown): Link | Refused {
  if (!isRecord(value) || typeof value["v"] !== "number") {
    return { refused: "This link cannot be read: it holds no version." };
  }
  if (value["v"] !== VERSION) {
    return {
      refused: `This link is of version ${value["v"]}, and this page reads version ${VERSION}: open it with the page of that version.`,
    };
  }
  const { settings, deeds, at } = value;
  if (!isRecord(settings)) return { refused: "This link holds no settings of a group." };
  if (!isTime(at)) return { refused: "This link shows no moment between the start and one hour after it." };
  if (!Array.isArray(deeds)) return { refused: "This link holds no list of what was done." };
  if (deeds.length > MOST_DEEDS) {
    return { refused: `This link does ${deeds.length} things to its group, and the page does ${MOST_DEEDS} at most.` };
  }
  let before = 0;
  const done: [number, Deed][] = [];
  for (const entry of deeds as unknown[]) {
    if (!Array.isArray(entry) || entry.length !== 2 || !isTime(entry[0]) || !isDeed(entry[1])) {
      return { refused: `This link holds something that cannot be done to a group, in place ${done.length + 1}.` };
    }
    if (entry[0] < before || entry[0] > at) {
      return { refused: `This link is out of order: what it does in place ${done.length + 1} is not in its time.` };
    }
    before = entry[0];
    done.push([entry[0], entry[1]]);
  }
  return { settings, deeds: done, at };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= LONGEST_RUN;
}

function base64url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function decoded(hash: string): string | null {
  if (!/^[A-Za-z0-9_-]+$/.test(hash)) return null;
  // A cut link may end amid a group of four characters.
  const whole = hash.length % 4 === 1 ? hash.slice(0, -1) : hash;
  try {
    const binary = atob(whole.replace(/-/g, "+").replace(/_/g, "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8").decode(bytes);
  } catch {
    return null;
  }
}
