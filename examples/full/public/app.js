// The page knows sessions and notes, but no tokens.
import { createClient } from "ampho/client";

const client = createClient({ baseUrl: "/" });
const find = (selector) => document.querySelector(selector);
const say = (text) => find("[role=alert]").replaceChildren(text);

function show(session) {
  find("#login").hidden = session !== undefined;
  find("main").hidden = session === undefined;
  find("#who").replaceChildren(session?.login ?? "");
  find("ul").replaceChildren();
  if (session !== undefined) attempt(showNotes);
}

async function showNotes() {
  const response = await client.fetch("/api/notes");
  const notes = await response.json();
  const items = notes.map((text) => Object.assign(document.createElement("li"), { textContent: text }));
  find("ul").replaceChildren(...items);
}

const actions = {
  async login(fields) {
    await client.login(fields.get("login"), fields.get("password"));
    find("#login").hidden = true;
  },
  async note(fields) {
    const body = JSON.stringify({ text: fields.get("text") });
    await client.fetch("/api/notes", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    await showNotes();
  },
  reload: showNotes,
  async clear() {
    const response = await client.fetch("/api/notes", { method: "DELETE" });
    if (response.ok) return showNotes();
    const { error, message } = await response.json();
    // Show the login form again. A login of the same user renews `auth_time` of the session.
    if (error === "login_too_old") find("#login").hidden = false;
    say(message);
  },
  logout: () => client.logout(),
};

for (const form of document.forms)
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(() => actions[form.id](new FormData(form)).then(() => form.reset()));
  });
for (const id of ["reload", "clear", "logout"]) find(`#${id}`).addEventListener("click", () => attempt(actions[id]));

/** Shows an error to the user. Messages of the API are for people. */
async function attempt(action) {
  say("");
  try {
    await action();
  } catch (error) {
    say(error.message);
  }
}

// Runs now, and at each login or logout, here or in another tab.
show(await client.session());
client.onChange(show);
