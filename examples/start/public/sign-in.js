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

/** The form asks for the code of the mail, but not where the user has followed its link. */
function confirm(begun) {
  registration = begun;
  form("register").hidden = true;
  form("confirm").hidden = false;
  if (begun.for) form("confirm").elements.code.closest("label").remove();
}

onSubmit("register", async ({ email }) => confirm(await client.register(email)));
onSubmit("confirm", async (fields) => openAccount(await registration.finish(fields)));
onSubmit("sign-in", async ({ email, password }) => openAccount(await logIn(email, password)));

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

// The link of a mail opens this page.
const link = client.followLink();
if (link?.for === "register") confirm(link);

// A token ends after 15 minutes, and the session goes on. `fetch` renews the token.
if (await client.session()) client.fetch("/api/orders").then(({ ok }) => openAccount(ok), show);

client.loginWithPasskey({ autofill: true }).then(openAccount, show);
form("passkey").onclick = () => client.loginWithPasskey().then(openAccount, show);
