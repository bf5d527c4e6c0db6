import { askWith, createAccount, createClient } from "/ampho/client.js";
import { renderSVG } from "/uqr/index.mjs";

const onStepUp = askWith({ password: () => prompt("Your password"), totp: () => prompt("The code of your app") });
const onConfirm = () => prompt("The code of the mail that you just got");
const client = createClient({ baseUrl: "/", cookies: true, onStepUp, onConfirm });
const { account, sessions } = createAccount(client);
const find = (id) => document.getElementById(id);
const say = (text) => document.querySelector("[role=alert]").replaceChildren(text);
const fail = ({ message }) => say(message);
const headers = { "Content-Type": "application/json" };
let registration;
let setup;

/** The forms by their ids. Each takes its fields. */
const actions = {
  signIn({ email, password, code }) {
    const proof = /^\d{6}$/.test(code) ? { totp: code } : { recoveryCode: code };
    return client.login(email, password, code ? proof : {});
  },
  async register({ email }) {
    registration = await client.register(email);
    find("confirm").hidden = false;
  },
  confirm: (fields) => registration.finish(fields),
  add: (note) => client.fetch("/notes", { method: "POST", headers, body: JSON.stringify(note) }),
  async setUp() {
    setup = await client.totp.begin();
    find("codes").innerHTML = renderSVG(setup.uri);
    find("confirmApp").hidden = false;
  },
  async confirmApp({ code }) {
    const { recoveryCodes } = await setup.confirm(code);
    find("codes").textContent = `Keep these recovery codes: ${recoveryCodes.join(" ")}`;
    find("confirmApp").hidden = true;
  },
  async endOthers() {
    for (const { id, current } of await sessions.list()) if (!current) await sessions.end(id);
  },
  signOut: () => client.logout(),
  remove: () => account.remove(),
};

async function show(session) {
  find("visitor").hidden = session !== undefined;
  find("user").hidden = session === undefined;
  if (!session) return;
  const notes = await (await client.fetch("/notes")).json();
  find("notes").textContent = notes.join("\n");
  const nameOf = ({ browser, current }) => `${browser ?? "Another program"}${current ? ", here" : ""}`;
  find("sessions").textContent = (await sessions.list()).map(nameOf).join("\n");
}

for (const form of document.forms)
  form.onsubmit = (event) => {
    event.preventDefault();
    say("");
    const done = async () => show(await client.session());
    actions[form.id](Object.fromEntries(new FormData(form)))
      .then(done)
      .catch(fail);
  };
client.onChange((session) => show(session).catch(fail));
show(await client.session()).catch(fail);
