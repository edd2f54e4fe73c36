// The unit's own notebook with the reader's answers, as a file to hand in.

import { answersOf, guessesOf, keepAnswer } from "./store.js";

// A field for words that a person would read: kept like an answer.
export function keepWords(field) {
  const { unit, words } = field.dataset;
  field.value = answersOf(unit)[words] ?? "";
  field.addEventListener("input", () => keepAnswer(unit, words, field.value));
}

// The released notebook with these answers and guesses in the place of what it asks for.
export function filled(notebook, answers, guesses) {
  for (const cell of notebook.cells) {
    const marks = cell.metadata.nbgrader;
    const given = marks?.solution ? answers[marks.grade_id] : undefined;
    if (given?.trim()) cell.source = given;
    if (!cell.metadata.course?.predict) continue;
    cell.source = textOf(cell).replace(
      /\bpredict\("([^"]+)", \.\.\.\)/g,
      (call, name) => (name in guesses ? `predict("${name}", ${guesses[name]})` : call),
    );
  }
  return notebook;
}

function textOf({ source }) {
  return typeof source === "string" ? source : source.join("");
}

export function saveNotebook(button, place) {
  const { unit, notebook } = button.dataset;
  button.addEventListener("click", async () => {
    const file = await fetch(new URL(`release/${unit}/${notebook}.ipynb`, place));
    const saved = filled(await file.json(), answersOf(unit), guessesOf(unit));
    download(`${notebook}.ipynb`, JSON.stringify(saved, null, 1), "application/x-ipynb+json");
  });
}

export function download(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
