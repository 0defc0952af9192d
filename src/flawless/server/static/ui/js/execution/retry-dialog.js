// Retrying: from the effect that failed, from one that is chosen, or from the beginning.
import { html } from "../lit.js";
import { ask, choices } from "./form-dialog.js";

const EFFECTS_SHOWN = 200;

// `rows` are those of the timeline; `effect` is the one to begin with, if it is chosen already.
export function retry(app, detail, rows, effect = null) {
  const failed = detail.status === "failed";
  const effects = rows.filter((row) => row.effect > 0 && !row.undone).slice(-EFFECTS_SHOWN).reverse();
  let way = effect ? "effect" : failed ? "failed" : "start";
  let chosen = effect ?? effects[0]?.effect ?? 0;
  const select = (redraw) => html`<select
    class="select"
    aria-label="The effect to go on from"
    @change=${(event) => {
      chosen = Number(event.target.value);
      redraw();
    }}
  >
    ${effects.map(
      (row) => html`<option value=${row.effect} ?selected=${row.effect === chosen}>
        ${row.effect}: ${row.before}${row.title}${row.failed ? " (failed)" : ""}
      </option>`,
    )}
  </select>`;
  const onlyFailed = failed ? "" : "Only a failed execution can go on.";
  const fields = (redraw) =>
    choices(
      "Where to begin",
      "way",
      [
        {
          value: "failed",
          label: "From the effect that failed",
          help: "It is performed again, with all its retries. What came before is kept, and not done again.",
          refusal: onlyFailed,
        },
        {
          value: "effect",
          label: "From an effect of your choice",
          help: "This effect and all that came after it are done again. Use it where the workflow went on after the error.",
          refusal: onlyFailed || (effects.length ? "" : "It has performed no effect."),
          extra: select(redraw),
        },
        {
          value: "start",
          label: "From the start",
          help: "The next run begins with the same input, on the newest code. Everything is done again, also what was done in the world already.",
        },
      ],
      way,
      (value) => {
        way = value;
        redraw();
      },
    );
  return ask(app, {
    title: "Retry",
    action: "Retry",
    fields: (redraw) => html`<p class="muted">${detail.id}</p>${fields(redraw)}`,
    submit: async () => {
      const body = { failed: {}, effect: { effect: chosen }, start: { from_start: true } }[way];
      await app.api.post(`executions/${encodeURIComponent(detail.id)}/retry`, body);
      app.toast("It goes on");
      return true;
    },
  });
}
