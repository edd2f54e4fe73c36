// At the end of a unit: what of it is right, what is not yet, and how near the guesses came.

import { guessesOf, statuses } from "./store.js";

const NEAR = 2; // a guess within this factor is near

export function showProgress(place, units) {
  const unit = place.dataset.progress;
  const draw = () => {
    const status = statuses();
    const { questions } = units[unit];
    const left = questions.filter((name) => status(unit, name) !== "right");
    const right = `${questions.length - left.length} of ${questions.length} questions right.`;
    const links = left.flatMap((name, place) => [
      place ? ", " : " Not yet: ",
      linkTo(name, status(unit, name)),
    ]);
    const lines = [line(right, ...links)];
    const guesses = guessedBy(unit);
    if (guesses) lines.push(line(guesses));
    place.replaceChildren(...lines);
  };
  addEventListener("practice", draw);
  draw();
}

// How many guesses came near; nothing without one whose result the page knows.
function guessedBy(unit) {
  const guesses = guessesOf(unit);
  const ratios = [...document.querySelectorAll("section[data-predict][data-result]")]
    .map(({ dataset }) => guesses[dataset.predict] / Number(dataset.result))
    .filter((ratio) => ratio > 0);
  if (!ratios.length) return "";
  const near = ratios.filter((ratio) => Math.max(ratio, 1 / ratio) <= NEAR).length;
  return `${near} of your ${ratios.length} guesses within a factor of ${NEAR}.`;
}

function linkTo(name, status) {
  const link = document.createElement("a");
  link.href = `#question-${name}`;
  link.textContent = name;
  link.title = status || "not checked yet";
  return link;
}

function line(...parts) {
  const paragraph = document.createElement("p");
  paragraph.append(...parts);
  return paragraph;
}
