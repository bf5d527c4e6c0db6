// Faults of transactions, passkeys and mails: one purpose is good for another, a response works again, and a request reveals a login.

import type { AmphoOptions } from "../../../dist/index.js";
import type { Ampho } from "../../../dist/instance.js";
import { at, claimsIn, letIn, type Members, respond } from "./factors.js";
import { type Fault, membersOf, open } from "./server.js";

/** Everything that the attacks need. No mail leaves the process. */
export const withMails: AmphoOptions = {
  appUrl: "https://app.example/",
  mailLogin: true,
  mail: async () => {
    throw new Error("an attack has sent a mail");
  },
};

const options = withMails;
const rejected = (error: string, status = 401) => ({ ...respond({ message: "No.", error }), status });
const isOver = ({ body }: { readonly body?: string | Uint8Array | undefined }) =>
  membersOf(Buffer.from(body ?? ""))["error"] === "transaction_over";

const exists = async (ampho: Ampho, login: unknown) => (await ampho.users.find(String(login))) !== undefined;

/** The login of the first session that a passkey opened. */
function firstOpened() {
  let login: unknown;
  return {
    note: (body: string | Uint8Array | undefined) => {
      login ??= open(String(membersOf(Buffer.from(body ?? ""))["token"]))?.claims["login"];
    },
    login: () => login,
  };
}

const assertionOf = ({ passkey }: Members): string => JSON.stringify(passkey);

export const transactionFaults: readonly Fault[] = [
  {
    name: "finishes a login with the set-up of an app",
    finds: ["transaction-purpose"],
    options,
    plant: at("/login", ({ transaction, totp }, response, ampho) =>
      totp !== undefined && claimsIn(transaction)["for"] === "totp"
        ? letIn(ampho, claimsIn(transaction)["login"])
        : response,
    ),
  },
  {
    name: "checks the code of a login at a reset",
    finds: ["transaction-purpose"],
    options,
    plant: at("/password/reset/finish", ({ transaction }, response) =>
      claimsIn(transaction)["for"] === "mail" ? rejected("invalid_credentials") : response,
    ),
  },
  {
    name: "registers a passkey with the challenge of a login",
    finds: ["transaction-purpose"],
    options,
    plant: at("/passkeys", ({ transaction, passkey }, response) =>
      passkey !== undefined && claimsIn(transaction)["for"] === "login" ? respond({ passkey: { id: "x" } }) : response,
    ),
  },
];

export const passkeyFaults: readonly Fault[] = [
  {
    name: "accepts the response of a passkey again",
    finds: ["passkey-replay"],
    options,
    plant: (inner, shop) => {
      const opened = firstOpened();
      const used = new Set<string>();
      return at("/login", (sent, response, ampho) => {
        if (sent["passkey"] === undefined) return response;
        if (response.status === 200) opened.note(response.body);
        else if (used.has(`${assertionOf(sent)} ${sent["transaction"]}`)) return letIn(ampho, opened.login());
        used.add(`${assertionOf(sent)} ${sent["transaction"]}`);
        return response;
      })(inner, shop);
    },
  },
  {
    name: "does not compare the challenge of a passkey with the transaction",
    finds: ["passkey-replay"],
    options,
    plant: (inner, shop) => {
      const opened = firstOpened();
      const transactions = new Map<string, unknown>();
      return at("/login", (sent, response, ampho) => {
        if (sent["passkey"] === undefined) return response;
        if (response.status === 200) opened.note(response.body);
        const first = transactions.get(assertionOf(sent));
        if (response.status !== 200 && first !== undefined && first !== sent["transaction"])
          return letIn(ampho, opened.login());
        if (response.status === 200) transactions.set(assertionOf(sent), sent["transaction"]);
        return response;
      })(inner, shop);
    },
  },
  {
    name: "accepts a transaction again for another response of the passkey",
    finds: ["passkey-replay"],
    options,
    plant: (inner, shop) => {
      const opened = firstOpened();
      const assertions = new Map<unknown, string>();
      return at("/login", (sent, response, ampho) => {
        if (sent["passkey"] === undefined) return response;
        if (response.status === 200) opened.note(response.body);
        const first = assertions.get(sent["transaction"]);
        if (isOver(response) && first !== undefined && first !== assertionOf(sent)) return letIn(ampho, opened.login());
        if (response.status === 200) assertions.set(sent["transaction"], assertionOf(sent));
        return response;
      })(inner, shop);
    },
  },
];

export const mailFaults: readonly Fault[] = [
  {
    name: "checks any number of mailed codes",
    finds: ["mailed-code"],
    options,
    plant: at("/login", ({ code, transaction }, response) =>
      code !== undefined && claimsIn(transaction)["for"] === "mail" && isOver(response)
        ? rejected("invalid_credentials")
        : response,
    ),
  },
  {
    name: "checks any number of mailed codes at a reset",
    finds: ["mailed-code"],
    options: { ...options, mailLogin: false },
    plant: at("/password/reset/finish", ({ transaction }, response) =>
      claimsIn(transaction)["for"] === "reset" && isOver(response) ? rejected("invalid_credentials") : response,
    ),
  },
  {
    name: "accepts any code after some wrong ones",
    finds: ["mailed-code"],
    options,
    plant: at("/login", ({ code, transaction }, response) =>
      code !== undefined && claimsIn(transaction)["for"] === "mail" && isOver(response) ? respond({}) : response,
    ),
  },
  {
    name: "has another status for a mail to an unknown login",
    finds: ["mail-enumeration"],
    options,
    plant: at("/login/mail", async ({ login }, response, ampho) =>
      (await exists(ampho, login)) ? response : { ...response, status: 202 },
    ),
  },
  {
    name: "reveals at a reset if an account has a password",
    finds: ["mail-enumeration"],
    options,
    plant: at("/password/reset", async ({ login }, response, ampho) => {
      const user = await ampho.users.find(String(login));
      return user === undefined ? response : { ...response, body: `${String(response.body)} ` };
    }),
  },
  {
    name: "sets a header for a login that exists",
    finds: ["mail-enumeration"],
    options,
    plant: at("/password/reset", async ({ login }, response, ampho) =>
      (await exists(ampho, login)) ? { ...response, headers: { ...response.headers, "X-Account": "1" } } : response,
    ),
  },
];
