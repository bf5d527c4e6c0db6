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

// The link of a mail opens this page. It does nothing before the user sends the form for it.
const link = client.followLink();
let registration;

/** The form asks for the code of the mail, but not where the user has followed its link. */
function confirm(begun) {
  registration = begun;
  form("register").hidden = true;
  form("confirm").hidden = false;
  if (begun.for) form("confirm").elements.code.closest("label").remove();
}

onSubmit("register", async ({ email }) => confirm(await client.register(email, { invite: link?.invite })));
onSubmit("confirm", async (fields) => openAccount(await registration.finish(fields)));
onSubmit("sign-in", async ({ email, password }) => openAccount(await logIn(email, password)));
onSubmit("reset", (fields) => setPassword(fields).then(() => done("The new password is set. Sign in with it.")));
onSubmit("alarm", () => link.finish({ change: link.change }).then(() => done("All sessions have ended.")));

function done(message) {
  form(link.for).hidden = true;
  show({ message });
}

/** An account with a passkey also needs the passkey. */
async function setPassword({ match, newPassword }) {
  const proof = { match: match || undefined, newPassword };
  await link.finish(proof).catch((error) => {
    if (error.code !== "factor_needed") throw error;
    return link.finish({ ...proof, passkey: true });
  });
}

/** After a password, a user with a passkey also needs the passkey. Where a policy requires one, the user sets it up here. */
async function logIn(email, password) {
  try {
    return await client.login(email, password);
  } catch (error) {
    if (!(error instanceof FactorNeeded)) throw error;
    if (error.factors.includes("passkey")) return error.finish({ passkey: true }).catch(withRecoveryCode(error));
    if (!error.enroll) throw error;
    const code = error.mail ? prompt("The code from the mail that you just got") : undefined;
    const { session, recoveryCodes } = await client.passkeys.add(error, { name: "This device", code });
    alert(`Keep these recovery codes:\n${recoveryCodes.join("\n")}`);
    return session;
  }
}

/** For a user who has lost the device. */
const withRecoveryCode = (needed) => (failed) => {
  const recoveryCode = prompt("No passkey was used. Without your device, type a recovery code:");
  if (!recoveryCode) throw failed;
  return needed.finish({ recoveryCode });
};

if (link?.for === "register") confirm(link);
if (link?.for === "reset" || link?.for === "alarm") form(link.for).hidden = false;
if (link?.for === "login") show({ message: "Open the link on the page that asked for it." });

// A token ends after 15 minutes, and the session goes on. `fetch` renews the token.
if (!link && (await client.session())) client.fetch("/api/orders").then(({ ok }) => openAccount(ok), show);

client.loginWithPasskey({ autofill: true }).then(openAccount, show);
form("passkey").onclick = () => client.loginWithPasskey().then(openAccount, show);
