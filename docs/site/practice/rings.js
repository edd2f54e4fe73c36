// How far somebody came, as a ring: of a unit its share that is right, of a question all or half.

import { lastUnit, statuses } from "./store.js";

const ROUND = 2 * Math.PI * 7;

export function ring(share, label) {
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("viewBox", "0 0 20 20");
  picture.setAttribute("class", share >= 1 ? "ring whole" : "ring");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", label);
  for (const [kind, length] of [["way", ROUND], ["gone", share * ROUND]]) {
    const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    circle.setAttribute("class", kind);
    for (const [name, value] of Object.entries({ cx: 10, cy: 10, r: 7 })) {
      circle.setAttribute(name, value);
    }
    circle.setAttribute("stroke-dasharray", `${length} ${ROUND}`);
    picture.append(circle);
  }
  return picture;
}

export function questionRing(status) {
  const shares = { right: 1, "partly right": 0.6, wrong: 0.3, error: 0.3 };
  return ring(shares[status] ?? 0, status || "not checked yet");
}

export function unitRing(unit, names) {
  const status = statuses();
  const right = names.filter((name) => status(unit, name) === "right").length;
  return ring(right / names.length, `${right} of ${names.length} right`);
}

// Whether a ring shows anything.
export function begun(ring) {
  return !ring.getAttribute("aria-label").startsWith("0 ");
}

// Where to go on, at the front page: the unit of the last verdict, or the next that is not whole.
export function showNext(place, units) {
  const status = statuses();
  const left = ([unit, { questions }]) => questions.some((name) => status(unit, name) !== "right");
  const every = Object.entries(units);
  const from = Math.max(0, every.findIndex(([unit]) => unit === lastUnit()));
  const next = [...every.slice(from), ...every.slice(0, from)].find(left);
  if (!next) return place.replaceChildren();
  const link = document.createElement("a");
  link.className = "start";
  link.href = `units/${next[0]}.html`;
  link.textContent = `${lastUnit() ? "Go on" : "Begin"}: ${next[1].title}`;
  place.replaceChildren(link);
}

// Puts rings where links to units stand, at the title of a unit, and at each question.
export function drawRings(units) {
  for (const old of document.querySelectorAll("svg.ring")) old.remove();
  const links = ".sidebar-tree a, .toctree-wrapper a";
  for (const link of document.querySelectorAll(links)) {
    const unit = link.pathname.match(/units\/([^/]+)\.html$/)?.[1];
    if (unit in units && !link.hash) link.prepend(ringOf(unit, units));
  }
  const status = statuses();
  for (const section of document.querySelectorAll("section[data-question]")) {
    const { unit, question } = section.dataset;
    section.querySelector(".question-head").prepend(questionRing(status(unit, question)));
  }
  for (const bar of document.querySelectorAll(".practice-bar[data-unit]")) {
    bar.querySelector("p").prepend(ringOf(bar.dataset.unit, units));
  }
}

function ringOf(unit, units) {
  return unitRing(unit, units[unit].questions);
}
