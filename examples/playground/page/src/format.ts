// Numbers as a person reads them.

/** A moment or a length in microseconds: "950 µs", "12.5 ms", "3.204 s", "12 min 05 s". */
export function duration(us: number): string {
  const sign = us < 0 ? "−" : "";
  const size = Math.abs(us);
  if (size < 1_000) return `${sign}${Math.round(size)} µs`;
  if (size < 1_000_000) return `${sign}${trimmed(size / 1_000, size < 100_000 ? 2 : 1)} ms`;
  if (size < 120_000_000) return `${sign}${trimmed(size / 1_000_000, 3)} s`;
  const seconds = Math.floor(size / 1_000_000);
  return `${sign}${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/** A moment of a run, as fine as messages are told apart: "3.2045 s". */
export function moment(us: number): string {
  return `${(us / 1_000_000).toFixed(4)} s`;
}

function trimmed(value: number, digits: number): string {
  return value.toFixed(digits).replace(/\.?0+$/, "");
}

export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** "1, 2 and 5" */
export function list(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}

/** A clock's rate: "300 ppm fast". */
export function rate(ppm: number): string {
  if (ppm === 0) return "exact";
  return `${count(Math.abs(ppm))} ppm ${ppm > 0 ? "fast" : "slow"}`;
}
