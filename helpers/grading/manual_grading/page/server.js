// What the page asks its server for. Everything goes one after the other: a mark is made of the
// state that the one before it left.

export class Refused extends Error {}

let last = Promise.resolve();

export function inTurn(work) {
  const done = last.then(work, work);
  last = done.catch(() => {});
  return done;
}

export async function ask(name, sent) {
  const options = { credentials: "omit", cache: "no-store" };
  if (sent !== undefined) {
    options.method = "POST";
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(sent);
  }
  const response = await fetch(name, options).catch(() => null);
  const said = await response?.json().catch(() => null);
  if (!said) {
    throw new Refused(
      "Not saved: `course read` has ended. Run it again and open the address that it prints; " +
        "what was marked before is saved.",
    );
  }
  if (!response.ok) throw new Refused(said.line);
  return said.said;
}
