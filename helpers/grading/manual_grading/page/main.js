// What a reader does: by mouse and by key. The server's state is the only one that counts.

import { ask, inTurn, Refused } from "./server.js";
import { at, drawBundle, drawHead, drawRubric } from "./view.js";

const MODES = ["similar", "equal", "none"];

let state = null; // what the server said
let names = null; // of students, once asked for
let mode = 0; // of MODES
let chosen = 0; // the bundle that keys mark
let alone = null; // or one card in it
let edited = null; // the item in the form
let editing = false; // whether the next digit edits an item
const apart = new Map(); // cards that do not go with their group, or do: what a reader chose
const undone = []; // of each save, how its answers were before

// ---- what is shown

const answerOf = (id) => state.answers.find((answer) => answer.id === id);

// Groups of cards, each of equal answers; a card is called by the first of them.
function groups() {
  if (MODES[mode] === "none") return state.answers.map((answer) => [[answer.id]]);
  if (MODES[mode] === "equal") return state.groups.equal.map((ids) => [ids]);
  const cards = new Map(state.groups.equal.map((ids) => [ids[0], ids]));
  return state.groups.similar.map((ids) => ids.filter((id) => cards.has(id)).map((id) => cards.get(id)));
}

const placeWith = (id) => groups().findIndex((cards) => cards.flat().includes(id));
const markOf = (answer) => JSON.stringify([answer.items, answer.points, answer.note, answer.score]);

// Cards that were marked in another way than most of the group go alone, till told otherwise.
function apartIn(cards) {
  if (cards.length < 2) return new Set();
  const counts = new Map();
  for (const answer of cards.flat().map(answerOf).filter((answer) => !answer.waits)) {
    counts.set(markOf(answer), (counts.get(markOf(answer)) ?? 0) + 1);
  }
  const [most] = [...counts].sort((one, other) => other[1] - one[1])[0] ?? [];
  const differs = (id) => !answerOf(id).waits && markOf(answerOf(id)) !== most;
  const goesAlone = (ids) => apart.get(ids[0]) ?? ids.every(differs);
  return new Set(cards.filter(goesAlone).map((ids) => ids[0]));
}

function bundleAt(place) {
  const cards = groups()[place];
  const selected = place === chosen;
  return {
    cards: cards.map((ids) => ids.map(answerOf)),
    apart: apartIn(cards),
    selected,
    alone: selected ? alone : null,
  };
}

function draw() {
  chosen = Math.min(chosen, groups().length - 1);
  drawHead(state, groups(), MODES[mode], names !== null, undone.length > 0);
  drawRubric(state.rubric, edited);
  const bundles = groups().map((_, place) => drawBundle(bundleAt(place), state.rubric, names));
  at("bundles").replaceChildren(...bundles);
}

function redraw(places) {
  drawHead(state, groups(), MODES[mode], names !== null, undone.length > 0);
  for (const place of places) {
    const old = at("bundles").children[place];
    const typed = fieldIn(old);
    const drawn = drawBundle(bundleAt(place), state.rubric, names);
    old.replaceWith(drawn);
    if (typed) typeOn(drawn, typed);
  }
}

// The field in which somebody types: who goes on typing is not disturbed by what was just saved.
function fieldIn(section) {
  const field = document.activeElement;
  if (!section.contains(field) || !field.matches("input, textarea")) return null;
  const card = field.closest(".card");
  const bar = card ? `.card[data-card="${card.dataset.card}"] .bar` : ".bar.group";
  const changed = field.value !== field.defaultValue;
  return { path: `${bar} [data-act=${field.dataset.act}]`, value: changed ? field.value : null };
}

function typeOn(section, { path, value }) {
  const field = section.querySelector(path);
  if (value !== null) field.value = value;
  field.focus();
}

function choose(place, one = null) {
  if (!groups().length) return;
  const before = chosen;
  chosen = Math.max(0, Math.min(place, groups().length - 1));
  alone = one;
  redraw(new Set([before, chosen]));
  at("bundles").children[chosen].scrollIntoView({ block: "nearest" });
}

function say(line, bad = false) {
  at("line").textContent = line;
  at("line").className = bad ? "bad" : "";
}

// ---- what is saved

let working = 0;

async function safely(work) {
  document.body.ariaBusy = "true";
  working += 1;
  try {
    await inTurn(work);
  } catch (problem) {
    if (!(problem instanceof Refused)) throw problem;
    say(problem.message, true);
  } finally {
    working -= 1;
    if (!working) document.body.ariaBusy = null;
  }
}

async function load() {
  const now = await ask("state");
  // Whoever comes back to the window by a click finds the button still there.
  if (JSON.stringify(now) === JSON.stringify(state)) return;
  state = now;
  draw();
  if (state.lines.length) say(state.lines.join(". "), true);
}

// The answers that a mark is for: of one card, or of all that go with the group.
function marked(place, one) {
  const { cards, apart } = bundleAt(place);
  if (one !== null) return cards.find((answers) => answers[0].id === one);
  const going = cards.filter((answers) => !apart.has(answers[0].id));
  return (going.length ? going : cards).flat();
}

// change: from an answer and all that are marked with it to what is said of it now
function mark(place, one, change) {
  const first = groups()[place][0][0];
  return safely(async () => {
    // What is meant is the group as it was when it was marked.
    const answers = marked(placeWith(first), one);
    const wanted = answers.map((answer) => ({ ...readingOf(answer), ...change(answer, answers) }));
    await save(answers, wanted);
    if (one !== null) apart.set(one, true);
    redraw([placeWith(first)]);
  });
}

const readingOf = ({ items, points, note }) => ({ items, points, note });

async function save(answers, wanted) {
  const before = answers.map((answer) => [answer.id, readingOf(answer)]);
  const marks = answers.map(({ id, version }, place) => ({ id, version, ...wanted[place] }));
  const saved = await ask("marks", marks);
  for (const answer of saved.answers) Object.assign(answerOf(answer.id), answer);
  if (saved.again) await load();
  else undone.push(before);
  say(saved.lines.join(". "), saved.lines.length > 0);
}

function undo() {
  return safely(async () => {
    const before = undone.pop();
    if (before === undefined) return;
    const there = before.filter(([id]) => answerOf(id));
    await save(there.map(([id]) => answerOf(id)), there.map(([, reading]) => reading));
    undone.pop(); // what was undone is not to be undone again
    draw();
  });
}

const MARKS = {
  item: (item) => (answer, all) => {
    const off = all.every((each) => each.items.includes(item));
    const others = answer.items.filter((each) => each !== item);
    // In the rubric's order; points of its own give way to it.
    const items = state.rubric.map((each) => each.id);
    const now = items.filter((each) => others.includes(each) || (each === item && !off));
    return { items: now, points: null };
  },
  points: (points) => () => ({ points }),
  note: (note) => () => ({ note }),
  keep: () => (answer) => (answer.items.length ? {} : { points: answer.points ?? answer.score }),
  nothing: () => () => ({ items: [], points: null, note: "" }),
};

function saveItem() {
  const sent = { comment: at("item-comment").value, points: Number(at("item-points").value) };
  return safely(async () => {
    if (edited === null) await ask("add", sent);
    else {
      const changed = await ask("change", { ...sent, id: edited });
      say(changed ? `${changed} answers are marked anew` : "");
    }
    editItem(null);
    await load();
  });
}

function removeItem() {
  return safely(async () => {
    await ask("remove", { id: edited });
    editItem(null);
    await load();
  });
}

function editItem(id) {
  edited = id;
  const item = state.rubric.find((each) => each.id === id);
  at("item-comment").value = item?.comment ?? "";
  at("item-points").value = item?.points ?? "";
  at("item-save").textContent = item ? "Change" : "Add";
  at("item-remove").hidden = at("item-cancel").hidden = !item;
  drawRubric(state.rubric, edited);
  if (item) at("item-comment").focus();
}

// ---- the mouse

const placeOf = (element) => {
  const section = element.closest(".bundle");
  return section ? [...at("bundles").children].indexOf(section) : -1;
};

// The card that something is in; null where all of a group is meant.
function oneOf(element) {
  const card = element.closest(".card");
  return card && groups()[placeOf(element)].length > 1 ? card.dataset.card : null;
}

at("bundles").addEventListener("click", (event) => {
  const place = placeOf(event.target);
  const button = event.target.closest("button[data-act]");
  if (place < 0 || event.target.closest("input, textarea, a")) return;
  if (button === null) {
    if (!String(getSelection())) choose(place, oneOf(event.target));
    return;
  }
  const one = oneOf(button);
  choose(place, one);
  const { act, item } = button.dataset;
  if (act === "apart") goApart(one);
  else mark(place, one, MARKS[act](Number(item)));
});

at("bundles").addEventListener("change", (event) => {
  const field = event.target;
  const place = placeOf(field);
  if (field.dataset.act === "points") {
    if (!field.checkValidity()) return say("points are a number, 0 or more", true);
    const points = field.value === "" ? null : Number(field.value);
    mark(place, oneOf(field), MARKS.points(points));
  } else if (field.dataset.act === "note") {
    mark(place, oneOf(field), MARKS.note(field.value));
  }
});

at("rubric").addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act=edit]");
  if (button) editItem(Number(button.dataset.item));
});

at("item").addEventListener("submit", (event) => {
  event.preventDefault();
  saveItem();
  at("item-points").blur();
});

function goApart(id) {
  if (id === null) return;
  apart.set(id, !apartIn(groups()[chosen]).has(id));
  redraw([chosen]);
}

// ---- actions of the head, and keys

function next() {
  const all = groups();
  const waits = (place) => all[place].flat().some((id) => answerOf(id).waits);
  for (let step = 1; step <= all.length; step++) {
    const place = (chosen + step) % all.length;
    if (waits(place)) return choose(place);
  }
  say("All are read.");
}

function step(by) {
  const ids = groups()[chosen].map((card) => card[0]);
  if (ids.length < 2) return;
  const place = alone === null ? (by > 0 ? -1 : ids.length) : ids.indexOf(alone);
  choose(chosen, ids[(place + by + ids.length) % ids.length]);
}

function field(act) {
  const card = alone === null ? null : `.card[data-card="${alone}"] .bar`;
  const place = at("bundles").children[chosen].querySelector(card ?? ".bar.group");
  place.querySelector(`[data-act=${act}]`).focus();
}

async function showNames() {
  if (names !== null) names = null;
  else await safely(async () => (names = await ask("names")));
  draw();
}

function regroup() {
  const first = groups()[chosen][0][0];
  mode = (mode + 1) % MODES.length;
  chosen = placeWith(first);
  alone = null;
  draw();
  at("bundles").children[chosen].scrollIntoView({ block: "nearest" });
}

const now = (change) => mark(chosen, alone, change);

function digit(key) {
  const item = state.rubric[(Number(key) + 9) % 10];
  if (!item) say(`The rubric has no item ${key}: r makes one.`, true);
  else if (editing) editItem(item.id);
  else now(MARKS.item(item.id));
}

const KEYS = {
  f: () => now(MARKS.points(state.out_of || 1)),
  z: () => now(MARKS.points(0)),
  y: () => now(MARKS.keep()),
  Backspace: () => now(MARKS.nothing()),
  p: () => field("points"),
  c: () => field("note"),
  u: undo,
  Enter: next,
  j: () => choose(chosen + 1),
  ArrowDown: () => choose(chosen + 1),
  k: () => choose(chosen - 1),
  ArrowUp: () => choose(chosen - 1),
  ArrowRight: () => step(1),
  ArrowLeft: () => step(-1),
  Escape: () => choose(chosen),
  x: () => goApart(alone),
  r: () => at("item-comment").focus(),
  g: regroup,
  n: showNames,
  "?": () => at("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  const target = event.target;
  const typing = target.matches("input, textarea");
  if (event.key === "Escape" && typing) {
    // Esc leaves a field as it was.
    if (target.dataset.act) target.value = target.defaultValue;
    return target.blur();
  }
  if (event.key === "Enter" && typing && (event.ctrlKey || target.dataset.act === "points")) {
    event.preventDefault();
    return target.form ? target.form.requestSubmit() : target.blur();
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || at("keys").open) return;
  // On a button, Enter and Space press it.
  if (target.matches("button, summary, a") && event.key === "Enter") return;
  const act = /^\d$/.test(event.key) ? () => digit(event.key) : KEYS[event.key];
  if (state === null || !groups().length) return;
  if (event.key === "e") editing = true;
  else if (act) {
    event.preventDefault();
    act();
    editing = false;
  }
});

at("grouping").addEventListener("click", regroup);
at("names").addEventListener("click", showNames);
at("undo").addEventListener("click", undo);
at("next").addEventListener("click", next);
at("help").addEventListener("click", KEYS["?"]);
// A key is for the answers again, not for the button that was clicked.
document.querySelector("nav").addEventListener("click", () => document.activeElement.blur());
at("item-remove").addEventListener("click", removeItem);
at("item-cancel").addEventListener("click", () => editItem(null));

// Another window may have marked some. What is being typed stays.
addEventListener("focus", () => {
  if (!document.activeElement?.matches("input, textarea")) safely(load);
});
addEventListener("beforeunload", (event) => {
  const typed = document.activeElement;
  if (typed?.dataset?.act && typed.value !== typed.defaultValue) event.preventDefault();
});

safely(load);
