// Timelines from files: chosen with the button, or dropped on the page.

import { byId, drawn } from "./dom.ts";
import { sentenceOf } from "./engine.ts";
import { count } from "./format.ts";
import type { Notices } from "./notices.ts";

const LARGEST_FILE_MB = 128;

/** Hands the text of each file that the person opens to `show`, which says whether it is shown. */
export function bindFiles(notices: Notices, show: (text: string) => boolean): void {
  const open = (file: File | undefined): void => {
    if (file !== undefined) void read(file, notices, show);
  };
  const input = byId("file", HTMLInputElement);
  byId("open-file", HTMLButtonElement).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    open(input.files?.[0]);
    input.value = "";
  });
  let entered = 0;
  addEventListener("dragenter", () => document.body.classList.toggle("dropping", ++entered > 0));
  addEventListener("dragleave", () => document.body.classList.toggle("dropping", --entered > 0));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    entered = 0;
    document.body.classList.remove("dropping");
    open(event.dataTransfer?.files[0]);
  });
}

async function read(file: File, notices: Notices, show: (text: string) => boolean): Promise<void> {
  const size = file.size / 1_048_576;
  if (size > LARGEST_FILE_MB) {
    notices.error(`The file ${file.name} has ${count(size)} MB; the page opens files of up to ${LARGEST_FILE_MB} MB.`);
    return;
  }
  notices.busy(`Reading ${file.name} …`);
  await drawn();
  try {
    if (show(await file.text())) notices.say(`The timeline ${file.name} is open.`);
  } catch (error) {
    notices.error(`The file ${file.name} cannot be read: ${sentenceOf(error)}`);
  } finally {
    notices.busy(null);
  }
}
