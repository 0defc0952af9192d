// The pages of the checkout. They hold no state: they draw what the workflow publishes, and tell it
// what somebody does. The only thing kept here is what is being typed at this moment.
import { Flawless } from "../flawless/flawless.js";

const PAGES = { cart: "Cart", address: "Address", delivery: "Delivery", payment: "Payment" };
const FIELDS = {
  name: ["Your name", "name"],
  street: ["Street and number", "street-address"],
  city: ["City", "address-level2"],
  email: ["Email", "email"],
};
const CARDS = { good: "A card with money on it", empty: "A card without" };
const TYPING_MS = 250;

const main = document.getElementById("page");
const pages = document.getElementById("pages");
const connection = document.getElementById("connection");

let run; // the execution that is this visit
let watch;
let told = Promise.resolve();
let drawn = ""; // the page that stands in `main`

async function begin(again = "") {
  const answer = await fetch(`visit${again}`, { method: "POST" });
  if (!answer.ok) throw new Error(`the shop answers ${answer.status}`);
  const { execution, token } = await answer.json();
  watch?.stop();
  run = new Flawless({ token }).execution(execution);
  watch = run.watch((view) => view && show(view), {
    onConnection: ({ state }) => {
      connection.textContent = state === "lost" ? "The shop is away. It will be back …" : "";
    },
    onError: complain,
  });
}

// One after the other, so that they arrive in the order in which they were done.
function tell(name, payload) {
  const to = run;
  told = told.then(() => to.send(name, payload)).catch(complain);
  return told;
}

const complain = (error) => { connection.textContent = error.message; };
const money = (cents) => (cents / 100).toLocaleString("en", { style: "currency", currency: "EUR" });

// --- drawing -----------------------------------------------------------------------------------

function show(view) {
  showPages(view);
  if (view.page !== drawn) {
    main.replaceChildren(...DRAW[view.page](view));
    drawn = view.page;
  }
  UPDATE[view.page]?.(view);
  const problem = main.querySelector(".problem");
  if (problem) problem.textContent = view.problem;
  const total = main.querySelector(".total");
  if (total) total.textContent = `Total ${money(view.total_cents)}`;
}

function showPages({ page }) {
  const names = Object.keys(PAGES);
  const here = names.indexOf(page);
  const ended = page === "paying" || page === "confirmation";
  pages.replaceChildren(...names.map((name, n) => element("li", {},
    element("button", {
      textContent: PAGES[name],
      className: ended || n < here ? "done" : "",
      ariaCurrent: n === here ? "page" : null,
      disabled: ended,
      onclick: () => go(name),
    }))));
}

const DRAW = {
  cart: ({ items }) => [
    heading("What would you like?"),
    element("div", { className: "rows" }, ...Object.entries(items).map(([id, item]) =>
      element("div", { className: "row", id: `item-${id}` },
        element("span", { textContent: item.name }),
        element("span", { className: "price", textContent: money(item.cents) }),
        element("span", { className: "count" },
          element("button", { className: "less", textContent: "−", ariaLabel: `less: ${item.name}` }),
          element("output", { ariaLabel: `in the cart: ${item.name}` }),
          element("button", { className: "more", textContent: "+", ariaLabel: `more: ${item.name}` }))))),
    ...foot(null, "address", "To the address"),
  ],
  address: () => [
    heading("Where shall it go?"),
    ...Object.entries(FIELDS).map(([id, [label, autocomplete]]) =>
      element("label", {}, label, element("input", {
        id, autocomplete, type: id === "email" ? "email" : "text", oninput: typing,
      }))),
    ...foot("cart", "delivery", "To the delivery"),
  ],
  delivery: ({ deliveries }) => [
    heading("How shall it come?"),
    ...Object.entries(deliveries).map(([id, one]) =>
      element("label", { className: "choice" },
        element("input", {
          type: "radio", name: "delivery", value: id,
          onchange: () => tell("Choose", { delivery: id }),
        }),
        element("span", { textContent: `${one.name}${one.days ? `, ${one.days} d` : ""}` }),
        element("span", { textContent: one.cents ? money(one.cents) : "free" }))),
    ...foot("address", "payment", "To the payment"),
  ],
  payment: () => [
    heading("Which card?"),
    ...Object.entries(CARDS).map(([id, label]) =>
      element("label", { className: "choice" },
        element("input", { type: "radio", name: "card", value: id, checked: id === "good" }),
        element("span", { textContent: label }), element("span"))),
    ...foot("delivery", null, "Buy now", () =>
      tell("Pay", { card: main.querySelector("input:checked").value })),
  ],
  paying: () => [element("p", { className: "busy", textContent: "The bank is thinking …" })],
  confirmation: ({ order, address }) => [
    heading("Thank you!"),
    element("dl", {}, ...Object.entries({
      "Order": order.number, "Paid": `${money(order.cents)} (${order.payment})`,
      "For": `${address.name}, ${address.street}, ${address.city}`, "Expected": order.expected,
    }).flatMap(([term, text]) => [
      element("dt", { textContent: term }), element("dd", { textContent: text })])),
    element("div", { className: "foot" }, element("button", {
      textContent: "Buy something else",
      onclick: () => begin("?again").catch(complain),
    })),
  ],
};

const UPDATE = {
  cart: ({ cart, items }) => {
    for (const id of Object.keys(items)) {
      const row = document.getElementById(`item-${id}`);
      const count = cart[id] ?? 0;
      row.querySelector("output").textContent = count;
      row.querySelector(".less").disabled = count === 0;
      row.querySelector(".less").onclick = () => tell("Add", { item: id, count: -1 });
      row.querySelector(".more").onclick = () => tell("Add", { item: id, count: 1 });
    }
  },
  address: ({ address }) => {
    for (const [id, text] of Object.entries(address)) {
      const input = document.getElementById(id);
      if (!input.waiting && input.value !== text) input.value = text;
    }
  },
  delivery: ({ delivery }) => {
    main.querySelector(`[value="${delivery}"]`).checked = true;
  },
};

// What is typed reaches the workflow when the fingers rest; until then it is not written over.
function typing({ target }) {
  clearTimeout(target.waiting);
  target.waiting = setTimeout(async () => {
    const text = target.value;
    await tell("Fill", { field: target.id, text });
    if (target.value === text) target.waiting = null;
  }, TYPING_MS);
}

function go(page) {
  for (const input of main.querySelectorAll("input")) {
    if (!input.waiting) continue;
    clearTimeout(input.waiting);
    tell("Fill", { field: input.id, text: input.value });
    input.waiting = null;
  }
  tell("Go", { page });
}

function foot(back, next, label, action = () => go(next)) {
  return [
    element("p", { className: "problem", role: "alert" }),
    element("div", { className: "foot" },
      back ? element("button", { textContent: "Back", onclick: () => go(back) }) : element("span"),
      element("span", { className: "total" }),
      element("button", { className: "main", textContent: label, onclick: action })),
  ];
}

const heading = (text) => element("h1", { textContent: text });

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

begin().catch(complain);
