// Python, as the page sees it: a worker that is asked one thing after another. What takes too long
// is ended with the worker, and a new one takes its place.

// Python itself stops most of what takes longer than 10 s; this is for what it cannot stop.
const LIMIT = 12_000;

export class Python {
  #place;
  #worker = null;
  #notebooks = new Map();
  #waiting = new Map();
  #running = null;
  #timer = 0;
  #count = 0;

  // `place`: the address of the folder that holds the worker.
  constructor(place) {
    this.#place = place;
    this.#start();
  }

  // Has the worker read a unit's released notebook, given as text.
  open(unit, notebook) {
    this.#notebooks.set(unit, notebook);
    return this.ask({ do: "open", unit, notebook });
  }

  // What `kernel.answer` gives for a task. `onBegin` is called when Python begins with it.
  ask(task, onBegin = () => {}) {
    return new Promise((resolve, reject) => {
      const id = ++this.#count;
      this.#waiting.set(id, { task, resolve, reject, onBegin });
      this.#worker.postMessage({ id, task });
    });
  }

  // Ends what is running, with the verdict that Python has given for that; what waits is asked again.
  stop(why = "stopped") {
    const ended = this.#waiting.get(this.#running);
    if (!ended) return;
    this.#waiting.delete(this.#running);
    ended.resolve(ended.endings[why]);
    this.#restart();
  }

  #start() {
    this.#worker = new Worker(new URL("worker.js", this.#place), { type: "module" });
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onerror = (event) => this.#fail(event.message || "Python cannot be loaded");
  }

  #restart() {
    clearTimeout(this.#timer);
    this.#running = null;
    this.#worker.terminate();
    this.#start();
    for (const [unit, notebook] of this.#notebooks) {
      this.#worker.postMessage({ id: 0, task: { do: "open", unit, notebook } });
    }
    for (const [id, { task }] of this.#waiting) this.#worker.postMessage({ id, task });
  }

  #hear({ id, endings, reply, failed }) {
    const asked = this.#waiting.get(id);
    if (!asked) return;
    clearTimeout(this.#timer);
    if (endings) {
      this.#running = id;
      asked.endings = endings;
      this.#timer = setTimeout(() => this.stop("late"), LIMIT);
      asked.onBegin();
      return;
    }
    this.#running = null;
    this.#waiting.delete(id);
    if (failed === undefined) {
      asked.resolve(reply);
    } else {
      asked.reject(new Error(failed));
      this.#restart();
    }
  }

  // The worker could not be started: all that waits is told, and the next question tries again.
  #fail(message) {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new Error(message));
    this.#worker.terminate();
    this.#start();
  }
}
