// The words of what happened, for the inspector, for lists and for screen readers.

import type { Model } from "./model.ts";

/** A length of time in the unit that suits it. */
export function duration(micros: number): string {
  const size = Math.abs(micros);
  const rounded = (value: number): string => String(Number(value.toFixed(value !== 0 && Math.abs(value) < 10 ? 2 : 1)));
  if (size < 1_000) return `${Math.round(micros)} µs`;
  if (size < 1_000_000) return `${rounded(micros / 1_000)} ms`;
  if (size < 120_000_000) return `${rounded(micros / 1_000_000)} s`;
  return `${rounded(micros / 60_000_000)} min`;
}

/** A term in few characters: the terms of a founded group are as large as its clock, so that only their ends differ. */
export function shortTerm(term: number): string {
  const text = String(term);
  return text.length <= 6 ? text : `…${text.slice(-4)}`;
}

/** Words with the full stop of a sentence, if they have none. */
const stopped = (words: string): string => (/[.!?]$/.test(words) ? words : `${words}.`);

/** Any event as one sentence. */
export function describeEvent(model: Model, index: number): string {
  const event = model.event(index);
  const node = (value: unknown): string => model.nodes[Number(value)] ?? "?";
  const name = node(event[2]);
  switch (event[1]) {
    case "u":
      return `Node ${name} starts.`;
    case "d":
      return `Node ${name} crashes.`;
    case "F":
      return `Node ${name} crashes and loses its disk.`;
    case "f":
      return `Node ${name} freezes.`;
    case "h":
      return `Node ${name} thaws.`;
    case "c":
      return Number(event[3]) === 0
        ? `The clock of node ${name} runs true.`
        : `The clock of node ${name} runs ${Math.abs(Number(event[3]))} ppm ${Number(event[3]) > 0 ? "fast" : "slow"}.`;
    case "l":
      return `The link from ${name} to ${node(event[3])} ${event[4] === 1 ? "is mended" : "is cut"}.`;
    case "s":
      return `The state of node ${name} changes.`;
    case "w":
      return `Node ${name} begins a write.`;
    case "W":
      return `Node ${name} has written.`;
    case "m":
      return stopped(`Node ${node(event[3])} sends to ${node(event[4])}: ${model.wordsOf(index)}`);
    case "r":
    case "x":
      return describeEnd(model, Number(event[2]), event[1] === "x");
    case "a":
      return stopped(`Node ${name}: ${model.wordsOf(index)}`);
    case "o":
      return stopped(event[2] === -1 ? model.wordsOf(index) : `Node ${name}, from outside: ${model.wordsOf(index)}`);
    default:
      return "";
  }
}

function describeEnd(model: Model, id: number, lost: boolean): string {
  const message = model.message(id);
  if (message === undefined) return `A message that was sent before the record began ${lost ? "is lost" : "arrives"}.`;
  const words = model.words(message.text, message.numbers);
  const [from, to] = [model.nodes[message.from] ?? "?", model.nodes[message.to] ?? "?"];
  return stopped(lost ? `Lost on the way from ${from} to ${to}: ${words}` : `Node ${to} receives from ${from}: ${words}`);
}
