// One question of a page: its editor, what its buttons do, and what came of it.

import { makeEditor } from "./editor.js";
import { answersOf, forgetAnswer, keepAnswer, keepVerdict } from "./store.js";

const SAID = { load: "Python is being loaded …", run: "running …" };

export class Question {
  #section;
  #python;
  #stub;
  #editor;
  #before = null; // what Reset took away

  // `python()`: a promise of Python with this unit's notebook open.
  constructor(section, python) {
    this.#section = section;
    this.#python = python;
    this.unit = section.dataset.unit;
    this.name = section.dataset.question;
    this.#stub = section.dataset.stub;
    const plain = section.querySelector(".cm-content");
    // On being asked again the earlier answer is kept, and out of sight.
    this.again = "again" in section.dataset;
    const touched = plain.innerText.trimEnd() !== this.#stub.trimEnd();
    this.#editor = makeEditor(plain, {
      label: `Your answer to ${this.name}`,
      keys: { "Shift-Enter": () => this.do("check"), "Mod-Enter": () => this.do("run") },
      onChange: (text) => this.#changed(text),
    });
    if (touched) this.#changed(this.#editor.text());
  }

  do(action) {
    if (action === "reset") this.#reset();
    else this.#ask(action);
  }

  #changed(text) {
    if (!this.again) keepAnswer(this.unit, this.name, text);
    if (this.#before !== null) this.#resetIs(null);
  }

  #reset() {
    const before = this.#before;
    const now = this.#editor.text();
    this.#editor.setText(before ?? this.#stub);
    if (before === null && !this.again) forgetAnswer(this.unit, this.name);
    this.#resetIs(before === null && now !== this.#stub ? now : null);
  }

  #resetIs(before) {
    this.#before = before;
    const button = this.#button("reset");
    button.textContent = before === null ? "Reset" : "Undo reset";
  }

  async #ask(action) {
    const stop = this.#button("stop");
    const answers = { ...answersOf(this.unit), [this.name]: this.#editor.text() };
    // Asked again, it is asked of other numbers.
    const fresh = action === "another" || (this.again && action === "check");
    const task = { do: fresh ? "check" : action, unit: this.unit, name: this.name, answers };
    if (fresh) task.seed = Math.floor(Math.random() * 2 ** 31);
    this.#begin();
    try {
      const python = await this.#python();
      stop.onclick = () => python.stop();
      const came = await python.ask(task, () => {
        this.#say(SAID.run);
        stop.hidden = false;
      });
      this.#show(came);
    } catch (error) {
      this.#showOutput(`Python cannot run here: ${error.message}`);
    } finally {
      stop.hidden = true;
      this.#say("");
      this.#disable(false);
    }
  }

  #begin() {
    this.#disable(true);
    this.#say(SAID.load);
    this.#editor.mark(0);
    this.#showOutput("");
    const place = this.#verdict;
    place.innerHTML = "";
    delete place.dataset.status;
  }

  #show(came) {
    const where = came.line ? `Line ${came.line}: ` : "";
    // A verdict's hint says it where there is no function to judge.
    const error = came.error && !came.verdict?.hint.includes(came.error) && where + came.error;
    const value = came.html ? "" : came.shown;
    const silent =
      came.example && `It ran and printed nothing. To see a value, add a last line:\n${came.example}`;
    const parts = [came.printed.trimEnd(), value, error, silent];
    this.#showOutput(parts.filter(Boolean).join("\n"), came.html);
    this.#editor.mark(came.line);
    if (!came.verdict) return;
    const place = this.#verdict;
    place.innerHTML = came.verdictHtml;
    place.dataset.text = came.verdictText;
    place.dataset.status = came.verdict.status;
    // Its first line, at least, is in sight.
    place.firstElementChild.firstElementChild.scrollIntoView({ block: "nearest" });
    keepVerdict(this.unit, this.name, came.verdict, this.again);
  }

  #showOutput(text, html = "") {
    const place = this.#section.querySelector(".question-output");
    place.replaceChildren();
    if (text) place.append(Object.assign(document.createElement("pre"), { textContent: text }));
    if (html) place.append(Object.assign(document.createElement("div"), { innerHTML: html }));
  }

  #say(text) {
    this.#section.querySelector("[role=status]").textContent = text;
  }

  #disable(whether) {
    for (const action of ["run", "check", "another"]) this.#button(action).disabled = whether;
  }

  #button(action) {
    return this.#section.querySelector(`button[data-action="${action}"]`);
  }

  get #verdict() {
    return this.#section.querySelector("[data-verdict]");
  }
}
