// What a page loads when its reader first touches an editor: CodeMirror, and Python in a worker.

import { Python } from "./python.js";
import { Question } from "./question.js";

const place = new URL("./", import.meta.url);
let python = null;

// All questions of the page, by section; Python begins to load.
export function startPractice(sections) {
  const questions = new Map();
  for (const section of sections) {
    questions.set(section, new Question(section, () => opened(section.dataset)));
  }
  // What fails now is said to whoever asks.
  opened(sections[0].dataset).then(keepOffline, () => {});
  return questions;
}

// Python with a unit's notebook: a promise, made once. After a failure the next one asks again.
function opened({ unit, notebook }) {
  python ??= open(unit, notebook).catch((error) => {
    python = null;
    throw error;
  });
  return python;
}

async function open(unit, notebook) {
  const started = new Python(place);
  const file = await fetch(new URL(`release/${unit}/${notebook}.ipynb`, place));
  if (!file.ok) throw new Error(`the unit's notebook is not there (${file.status})`);
  await started.open(unit, await file.text());
  return started;
}

// From now on the whole site is there without a network. Not before: it would be in the way.
function keepOffline() {
  navigator.serviceWorker?.register(new URL("../../offline.js", place)).catch(() => {});
}
