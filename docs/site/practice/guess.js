// A guess before its result: the result stays covered until the guess is in, and the guess stays.
// A cell that shows the results of several waits for all of them.

import { guessesOf, keepGuess } from "./store.js";

const waiting = new Map(); // of each cell with results: the guesses that it waits for

export function askForGuess(section) {
  const { unit, predict, covers } = section.dataset;
  const said = section.querySelector("[role=status]");
  const field = section.querySelector("input");
  const results = document.querySelectorAll(`.tag_${covers}`);

  const show = (guess) => {
    for (const cell of results) {
      const waits = waiting.get(cell) ?? new Set();
      if (guess === undefined) waits.add(predict);
      else waits.delete(predict);
      waiting.set(cell, waits);
      cell.classList.toggle("covered", waits.size > 0);
    }
    if (guess === undefined) return;
    field.value = guess;
    field.disabled = section.querySelector("button").disabled = true;
    section.classList.add("guessed");
    said.textContent = compared(
      section.getAttribute("aria-label"),
      guess,
      Number(section.dataset.result),
    );
  };

  section.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const guess = numberIn(field.value);
    if (guess > 0 && guess < Infinity) {
      keepGuess(unit, predict, guess);
      show(guess);
    } else {
      said.textContent = "Write a number above 0, without a unit.";
    }
  });
  show(guessesOf(unit)[predict]);
}

// "2", "2,5", "1,000", "~2", "2 times"; not a number for anything else, as it might be of a unit.
function numberIn(text) {
  const [, digits] = text.trim().match(/^[~≈]? *([\d.,e+-]+) *(?:x|×|times|%)?$/i) ?? [];
  if (!digits) return NaN;
  const thousands = /^[1-9]\d{0,2}(,\d{3})+(\.\d+)?$/.test(digits);
  return Number(thousands ? digits.replaceAll(",", "") : digits.replace(",", "."));
}

// The two side by side, in the words of the notebook.
function compared(label, guess, result) {
  if (!(result > 0)) return `${label}: ${short(guess, 4)}. It is kept.`;
  const ratio = guess / result;
  const factor = Math.max(ratio, 1 / ratio);
  const off = `${short(factor, 2)} times too ${ratio > 1 ? "high" : "low"}`;
  return `${label}: ${short(guess, 4)}. Here it was ${short(result, 4)}: ${
    factor < 1.1 ? "within 10 %" : off
  }.`;
}

function short(number, digits) {
  return Number(number.toPrecision(digits)).toLocaleString("en");
}
