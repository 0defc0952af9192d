// Pauses and fresh ids: everything that has to do with time passing, or with chance.

/** Tells, by the origin of a server, that it has answered: streams need not wait any longer. */
export const alive = new EventTarget();

/** Between half of `ms` and all of it, so that many clients do not come back at the same moment. */
export const jittered = (ms) => ms * (0.5 + Math.random() / 2);

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** A fresh random id of 100 bits. Not `randomUUID`, which plain http pages do not have. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  return Array.from(bytes, (byte) => ALPHABET[byte % 32]).join("");
}

/** Wait; ends early, without an error, when `signal` is aborted. */
export function pause(ms, ...signals) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      for (const signal of signals) signal?.removeEventListener("abort", done);
      resolve(undefined);
    };
    const timer = setTimeout(done, ms);
    for (const signal of signals) {
      if (signal?.aborted) done();
      else signal?.addEventListener("abort", done);
    }
  });
}
