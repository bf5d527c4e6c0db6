import { createClient, FactorNeeded } from "/ampho/client.js";

const client = createClient({ baseUrl: "/", cookies: true });
const form = (id) => document.querySelector(`#${id}`);
const openAccount = (session) => session && location.assign("/account");
// The browser throws a NotAllowedError if the user closes its dialog, or has no passkey.
const show = ({ name, message }) => {
  document.querySelector("[role=alert]").textContent = name === "NotAllowedError" ? "No passkey was used." : message;
};

/** Calls the action with the fields of the form, and shows its error. */
function onSubmit(id, action) {
  form(id).onsubmit = (event) => {
    event.preventDefault();
    show({ message: "" });
    action(Object.fromEntries(new FormData(form(id)))).catch(show);
  };
}

let registration;

onSubmit("register", async ({ email }) => {
  registration = await client.register(email);
  form("register").hidden = true;
  form("confirm").hidden = false;
});
onSubmit("confirm", async ({ code, password }) => openAccount(await registration.finish({ code, password })));
onSubmit("sign-in", async ({ email, password }) => openAccount(await logIn(email, password)));

/** After a password, a user with a passkey also needs the passkey. Where a policy requires one, the user sets it up here. */
async function logIn(email, password) {
  try {
    return await client.login(email, password);
  } catch (error) {
    if (!(error instanceof FactorNeeded)) throw error;
    if (error.factors.includes("passkey")) return error.finish({ passkey: true });
    if (!error.enroll) throw error;
    const code = error.mail ? prompt("The code from the mail that you just got") : undefined;
    const { session, recoveryCodes } = await client.passkeys.add(error, { name: "This device", code });
    alert(`Keep these recovery codes:\n${recoveryCodes.join("\n")}`);
    return session;
  }
}

// A token ends after 15 minutes, and the session goes on. `fetch` renews the token.
if (await client.session()) client.fetch("/api/orders").then(({ ok }) => openAccount(ok), show);

client.loginWithPasskey({ autofill: true }).then(openAccount, show);
form("passkey").onclick = () => client.loginWithPasskey().then(openAccount, show);
