import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { rulesOf } from "../build_rules.mjs";
import { groupsOf } from "../src/groups.ts";

test("each rule of the crate's documentation is found, with its title and its text", () => {
  const rules = rulesOf(readFileSync("../../../src/lib.rs", "utf8"));
  assert.ok(Object.keys(rules).length > 70);
  assert.equal(rules["1.1"]?.title, "One vote in a term");
  assert.match(rules["1.1"]?.text ?? "", /^A node grants its vote[\s\S]*two have voted for A and two for C\.$/);
  assert.equal(rules["2.2"]?.title, "What changes a promise");
  assert.match(rules["10.3"]?.text ?? "", /^Each grant is a write, also one/);
  for (const [number, rule] of Object.entries(rules)) {
    assert.ok(rule.title.length > 3 && rule.text.length > 40, `rule ${number} is whole`);
    assert.ok(rule.section.startsWith(`${number.split(".")[0]} `), `rule ${number} is in its section`);
  }
});

test("the groups of a partition are read by the names of nodes", () => {
  assert.deepEqual(groupsOf("1 2 | 3,4", ["1", "2", "3", "4"]), [[0, 1], [2, 3]]);
  assert.deepEqual(groupsOf("|", ["1"]), []);
  assert.deepEqual(groupsOf("7", ["1"]), [[1]]);
});
