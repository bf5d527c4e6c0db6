// Every way of docs/guides/mailed-links.md on one page, which is also the page that mailed links open.
import { createClient } from "ampho/client/mail";

/** @import { ClientSession } from "ampho/client/mail" */

const client = createClient({ baseUrl: "/" });
/** @type {string | undefined} */
let invite;

/**
 * Asks for a proof until `finish` accepts it. `code` is the label of its field, without which the field is hidden.
 * @param {{ text: string, button: string, code?: string, password?: boolean }} asked
 * @param {(fields: { code: string, password: string }) => Promise<unknown>} finish
 */
function ask({ text, button, code, password = false }, finish) {
  const form = element("#proof", HTMLFormElement);
  form.reset();
  form.hidden = false;
  element("#proof output", HTMLOutputElement).textContent = text;
  element("#proof button", HTMLButtonElement).textContent = button;
  element("#password", HTMLElement).hidden = !password;
  const showCode = (label = "") => {
    element("#code", HTMLElement).hidden = label === "";
    element("#code span", HTMLElement).textContent = label;
  };
  showCode(code);
  form.onsubmit = (event) => {
    event.preventDefault();
    attempt(async () => {
      try {
        await finish({ code: textIn(form, "code"), password: textIn(form, "password") });
        form.hidden = true;
      } catch (error) {
        // The link was opened in another browser.
        if (Object(error).code === "match_needed") showCode("Number on the page that asked for the mail");
        throw error;
      }
    });
  };
}

/** The text is the same whether the address has an account or not. */
const sent = (/** @type {{ match: string }} */ { match }) =>
  `We have sent a mail. Enter its code, or open its link. In another browser, the link asks for the number ${match}.`;

/** @type {Record<string, (address: string, password: string) => Promise<void>>} */
const ways = {
  async password(address, password) {
    await client.login(address, password);
  },
  async mail(address) {
    const login = await client.mailLogin(address);
    ask({ text: sent(login), code: "Code", button: "Log in" }, ({ code }) => login.finish(code));
  },
  async register(address) {
    const registration = await client.register(address, { invite });
    const asked = { text: sent(registration), code: "Code", password: true, button: "Create my account" };
    ask(asked, (fields) => registration.finish(fields));
  },
  async reset(address) {
    const reset = await client.resetPassword(address);
    const asked = { text: sent(reset), code: "Code", password: true, button: "Set the password" };
    ask(asked, async ({ code, password }) => {
      await reset.finish({ code, newPassword: password });
      await client.login(address, password);
    });
  },
};

/** Asks what the link of a mail needs. */
function followLink() {
  const link = client.followLink();
  if (link?.for === "login")
    ask({ text: "You have opened a link to log in.", button: "Log in" }, ({ code }) =>
      link.finish({ match: code || undefined }),
    );
  if (link?.for === "register")
    ask(
      { text: `Create an account for ${link.email}.`, password: true, button: "Create my account" },
      ({ code, password }) => link.finish({ password, match: code || undefined }),
    );
  if (link?.for === "reset")
    ask({ text: "Set a new password.", password: true, button: "Set the password" }, ({ code, password }) =>
      link.finish({ newPassword: password, match: code || undefined }),
    );
  if (link?.for === "alarm")
    ask(
      { text: "Was that not you? Log out all devices, then set a new password.", button: "Log out all devices" },
      () => link.finish(),
    );
  if (link?.for === "invitation") {
    invite = link.invite;
    element("[role=alert]", HTMLElement).textContent = "You are invited. Enter your address, and register.";
  }
}

const login = element("#login", HTMLFormElement);
login.onsubmit = (event) => {
  event.preventDefault();
  const way = event.submitter instanceof HTMLButtonElement ? event.submitter.value : "password";
  attempt(async () => ways[way]?.(textIn(login, "address"), textIn(login, "password")));
};

const change = element("#change", HTMLFormElement);
change.onsubmit = (event) => {
  event.preventDefault();
  attempt(async () => {
    const changed = await client.changeEmail(textIn(change, "address"));
    const text = "We have sent a mail to the new address. Enter its code.";
    ask({ text, code: "Code", button: "Change my address" }, ({ code }) => changed.finish(code));
    change.reset();
  });
};
element("#logout", HTMLButtonElement).onclick = () => attempt(() => client.logout());

/** @param {ClientSession | undefined} session */
function show(session) {
  element("#in", HTMLElement).hidden = session === undefined;
  element("#out", HTMLElement).hidden = session !== undefined;
  element("#who", HTMLElement).textContent = session?.login ?? "";
}

/**
 * Shows an error to the user. Messages of the API are for people.
 * @param {() => Promise<unknown>} action
 */
async function attempt(action) {
  const alert = element("[role=alert]", HTMLElement);
  alert.textContent = "";
  await action().catch((error) => {
    alert.textContent = error.message;
  });
}

/**
 * @template {HTMLElement} E
 * @param {string} selector
 * @param {new () => E} type
 * @returns {E}
 */
function element(selector, type) {
  const found = document.querySelector(selector);
  if (found instanceof type) return found;
  throw new Error(`The page has no ${selector}.`);
}

/**
 * @param {HTMLFormElement} form
 * @param {string} name
 */
function textIn(form, name) {
  return String(new FormData(form).get(name) ?? "");
}

followLink();
client.onChange(show);
show(await client.session());
