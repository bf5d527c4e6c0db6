// The user's passkeys: listed, added, renamed, removed.
import { createClient } from "ampho/client/ways";

const client = createClient({
  baseUrl: "/",
  // For routes and changes that need a passkey, or a more recent login.
  onStepUp: () => client.loginWithPasskey(),
});
const find = (selector) => document.querySelector(selector);

async function show() {
  const passkeys = await client.passkeys.list();
  find("ul").replaceChildren(...passkeys.map(itemOf));
}

function itemOf({ id, name, synced }) {
  const item = document.createElement("li");
  item.append(`${name}${synced ? " (synced)" : ""} `);
  const button = (text, action) => {
    const element = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    element.onclick = () => attempt(action);
    item.append(element);
  };
  button("Rename", async () => {
    const next = prompt("Name", name);
    if (next) await client.passkeys.rename(id, next);
    await show();
  });
  button("Remove", async () => {
    await client.passkeys.remove(id);
    await show();
  });
  return item;
}

async function add(form) {
  const { recoveryCodes } = await client.passkeys.add({ name: new FormData(form).get("name") });
  form.reset();
  find("#codes").hidden = recoveryCodes.length === 0;
  find("code").replaceChildren(recoveryCodes.join(" "));
  await show();
}

find("form").onsubmit = (event) => {
  event.preventDefault();
  attempt(() => add(event.target));
};
find("#secret").onclick = () =>
  attempt(async () => find("output").replaceChildren((await (await client.fetch("/api/secret")).json()).text));
find("#logout").onclick = () => attempt(() => client.logout());

/** Shows an error to the user. Messages of the API are for people. */
async function attempt(action) {
  find("[role=alert]").replaceChildren();
  await action().catch((error) => find("[role=alert]").replaceChildren(error.message));
}

const leave = (session) => session ?? location.assign("/");
const session = await client.session();
client.onChange(leave);
if (leave(session)) {
  find("#who").replaceChildren(session.login);
  await attempt(show);
}
