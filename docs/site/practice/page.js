// What every page of the site loads at once: little. It shows how far the reader came, and waits for
// them to touch an editor; only then the rest is loaded.

import { answersOf } from "./store.js";
import { drawRings, showNext } from "./rings.js";
import { askForGuess } from "./guess.js";
import { showProgress } from "./progress.js";
import { keepWords, saveNotebook } from "./notebook.js";
import { showPractice } from "./overview.js";

// Where these files lie; a script that is no module can be loaded from a folder on disk, too.
const place = new URL("./", document.currentScript.src);
const sections = [...document.querySelectorAll("section[data-question]")];
let practice = null;

function load() {
  practice ??= import(new URL("practice.js", place))
    .then(({ startPractice }) => startPractice(sections))
    .catch((error) => {
      practice = null;
      document.body.classList.add("practice-fails");
      throw error;
    });
  return practice;
}

// Text that was written earlier is there before the editor is.
function fill(section) {
  const { unit, question } = section.dataset;
  const plain = section.querySelector(".cm-content");
  if (new URLSearchParams(location.search).get("again") === question) section.dataset.again = "";
  else plain.textContent = answersOf(unit)[question] ?? plain.textContent;
  plain.addEventListener("keydown", indent);
}

// As long as the editor is being loaded: a new line begins where the last one did.
function indent(event) {
  if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const selection = getSelection();
  const before = document.createRange();
  before.setStart(event.currentTarget, 0);
  before.setEnd(selection.anchorNode, selection.anchorOffset);
  const line = before.toString().split("\n").at(-1);
  const deeper = line.trimEnd().endsWith(":") ? "    " : "";
  document.execCommand("insertText", false, `\n${line.match(/^ */)[0]}${deeper}`);
}

function listen(section) {
  const touch = () => load().catch(() => {});
  section.querySelector(".cm-content").addEventListener("focus", touch, { once: true });
  section.querySelector(".cm-content").addEventListener("pointerdown", touch, { once: true });
  section.addEventListener("click", async ({ target }) => {
    const action = target.closest("button[data-action]")?.dataset.action;
    if (!action || action === "stop") return;
    const questions = await load();
    questions.get(section).do(action);
  });
}

const units = COURSE; // of each unit: its title, its notebook and its questions
sections.forEach(fill);
sections.forEach(listen);
drawRings(units);
addEventListener("practice", () => drawRings(units));
addEventListener("storage", () => drawRings(units));
document.querySelectorAll("section[data-predict]").forEach(askForGuess);
document.querySelectorAll("[data-progress]").forEach((place) => showProgress(place, units));
document.querySelectorAll("textarea[data-words]").forEach(keepWords);
document.querySelectorAll("button[data-save]").forEach((button) => saveNotebook(button, place));
document.querySelectorAll("[data-next]").forEach((place) => showNext(place, units));
if (document.querySelector("[data-part=units]")) showPractice(units);
