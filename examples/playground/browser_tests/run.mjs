// Runs the tests in Chromium, one file after the other: `node run.mjs`, or with the names of files.
// `node run.mjs --update` writes the screenshots that later runs are compared with.
// QUORATE_CHROMIUM names another browser. Without one it says so in a line that begins with SKIPPED, and succeeds.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { PLAYGROUND, browserPath, here } from "./browser.mjs";

const options = process.argv.slice(2);
const named = options.filter((option) => !option.startsWith("--"));
const files = named.length > 0 ? named : readdirSync(join(here, "tests")).filter((name) => name.endsWith(".test.mjs"));

if (browserPath() === null) {
  console.log("SKIPPED: the browser tests of the playground, as there is no Chromium");
} else if (!existsSync(PLAYGROUND)) {
  console.log("SKIPPED: the browser tests of the playground, as quorate.html is not built");
} else {
  const run = spawnSync(
    process.execPath,
    ["--test", "--test-concurrency=1", ...files.sort().map((file) => join("tests", file.replace(/^.*\//, "")))],
    { cwd: here, stdio: "inherit", env: { ...process.env, QUORATE_UPDATE: options.includes("--update") ? "1" : "" } },
  );
  process.exitCode = run.status ?? 1;
}
