// Three ways to log in: autofill, a button, and a password with the passkey as the second factor.
import { createClient, FactorNeeded } from "ampho/client/ways";

const client = createClient({ baseUrl: "/" });
const find = (selector) => document.querySelector(selector);
const say = (error) => find("[role=alert]").replaceChildren(error.name === "NotAllowedError" ? "" : error.message);
const openAccount = (session) => session && location.assign("account.html");

client.loginWithPasskey({ autofill: true }).then(openAccount, say);
find("#passkey").onclick = () => client.loginWithPasskey().then(openAccount, say);

async function logIn(fields) {
  const recoveryCode = fields.get("code") || undefined;
  try {
    return await client.login(fields.get("login"), fields.get("password"), { recoveryCode });
  } catch (error) {
    if (error instanceof FactorNeeded && error.factors.includes("passkey")) return error.finish({ passkey: true });
    throw error;
  }
}
find("form").onsubmit = (event) => {
  event.preventDefault();
  logIn(new FormData(event.target)).then(openAccount, say);
};
