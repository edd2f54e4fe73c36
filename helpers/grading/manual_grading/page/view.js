// How the page looks. It is drawn anew, group by group, from what the server said.

export const at = (id) => document.getElementById(id);

// An element: make("button", { className: "item" }, "text", child …)
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  const { data = {}, pressed, ...others } = properties;
  Object.assign(element, others);
  Object.assign(element.dataset, data);
  if (pressed !== undefined) element.setAttribute("aria-pressed", String(pressed));
  element.append(...children);
  return element;
}

// The only place where markup becomes elements: the server has cleaned it, and the page's policy
// lets nothing in it run.
function markup(place, html) {
  place.innerHTML = html;
  for (const link of place.querySelectorAll("a[href]")) link.target = "_blank";
  return place;
}

export function drawHead(state, groups, mode, namesShown, undoable) {
  document.title = `${state.question} · ${state.unit}`;
  at("title").textContent = `${state.unit}: ${state.question}`;
  const all = state.answers.length;
  const waiting = state.answers.filter((answer) => answer.waits).length;
  const of = groups.length < all ? `, in ${groups.length} groups` : "";
  at("progress").textContent = `${all - waiting} of ${all} answers read${of}`;
  at("bar").max = Math.max(all, 1);
  at("bar").value = all - waiting;
  at("grouping").textContent = `Groups: ${mode}`;
  at("names").setAttribute("aria-pressed", String(namesShown));
  at("undo").disabled = !undoable;
  const worth = state.out_of || "0, points are extra credit";
  at("out-of").textContent = `(worth ${worth})`;
  markup(at("asked"), state.asked);
  markup(at("model"), state.model);
}

export function drawRubric(rubric, edited) {
  at("no-rubric").hidden = rubric.length > 0;
  at("rubric").replaceChildren(
    ...rubric.map((item, place) =>
      make(
        "li",
        { className: item.id === edited ? "edited" : "" },
        make("kbd", {}, keyOf(place)),
        make("b", {}, signed(item.points)),
        make("span", {}, item.comment || "(no comment)"),
        make("button", { data: { act: "edit", item: item.id }, title: `e ${keyOf(place)}` }, "Edit"),
      ),
    ),
  );
}

// bundle: { cards (each of equal answers), apart and alone (what they are called), selected }
export function drawBundle(bundle, rubric, names) {
  const { cards, selected } = bundle;
  const answers = cards.flat();
  const waiting = answers.filter((answer) => answer.waits).length;
  const going = cards.filter(([first]) => !bundle.apart.has(first.id)).flat();
  const said = waiting ? `${waiting} to be read` : "read";
  const count = answers.length > 1 ? `${answers.length} answers` : "1 answer";
  const classes = ["bundle", cards.length > 1 && "many", selected && "selected", !waiting && "done"];
  const section = make(
    "section",
    { className: classes.filter(Boolean).join(" ") },
    make("h2", {}, `${count}, ${said}`),
    bar(going.length ? going : answers, rubric, "group"),
  );
  const single = cards.length === 1;
  const drawn = cards.map((equal) => drawCard(equal, single, bundle, rubric, names));
  section.append(make("div", { className: "cards" }, ...drawn));
  return section;
}

function drawCard(equal, single, bundle, rubric, names) {
  const [first] = equal;
  const apart = bundle.apart.has(first.id);
  const classes = ["card", equal.some((answer) => answer.waits) ? "waits" : "read"];
  if (bundle.alone === first.id) classes.push("alone");
  if (apart) classes.push("apart");
  const card = make("article", { className: classes.join(" "), data: { card: first.id } });
  const head = make("p", { className: "head" });
  if (!single) {
    const title = "key x: whether the group's marks are for it, too";
    const text = apart ? "on its own" : "with its group";
    head.append(make("button", { pressed: !apart, data: { act: "apart" }, title }, text));
  }
  if (equal.length > 1) head.append(make("b", {}, `${equal.length} equal`));
  head.append(make("span", { className: "score" }, scoreOf(equal)));
  card.append(head);
  if (names) {
    const whose = equal.map((answer) => names[answer.id] ?? "?").join(", ");
    card.append(make("p", { className: "names" }, whose));
  }
  if (!single && first.differs) {
    card.append(make("p", { className: "differs", title: "from the first" }, first.differs));
  }
  card.append(markup(make("div", { className: "text" }), first.html));
  if (!single) card.append(bar(equal, rubric, "own"));
  return card;
}

function scoreOf(answers) {
  const said = answers.map(({ score, waits }) => {
    return score === null ? "to be read" : waits ? `${score}, to be read` : String(score);
  });
  return [...new Set(said)].join(" / ");
}

// What marks answers: items, points, words. It shows what they have in common.
function bar(answers, rubric, kind) {
  const common = (name) => {
    const values = new Set(answers.map((answer) => answer[name]));
    return values.size === 1 ? [...values][0] : null;
  };
  const items = rubric.map((item, place) =>
    make(
      "button",
      {
        className: "item",
        pressed: answers.every((answer) => answer.items.includes(item.id)),
        data: { act: "item", item: item.id },
        title: item.comment,
      },
      kind === "own"
        ? keyOf(place)
        : `${keyOf(place)} · ${signed(item.points)} · ${short(item.comment)}`,
    ),
  );
  const points = make("input", {
    type: "number",
    step: "any",
    min: 0,
    data: { act: "points" },
    title: "key p",
    defaultValue: common("points") ?? "",
    placeholder: common("score") ?? "points",
  });
  points.setAttribute("aria-label", "points");
  const note = make("textarea", {
    rows: 1,
    data: { act: "note" },
    title: "key c",
    defaultValue: common("note") ?? "",
    placeholder: common("note") === null ? "(different comments)" : "comment",
  });
  note.setAttribute("aria-label", "comment");
  const still = answers.some((answer) => answer.waits && answer.score !== null);
  const keep = still ? [make("button", { data: { act: "keep" }, title: "key y" }, "Still right")] : [];
  return make("div", { className: `bar ${kind}` }, ...items, ...keep, points, note);
}

const keyOf = (place) => (place < 10 ? String((place + 1) % 10) : "");
const signed = (points) => (points < 0 ? `−${-points}` : `+${points}`);
const short = (text) => (text.length > 40 ? `${text.slice(0, 39)}…` : text);
