import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeLink, encodeLink, LONGEST_LINK, MOST_DEEDS, type Link } from "../src/link.ts";

const LINK: Link = {
  settings: { seed: 7, nodes: 5, title: "naïve ✓" },
  deeds: [[0, { do: "crash", node: 2 }], [1_500, { do: "partition", groups: [[0, 1], [2, 3, 4]] }]],
  at: 2_000,
};

function refusal(hash: string): string {
  const link = decodeLink(hash);
  assert.ok("refused" in link, "the link is taken");
  assert.match(link.refused, /^[A-Z].*\.$/s, "the refusal is a sentence");
  return link.refused;
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

test("a link gives back what it was made of, in letters that survive a chat", () => {
  const hash = encodeLink(LINK);
  assert.match(hash, /^[A-Za-z0-9_-]+$/);
  assert.deepEqual(decodeLink(hash), LINK);
});

test("each beginning of a link is refused with a sentence", () => {
  const hash = encodeLink(LINK);
  for (let length = 0; length < hash.length; length++) refusal(hash.slice(0, length));
  assert.match(refusal(hash.slice(0, hash.length - 5)), /cut/);
});

test("a link of another version, of too many letters or of too many deeds is refused", () => {
  assert.match(refusal(encoded({ ...LINK, v: 2 })), /version 2/);
  assert.match(refusal("A".repeat(LONGEST_LINK + 1)), /too long/);
  const deeds = Array.from({ length: MOST_DEEDS + 1 }, () => [0, { do: "heal" }]);
  assert.match(refusal(encoded({ ...LINK, v: 1, deeds })), /at most/);
});

test("nonsense is refused with a sentence", () => {
  const good = { v: 1, settings: {}, deeds: [], at: 0 };
  assert.ok(!("refused" in decodeLink(encoded(good))));
  const bad: unknown[] = [
    null, 1, "x", [], {}, { v: 1 }, { ...good, v: "1" }, { ...good, settings: [] }, { ...good, at: -1 },
    { ...good, at: 1.5 }, { ...good, at: 1e12 }, { ...good, at: "0" }, { ...good, deeds: {} },
    { ...good, at: 10, deeds: [[1, { do: "conquer" }]] }, { ...good, at: 10, deeds: [[1]] },
    { ...good, at: 10, deeds: [[11, { do: "heal" }]] }, { ...good, at: 10, deeds: [[5, { do: "heal" }], [4, { do: "heal" }]] },
    { ...good, at: 10, deeds: [[1, { do: "heal", extra: "x".repeat(2_000) }]] },
  ];
  for (const value of bad) refusal(encoded(value));
  for (const text of ["!", "%20", "ä", "AAAA", "____"]) refusal(text);
});

test("a link with any letter changed is a link or a sentence", () => {
  const hash = encodeLink(LINK);
  const letters = "ABCXYZabcxyz0189-_";
  for (let place = 0; place < hash.length; place++) {
    for (const letter of letters) {
      const link = decodeLink(hash.slice(0, place) + letter + hash.slice(place + 1));
      if ("refused" in link) assert.match(link.refused, /^[A-Z].*\.$/s);
      else assert.ok(link.deeds.every(([time]) => time <= link.at));
    }
  }
});
