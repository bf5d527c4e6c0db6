// Three ways to log in: autofill, a button, and a password with the passkey as the second factor.
import { createClient, FactorNeeded } from "ampho/client/full";
import { element, showError, textIn } from "./page.js";

/** @import { ClientSession } from "ampho/client/full" */

const client = createClient({ baseUrl: "/" });

/** @param {ClientSession | undefined} session */
const openAccount = (session) => {
  if (session) location.assign("account.html");
};

client.loginWithPasskey({ autofill: true }).then(openAccount, showError);
element("#passkey", HTMLButtonElement).onclick = () => client.loginWithPasskey().then(openAccount, showError);

/** @param {FormData} fields */
async function logIn(fields) {
  const recoveryCode = textIn(fields, "code") || undefined;
  try {
    return await client.login(textIn(fields, "login"), textIn(fields, "password"), { recoveryCode });
  } catch (error) {
    if (error instanceof FactorNeeded && error.factors.includes("passkey")) return error.finish({ passkey: true });
    throw error;
  }
}

const form = element("form", HTMLFormElement);
form.onsubmit = (event) => {
  event.preventDefault();
  logIn(new FormData(form)).then(openAccount, showError);
};
