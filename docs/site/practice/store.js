// What the reader wrote and how far they came. The one place that knows where it is kept: in this
// browser, under a name of the course's own, as other sites may share its address.

const KEY = "network-costs-practice";
const VERSION = 1;
const DAY = 24 * 60 * 60 * 1000;
// Days until a question with a mistake comes again: each time it is right, the next of these.
const PAUSES = [1, 3, 7, 21];

function empty() {
  return { version: VERSION, answers: {}, verdicts: {}, mistakes: {}, guesses: {} };
}

function read() {
  try {
    return checked(JSON.parse(localStorage.getItem(KEY)));
  } catch {
    return empty();
  }
}

// A state that was read from outside: of this version, with all its parts, each an object.
function checked(state) {
  const whole = empty();
  if (state?.version !== VERSION) throw new Error("no practice file of this course");
  for (const part of ["answers", "verdicts", "mistakes", "guesses"]) {
    if (typeof (state[part] ?? {}) !== "object") throw new Error(`${part} cannot be read`);
    whole[part] = state[part] ?? {};
  }
  return whole;
}

// What changes how far one is, is told to the page: not every letter of an answer.
function change(how, told = true) {
  const state = read();
  how(state);
  try {
    localStorage.setItem(KEY, JSON.stringify(state));
  } catch {
    // A private window, or no room: the page works on, and forgets.
  }
  if (told) dispatchEvent(new CustomEvent("practice"));
}

export function answersOf(unit) {
  return read().answers[unit] ?? {};
}

export function keepAnswer(unit, name, text) {
  change((state) => ((state.answers[unit] ??= {})[name] = text), false);
}

export function forgetAnswer(unit, name) {
  change((state) => delete state.answers[unit]?.[name], false);
}

export function guessesOf(unit) {
  return read().guesses[unit] ?? {};
}

export function keepGuess(unit, name, value) {
  change((state) => ((state.guesses[unit] ??= {})[name] = value));
}

// The status of a question's last verdict: "" where there is none.
export function statusOf(unit, name) {
  return read().verdicts[unit]?.[name]?.status ?? "";
}

export function statuses() {
  const { verdicts } = read();
  return (unit, name) => verdicts[unit]?.[name]?.status ?? "";
}

// The unit of the last verdict; "" where there is none.
export function lastUnit() {
  const all = Object.entries(read().verdicts).flatMap(([unit, names]) =>
    Object.values(names).map(({ at }) => ({ unit, at })),
  );
  return all.sort((one, other) => other.at - one.at)[0]?.unit ?? "";
}

// Keeps a verdict. A wrong one is a mistake to meet again; a right one moves that on if it is due.
export function keepVerdict(unit, name, verdict, again = false) {
  if (verdict.status === "no answer yet") return;
  change((state) => {
    const now = Date.now();
    if (!again || verdict.status === "right") {
      (state.verdicts[unit] ??= {})[name] = { status: verdict.status, at: now };
    }
    const mistakes = (state.mistakes[unit] ??= {});
    const known = mistakes[name];
    if (["wrong", "partly right"].includes(verdict.status)) {
      const met = known?.met ?? {};
      for (const each of verdict.misconceptions) met[each] = (met[each] ?? 0) + 1;
      mistakes[name] = { met, step: 0, due: now + PAUSES[0] * DAY };
    } else if (verdict.status === "right" && again && known) {
      known.step += 1;
      if (known.step < PAUSES.length) known.due = now + PAUSES[known.step] * DAY;
      else delete mistakes[name];
    }
  });
}

// Questions with mistakes, those that are due first: [{unit, name, met, due}].
export function mistakes() {
  const found = [];
  for (const [unit, names] of Object.entries(read().mistakes)) {
    for (const [name, { met, due }] of Object.entries(names)) found.push({ unit, name, met, due });
  }
  return found.sort((one, other) => one.due - other.due);
}

export function exported() {
  return JSON.stringify(read(), null, 1);
}

// Takes over a file that `exported` wrote: what is newer in it wins. Throws for any other file.
export function imported(text) {
  const given = checked(JSON.parse(text));
  change((state) => {
    for (const part of ["answers", "mistakes", "guesses"]) {
      for (const [unit, names] of Object.entries(given[part])) {
        state[part][unit] = { ...state[part][unit], ...names };
      }
    }
    for (const [unit, names] of Object.entries(given.verdicts)) {
      const mine = (state.verdicts[unit] ??= {});
      for (const [name, verdict] of Object.entries(names)) {
        if (!(mine[name]?.at > verdict.at)) mine[name] = verdict;
      }
    }
  });
}

export function forgetAll() {
  change((state) => Object.assign(state, empty()));
}
