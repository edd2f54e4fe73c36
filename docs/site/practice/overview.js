// The page "Your practice": how far the reader came, their mistakes, and all of it as a file.

import { download } from "./notebook.js";
import { begun, unitRing } from "./rings.js";
import { exported, forgetAll, imported, mistakes } from "./store.js";

export function showPractice(units) {
  const place = document.querySelector("[role=main]");
  const draw = () => {
    place.querySelector("[data-part=units]").replaceChildren(...unitLines(units));
    place.querySelector("[data-part=mistakes]").replaceChildren(...mistakeLines(units));
  };
  addEventListener("practice", draw);
  draw();
  const button = (name) => place.querySelector(`button[data-do=${name}]`);
  const said = place.querySelector("[role=status]");
  button("export").onclick = () => {
    download("practice.json", exported(), "application/json");
  };
  place.querySelector("input[type=file]").onchange = async ({ target }) => {
    try {
      imported(await target.files[0].text());
      said.textContent = "The file's answers and progress are here now.";
    } catch {
      said.textContent = "This file was not saved by this page: nothing was changed.";
    }
    target.value = "";
  };
  button("forget").onclick = () => {
    if (confirm("Forget all answers and all progress in this browser?")) forgetAll();
  };
}

function unitLines(units) {
  return Object.entries(units).map(([unit, { title, questions }]) => {
    const line = document.createElement("li");
    const ring = unitRing(unit, questions);
    line.append(ring, link(`units/${unit}.html`, title));
    if (begun(ring)) line.append(text("span", ring.getAttribute("aria-label")));
    return line;
  });
}

// Under each unit its questions, those that are due first on top.
function mistakeLines(units) {
  const found = mistakes();
  if (!found.length) return [text("p", "None yet: what Check finds wrong is listed here.")];
  const names = [...new Set(found.map(({ unit }) => unit))];
  return names.flatMap((unit) => {
    const list = document.createElement("ul");
    list.append(...found.filter((each) => each.unit === unit).map(mistakeLine));
    return [text("h3", units[unit]?.title ?? unit), list];
  });
}

function mistakeLine({ unit, name, met, due }) {
  const line = document.createElement("li");
  const again = link(`units/${unit}.html?again=${name}#question-${name}`, name);
  again.setAttribute("aria-label", `Practise ${name} again`);
  const often = Object.entries(met).map(([what, n]) => (n > 1 ? `${what} (${n} times)` : what));
  line.append(again, text("span", when(due)));
  if (often.length) line.append(text("p", often.join("; ")));
  return line;
}

function when(due) {
  const days = Math.ceil((due - Date.now()) / (24 * 60 * 60 * 1000));
  if (days <= 0) return "due now";
  return days === 1 ? "best tomorrow" : `best in ${days} days`;
}

function link(address, title) {
  return Object.assign(document.createElement("a"), { href: address, textContent: title });
}

function text(tag, content) {
  return Object.assign(document.createElement(tag), { textContent: content });
}
