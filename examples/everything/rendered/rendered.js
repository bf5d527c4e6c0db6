// The pages without a script of their own. A form comes to this server, which calls the endpoints of Ampho in its own process and
// passes the cookies on. Ampho also gets the headers by which it rejects forms of other sites.
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { AmphoError } from "ampho";
import express from "express";
import { renderSVG } from "uqr";
import * as own from "../pages/account.js";
import { html } from "../pages/html.js";
import * as ways from "../pages/ways-in.js";

/** @import { Ampho } from "ampho" */
/** @import { Request, Response } from "express" */
/** @import { HtmlText, Page } from "../pages/html.js" */
/** @import { LinkPurpose } from "../pages/ways-in.js" */

/** @typedef {Readonly<Record<string, string>>} Fields */
/** @typedef {Page | string | undefined} Next A page, the path of the next one, or nothing after a response. */
/** @typedef {(method: "GET" | "POST" | "DELETE", path: string, body?: object, own?: boolean) => Promise<any>} Call */

/** An error of Ampho, with the members of its response. */
class Problem extends Error {
  /** @param {{ error: string, message: string, [member: string]: any }} body @param {number} status */
  constructor(body, status) {
    super(body.message);
    this.body = body;
    this.status = status;
  }
}

/** The result of a ceremony. Ampho rejects what is none. @param {string} [text] */
function jsonOf(text = "") {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {string} notice @param {string} [path] */
const done = (notice, path = "account") => `${path}?done=${notice}`;

/** @param {{ recovery_codes?: readonly string[], recovery_codes_left?: number }} entered @param {string} [next] @returns {Next} */
const codesOr = (
  { recovery_codes: codes = [], recovery_codes_left: left = 3 },
  next = left < 3 ? done("few") : "account",
) => (codes.length > 0 ? own.recoveryCodes({ codes }) : next);

/** The members of a second factor. @param {Fields} fields */
const factorOf = ({ totp, recovery_code, passkey, remember }) => ({
  totp: totp || undefined,
  recovery_code: recovery_code || undefined,
  passkey: passkey ? jsonOf(passkey) : undefined,
  remember: remember !== undefined || undefined,
});

/**
 * One row for each form: what it does, and the page that shows it again after an error.
 * @type {Record<string, { run: (call: Call, fields: Fields, response: Response) => Promise<Next>, page: (call: Call, fields: Fields) => Promise<Page> | Page }>}
 */
const actions = {
  "sign-in": {
    run: async (call, { login, password }) => codesOr(await call("POST", "/login", { login, password })),
    page: (call, { login }) => signIn(call, login),
  },
  "sign-in/mail": {
    run: async (call, { login }) => ways.mailedCode(await call("POST", "/login/mail", { login })),
    page: (call, { login }) => signIn(call, login),
  },
  "sign-in/code": {
    run: async (call, { code }) => codesOr(await call("POST", "/login", { code: digits(code) })),
    page: (_call, fields) => ways.mailedCode(fields),
  },
  "sign-in/passkey": {
    run: async (call, { transaction, passkey }) =>
      codesOr(await call("POST", "/login", { transaction, passkey: jsonOf(passkey) })),
    page: (call) => signIn(call),
  },
  "sign-in/outside": {
    run: async (call, { provider, max_age: age }) =>
      ways.leave(
        await call("POST", "/login/outside", {
          ...{ provider, return_to: "/account" },
          ...(age && { max_age: Number(age) }),
        }),
      ),
    page: (call) => signIn(call),
  },
  "sign-in/factor": {
    run: async (call, fields) => codesOr(await call("POST", "/login", factorOf(fields))),
    page: (_call, { needed }) => ways.secondFactor({ factors: [], ...jsonOf(needed) }),
  },
  // Without a proof, Ampho returns what the pending login of the cookie needs, as an error.
  "sign-in/pending": {
    run: (call) => call("POST", "/login", { transaction: "" }),
    page: (call) => signIn(call),
  },
  "sign-in/identity": {
    run: async (call, { code, login, password }) =>
      // An empty transaction names the one that was begun. Without it, this would be a login that links nothing.
      codesOr(
        await call("POST", "/login", { transaction: "", ...(code ? { code: digits(code) } : { login, password }) }),
      ),
    page: (_call, { ways: needed = "" }) => ways.identity({ ways: needed.split(" ") }),
  },
  register: {
    run: async (call, { email, invite }) =>
      ways.finishRegistration(await call("POST", "/register", { email, invite: invite || undefined })),
    page: (_call, fields) => ways.register(fields),
  },
  "register/finish": {
    run: async (call, { code, password, passkey }) => {
      const proof = passkey ? { passkey: jsonOf(passkey), name: "First passkey" } : { password };
      return codesOr(await call("POST", "/register/finish", { code: digits(code), ...proof }));
    },
    page: (_call, { match, code, needed }) => ways.finishRegistration({ match, code, ...jsonOf(needed) }),
  },
  forgot: {
    run: async (call, { login }) => ways.finishReset(await call("POST", "/password/reset", { login })),
    page: (_call, fields) => ways.forgot(fields),
  },
  "forgot/finish": {
    run: (call, fields) => finishReset(call, fields, { code: digits(fields.code) }),
    page: (_call, { match, code, needed }) => ways.finishReset({ match, code, ...jsonOf(needed) }),
  },
  link: {
    run: async (_call, { link = "" }) => landing(link),
    page: () => ways.pasteLink(),
  },
  "link/finish": {
    run: async (call, fields) => finishLink(call, fields),
    page: (_call, { link = "", match, needed }) =>
      needed ? ways.finishReset({ link, match, ...jsonOf(needed) }) : landing(link),
  },
  "totp/begin": {
    run: async (call, fields) => totpSetUp(await call("POST", "/totp", enrolmentOf(fields))),
    page: (call, { mail }) => (mail ? ways.enrol({ mail: true }) : account(call)),
  },
  "totp/confirm": {
    run: async (call, { totp }) => codesOr(await call("POST", "/totp/confirm", { totp: digits(totp) })),
    page: (_call, { secret = "", uri = "" }) => totpSetUp({ secret, uri }),
  },
  "passkeys/begin": {
    run: async (call, { name, ...fields }) =>
      own.createPasskey({ name, ...(await call("POST", "/passkeys/options", enrolmentOf(fields))) }),
    page: (call, { mail }) => (mail ? ways.enrol({ mail: true }) : account(call)),
  },
  "passkeys/finish": {
    run: async (call, { name, passkey }) => {
      const added = await call("POST", "/passkeys", { passkey: jsonOf(passkey), name: name || undefined });
      return codesOr(added, done("passkey-added"));
    },
    page: (call) => account(call),
  },
  "passkeys/rename": change((call, { id, name }) => call("POST", `/passkeys/${idOf(id)}`, { name }), "renamed"),
  "passkeys/remove": change((call, { id }) => call("DELETE", `/passkeys/${idOf(id)}`), "removed"),
  "totp/remove": change((call) => call("DELETE", "/totp"), "removed"),
  "recovery-codes/renew": {
    run: async (call) => codesOr(await call("POST", "/recovery-codes")),
    page: (call) => account(call),
  },
  "devices/forget": change((call) => call("DELETE", "/devices"), "devices"),
  "identities/link": {
    run: async (call, { provider }) =>
      ways.leave(await call("POST", "/identities", { provider, return_to: "/account?done=linked" })),
    page: (call) => account(call),
  },
  "identities/remove": change((call, { id }) => call("DELETE", `/identities/${idOf(id)}`), "removed"),
  email: {
    run: async (call, { email }) => own.confirmEmail(await call("POST", "/account/email", { email })),
    page: (call) => account(call),
  },
  "email/finish": {
    run: async (call, { code }) => {
      await call("POST", "/account/email/finish", { code: digits(code) });
      return done("email");
    },
    page: (_call, fields) => own.confirmEmail(fields),
  },
  login: change((call, { login }) => call("POST", "/account/login", { login }), "login", ""),
  password: change(
    (call, { password, new_password }) => call("POST", "/password", { password, new_password }),
    "password",
  ),
  "password/remove": change((call) => call("DELETE", "/password"), "password-removed"),
  "sessions/end": {
    run: async (call, { id }) => {
      await call("DELETE", id ? `/sessions/${idOf(id)}` : "/sessions");
      return id ? done("ended") : done("signed-out", "");
    },
    page: (call) => account(call),
  },
  export: {
    run: async (call, _fields, response) => {
      response.attachment("account.json").json(await call("GET", "/account/export"));
      return undefined;
    },
    page: (call) => account(call),
  },
  "sign-out": change((call) => call("POST", "/logout"), "signed-out", ""),
  delete: change((call) => call("DELETE", "/account"), "deleted", ""),
};

/**
 * @param {(call: Call, fields: Fields) => Promise<unknown>} run
 * @param {string} notice
 * @param {string} [path]
 */
function change(run, notice, path) {
  return {
    run: (/** @type {Call} */ call, /** @type {Fields} */ fields) => run(call, fields).then(() => done(notice, path)),
    page: (/** @type {Call} */ call) => account(call),
  };
}

/** An empty transaction names the pending login, and never the session beside it. @param {Fields} fields */
const enrolmentOf = ({ pending, code }) => ({
  transaction: pending && "",
  code: code ? digits(code) : undefined,
});

/** Codes are shown in groups. @param {string} [text] */
const digits = (text = "") => text.replace(/\s/g, "");
/** @param {string} [id] */
const idOf = (id = "") => encodeURIComponent(id);

/** @param {Call} call @param {string} [login] */
async function signIn(call, login) {
  const { ways: offered, passkey, transaction } = await call("GET", "/login");
  return ways.signIn({ ways: offered, passkey, transaction, login });
}

/** @param {Call} call */
async function account(call) {
  const [about, { sessions }, { ways: offered }] = await Promise.all([
    call("GET", "/account"),
    call("GET", "/sessions"),
    call("GET", "/login"),
  ]);
  return own.account({ account: about, sessions, ways: offered });
}

/** The change needs a recent sign-in. @param {Call} call */
async function confirmIdentity(call) {
  const [{ login }, { ways: offered, passkey, transaction }] = await Promise.all([
    call("GET", "/account"),
    call("GET", "/login"),
  ]);
  return ways.signIn({ ways: offered, passkey, transaction, login, again: true });
}

/** @param {{ secret: string, uri: string }} setup */
const totpSetUp = ({ secret, uri }) => own.totpSetUp({ secret, uri, qr: renderSVG(uri) });

/** The page of what an error asks for. Throws all other errors. @param {Call} call @param {unknown} error @returns {Promise<Page>} */
async function pageOf(call, error) {
  if (!(error instanceof Problem)) throw error;
  const { body } = error;
  if (body.error === "login_too_old" || body.error === "login_too_weak") return confirmIdentity(call);
  if (body.error === "link_needed") return ways.identity({ ways: body.ways });
  if (body.error !== "factor_needed") throw error;
  return body.enroll
    ? ways.enrol({ mail: body.mail === true, retryAfter: body.retry_after })
    : ways.secondFactor({ factors: body.factors, passkey: body.passkey });
}

/** A mailed link that was pasted. The part behind `#` is a transaction and its proof. @param {string} text @returns {Page} */
function landing(text) {
  const [, use, link = ""] = /#ampho(-\w+)?=([\w.-]+)\s*$/.exec(text) ?? [];
  if (use === "-invite") return ways.register({ invite: link });
  return ways.landing({
    purpose: use === "-alarm" ? "alarm" : purposeOf(link),
    link: text,
    needsMatch: use === undefined,
  });
}

/** The server rejects a damaged link. @param {string} link @returns {LinkPurpose} */
function purposeOf(link) {
  try {
    const claims = JSON.parse(Buffer.from(link.split(".")[1] ?? "", "base64url").toString());
    if (claims.for === "reset") return "reset";
    return claims.for === "register" || claims.for === "invite" ? "register" : "login";
  } catch {
    return "login";
  }
}

/** @param {Call} call @param {Fields} fields @returns {Promise<Next>} */
async function finishLink(call, { link: text = "", purpose, password, match, ...fields }) {
  const link = /=([\w.-]+)\s*$/.exec(text)?.[1] ?? "";
  if (purpose === "alarm") {
    await call("POST", "/alarm", { alarm: link });
    return done("alarm", "forgot");
  }
  const proof = { link, match: match || undefined };
  if (purpose === "register") return codesOr(await call("POST", "/register/finish", { ...proof, password }));
  if (purpose === "login") return codesOr(await call("POST", "/login", proof));
  return finishReset(call, { ...fields, password, match }, proof, text);
}

/** @param {Call} call @param {Fields} fields @param {object} proof @param {string} [link] @returns {Promise<Next>} */
async function finishReset(call, { password, match, code, ...fields }, proof, link) {
  const body = { ...proof, new_password: password, ...factorOf(fields), remember: undefined };
  try {
    await call("POST", "/password/reset/finish", body);
  } catch (error) {
    if (!(error instanceof Problem) || error.body.error !== "factor_needed") throw error;
    const { factors, passkey } = error.body;
    return ways.finishReset({ match, code, link, factors, passkey });
  }
  return done("reset", "");
}

/**
 * The pages of a GET.
 * @type {Record<string, (call: Call, query: Fields) => Promise<Next> | Next>}
 */
const pages = {
  "": (call) => signIn(call),
  register: () => ways.register({}),
  forgot: () => ways.forgot({}),
  account: (call) => account(call),
  // The page of AMPHO_APP_URL: of mailed links, and of a login at a provider that needs more. Any page can link to it, so it
  // calls nothing that changes something.
  link: (call, { ampho_error: error, ampho_needed: needed = "" }) => {
    if (error === "factor_needed" && /^(mail)?$/.test(needed)) return ways.enrol({ mail: needed === "mail" });
    if (error === "factor_needed") return ways.goOn();
    if (error === "link_needed") return ways.identity({ ways: needed.split(",") });
    if (error === "outside_cancelled") return "?done=cancelled";
    return error === undefined ? ways.pasteLink() : signIn(call);
  },
};

/** @param {Page} page @param {{ alert?: string | undefined, status?: string | undefined, signedIn: boolean }} about */
const documentOf = ({ title, body, wide = false }, { alert, status, signedIn }) =>
  html`<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <title>${title} – Shop</title>
  <link rel="icon" href="data:,">
  <base href="/">
  <link rel="stylesheet" href="pages/style.css">
  <script type="module" src="webauthn.js"></script>
  <header class="top">
    <a class="brand" href="./">Shop</a>
    ${signedIn && html`<nav aria-label="Shop"><a href="account">Your account</a> <form action="sign-out" method="post"><button class="small quiet">Sign out</button></form></nav>`}
  </header>
  <main>
    <p class="message" id="alert" role="alert">${alert}</p>
    <p class="message" id="status" role="status">${status}</p>
    <div id="page" class="${wide ? "wide" : "card"}">${body}</div>
  </main>
</html>`.text;

const tokenCookie = "__Host-ampho-token";
const refreshCookie = "__Host-ampho-refresh";
const renewingCookie = "__Host-renewing";

/** @param {string | undefined} header @returns {Map<string, string>} */
const cookiesOf = (header = "") =>
  new Map(header.split(/; */).map((pair) => /** @type {[string, string]} */ (pair.split(/=(.*)/s).slice(0, 2))));

/** Calls Ampho as the browser that sent the request. @param {Ampho} ampho @param {Request} request @param {Response} response @returns {Call} */
const callerOf =
  (ampho, request, response) =>
  async (method, path, body, ownRequest = false) => {
    const headers = new Headers({ "Content-Type": "application/json" });
    for (const name of [
      "cookie",
      "host",
      "origin",
      "sec-fetch-site",
      "user-agent",
      "accept-language",
      "x-forwarded-for",
      "idempotency-key",
    ]) {
      const value = request.headers[name];
      if (typeof value === "string") headers.set(name, value);
    }
    // For what this server does by itself, whatever page led the browser here.
    if (ownRequest) headers.set("Sec-Fetch-Site", "same-origin");
    const url = new URL(ampho.host.prefix + path, "http://localhost");
    const sent = method === "GET" ? { method, headers } : { method, headers, body: JSON.stringify(body ?? {}) };
    const result = await ampho.fetch(new Request(url, sent), { address: request.socket.remoteAddress });
    for (const cookie of result.headers.getSetCookie()) {
      response.append("Set-Cookie", cookie);
      keep(request, cookie);
    }
    const members = result.status === 204 ? {} : await result.json();
    if (!result.ok) throw new Problem(members, result.status);
    return members;
  };

/** Further calls of the same request see the new cookie. @param {Request} request @param {string} cookie */
function keep(request, cookie) {
  const [name = "", value = ""] = (cookie.split(";")[0] ?? "").split(/=(.*)/s);
  const kept = cookiesOf(request.headers.cookie);
  if (value === "") kept.delete(name);
  else kept.set(name, value);
  request.headers.cookie = [...kept].map((pair) => pair.join("=")).join("; ");
}

/**
 * Browsers drop the cookie of an access token that has expired. The key of the renewal is in a cookie before the renewal happens,
 * so that a user who leaves the page meanwhile keeps the session.
 * @param {Ampho} ampho
 * @param {Request} request
 * @param {Response} response
 * @returns {Promise<boolean>} False if the browser must come again.
 */
async function renew(ampho, request, response) {
  const cookies = cookiesOf(request.headers.cookie);
  if (cookies.has(tokenCookie) || !cookies.has(refreshCookie)) return true;
  const key = cookies.get(renewingCookie);
  const attributes = "Path=/; Secure; HttpOnly; SameSite=Lax";
  if (key === undefined) {
    response.append("Set-Cookie", `${renewingCookie}=${randomBytes(16).toString("hex")}; Max-Age=600; ${attributes}`);
    // Its path is one of `pages` or `actions`, so it leads to no other site.
    response.redirect(307, request.path + new URL(request.originalUrl, "http://localhost").search);
    return false;
  }
  request.headers["idempotency-key"] = key;
  await callerOf(ampho, request, response)("POST", "/renew", {}, true).catch(() => undefined);
  delete request.headers["idempotency-key"];
  response.append("Set-Cookie", `${renewingCookie}=; Max-Age=0; ${attributes}`);
  return true;
}

/** @param {Ampho} ampho */
export function rendered(ampho) {
  const router = express.Router();
  const script = fileURLToPath(new URL("webauthn.js", import.meta.url));
  router.get("/webauthn.js", (_request, response) => response.sendFile(script));
  router.use(express.urlencoded({ extended: false, limit: "32kb" }));

  router.use(async (request, response, skip) => {
    const name = request.path.slice(1);
    const isForm = request.method === "POST";
    const row = isForm && Object.hasOwn(actions, name) ? actions[name] : undefined;
    const read = request.method === "GET" && Object.hasOwn(pages, name) ? pages[name] : undefined;
    if (row === undefined && read === undefined) return skip();
    response.set("Cache-Control", "no-store");
    if (!(await renew(ampho, request, response))) return;
    const call = callerOf(ampho, request, response);
    const sent = Object.entries({ ...(isForm ? request.body : request.query) });
    const fields = Object.fromEntries(sent.map(([field, value]) => [field, String(value)]));
    /** @param {Page} page @param {string} [alert] */
    const send = (page, alert) => {
      const signedIn = cookiesOf(request.headers.cookie).has(tokenCookie);
      const status = own.noticeOf(request.query.done);
      response.send(documentOf(page, { alert, status, signedIn }));
    };
    try {
      // Rejects a form of another site, also the export, which changes nothing.
      if (row) await ampho.authenticate(request);
      const next = row ? await row.run(call, fields, response) : await read?.(call, fields);
      if (typeof next === "string") response.redirect(303, `/${next}`);
      else if (next) send(next);
    } catch (thrown) {
      const isOurs = thrown instanceof AmphoError;
      const error = isOurs ? new Problem({ error: thrown.code, message: thrown.message }, 403) : thrown;
      const page = await pageOf(call, error).catch(() => undefined);
      if (page !== undefined) return send(page);
      if (!(error instanceof Problem)) throw error;
      const { error: code } = error.body;
      if (["missing_token", "invalid_token", "session_ended"].includes(code)) return response.redirect(303, "/");
      response.status(error.status);
      // A form of another site is not shown again.
      const again = async () => (row && code !== "cross_site" ? row.page(call, fields) : ways.failed());
      send(await again().catch(ways.failed), error.message);
    }
  });
  return router;
}
