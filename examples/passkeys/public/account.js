// The user's passkeys: listed, added, renamed, removed.
import { createClient } from "ampho/client/full";
import { element, showError, textIn } from "./page.js";

/** @import { ClientSession, PasskeyView } from "ampho/client/full" */

const client = createClient({
  baseUrl: "/",
  // For routes and changes that need a passkey, or a more recent login.
  async onStepUp() {
    await client.loginWithPasskey();
  },
});

async function show() {
  const passkeys = await client.passkeys.list();
  element("ul", HTMLUListElement).replaceChildren(...passkeys.map(itemOf));
}

/** @param {PasskeyView} passkey */
function itemOf({ id, name, synced }) {
  const item = document.createElement("li");
  item.append(`${name}${synced ? " (synced)" : ""} `);
  /**
   * @param {string} text
   * @param {() => Promise<void>} action
   */
  const addButton = (text, action) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    button.onclick = () => attempt(action);
    item.append(button);
  };
  addButton("Rename", async () => {
    const next = prompt("Name", name);
    if (next) await client.passkeys.rename(id, next);
    await show();
  });
  addButton("Remove", async () => {
    await client.passkeys.remove(id);
    await show();
  });
  return item;
}

const form = element("form", HTMLFormElement);

async function add() {
  const { recoveryCodes } = await client.passkeys.add({ name: textIn(new FormData(form), "name") });
  form.reset();
  element("#codes", HTMLElement).hidden = recoveryCodes.length === 0;
  element("code", HTMLElement).textContent = recoveryCodes.join(" ");
  await show();
}

async function openSecret() {
  const response = await client.fetch("/api/secret");
  element("output", HTMLOutputElement).textContent = (await response.json()).text;
}

form.onsubmit = (event) => {
  event.preventDefault();
  attempt(add);
};
element("#secret", HTMLButtonElement).onclick = () => attempt(openSecret);
element("#logout", HTMLButtonElement).onclick = () => attempt(() => client.logout());

/** @param {() => Promise<void>} action */
async function attempt(action) {
  showError(undefined);
  await action().catch(showError);
}

/** @param {ClientSession | undefined} session */
function showOwner(session) {
  if (session) element("#who", HTMLElement).textContent = session.login;
  else location.assign("/");
}

const session = await client.session();
client.onChange(showOwner);
showOwner(session);
if (session) await attempt(show);
