// The editor: CodeMirror for Python, in the colours of the page.

import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import {
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, drawSelection, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

const markLine = StateEffect.define();

// What a telephone's keyboard writes, as Python has it.
function straight(text) {
  return text
    .replace(/[“”„]/g, '"')
    .replace(/[‘’‚]/g, "'")
    .replaceAll("\u00a0", " ");
}

// Only of what the reader types or pastes: what stood there is as it was.
const straightened = EditorState.transactionFilter.of((transaction) => {
  if (!transaction.isUserEvent("input")) return transaction;
  const changes = [];
  transaction.changes.iterChanges((_from, _to, from, to, inserted) => {
    const insert = straight(inserted.toString());
    if (insert !== inserted.toString()) changes.push({ from, to, insert });
  });
  return changes.length ? [transaction, { changes, sequential: true }] : transaction;
});

// The two lines that stand for an answer, around a place in them: null elsewhere.
function placeholder({ doc }, place) {
  const found = /# YOUR CODE HERE\n *raise NotImplementedError\(\)/.exec(doc.toString());
  if (!found || doc.lineAt(found.index).from > place) return null;
  const head = found.index + found[0].length;
  return place <= head ? { anchor: found.index, head } : null;
}

// A tap on them selects both: what is typed then stands in their place. A second tap is a plain one.
const offerPlaceholder = EditorView.domEventHandlers({
  click(event, view) {
    const { state } = view;
    // Of a touch the editor hears later where the cursor went.
    const place = view.posAtCoords({ x: event.clientX, y: event.clientY });
    const selection = place !== null && state.selection.main.empty && placeholder(state, place);
    if (!selection || view.offered === state.doc) return;
    view.offered = state.doc;
    view.dispatch({ selection });
  },
});

// A line that is wrapped goes on below its own beginning, and a little further in.
const hanging = EditorView.decorations.compute(["doc"], ({ doc }) => {
  const lines = [];
  for (let number = 1; number <= doc.lines; number++) {
    const { from, text } = doc.line(number);
    const depth = text.match(/^ */)[0].length + 2;
    const style = `padding-left: calc(6px + ${depth}ch); text-indent: -${depth}ch`;
    lines.push(Decoration.line({ attributes: { style } }).range(from));
  }
  return Decoration.set(lines);
});

// The line that an error came up in, until the text changes.
const markedLine = StateField.define({
  create: () => Decoration.none,
  update(marked, transaction) {
    for (const effect of transaction.effects) {
      if (!effect.is(markLine)) continue;
      const { doc } = transaction.state;
      if (effect.value < 1 || effect.value > doc.lines) return Decoration.none;
      const line = Decoration.line({ class: "failing-line" });
      return Decoration.set([line.range(doc.line(effect.value).from)]);
    }
    return transaction.docChanged ? Decoration.none : marked;
  },
  provide: (field) => EditorView.decorations.from(field),
});

// An editor in the place of `plain`, with its text and selection. `keys` maps keys to what they do.
export function makeEditor(plain, { label, keys, onChange }) {
  const hadFocus = document.activeElement === plain;
  const { text, selection } = textAndSelection(plain);
  const own = Object.entries(keys).map(([key, act]) => ({ key, run: () => (act(), true) }));
  const state = EditorState.create({
    doc: text,
    selection,
    extensions: [
      lineNumbers(),
      history(),
      drawSelection(),
      EditorState.tabSize.of(4),
      indentUnit.of("    "),
      indentOnInput(),
      bracketMatching(),
      closeBrackets(),
      python(),
      syntaxHighlighting(classHighlighter),
      markedLine,
      straightened,
      offerPlaceholder,
      hanging,
      EditorView.lineWrapping,
      keymap.of([
        ...own,
        ...closeBracketsKeymap,
        ...defaultKeymap,
        ...historyKeymap,
        indentWithTab,
      ]),
      EditorView.contentAttributes.of({
        "aria-label": label,
        "aria-description": "Tab indents; Escape, then Tab leaves the editor",
        autocapitalize: "off",
        autocorrect: "off",
        spellcheck: "false",
      }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) onChange(update.state.doc.toString());
      }),
    ],
  });
  const view = new EditorView({ state });
  plain.replaceWith(view.dom);
  const { main } = view.state.selection;
  const offered = hadFocus && main.empty && placeholder(view.state, main.head);
  if (offered) view.dispatch({ selection: offered });
  if (hadFocus) view.focus();
  return {
    text: () => view.state.doc.toString(),
    setText(text) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    mark: (line) => view.dispatch({ effects: markLine.of(line) }),
  };
}

// What stands in the plain field, and what is selected in it: who selected all of it before the
// editor was there writes over it.
function textAndSelection(plain) {
  const text = plain.innerText.replace(/\u00a0/g, " ").replace(/\n$/, "");
  const { anchorNode, anchorOffset, focusNode, focusOffset } = getSelection();
  const place = (node, offset) => {
    if (!plain.contains(node)) return 0;
    const range = document.createRange();
    range.setStart(plain, 0);
    range.setEnd(node, offset);
    return Math.min(range.toString().length, text.length);
  };
  const selection = { anchor: place(anchorNode, anchorOffset), head: place(focusNode, focusOffset) };
  return { text, selection };
}
