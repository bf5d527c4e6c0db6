// Faults of transactions, passkeys and mails: one purpose is good for another, a response works again, and a request reveals a login.
import type { Ampho } from "../../../dist/ampho.js";
import type { AmphoOptions } from "../../../dist/index.js";
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
const refused = (error: string, status = 401) => ({ ...respond({ message: "No.", error }), status });
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
    plant: at("/login", ({ transaction, totp }, answer, ampho) =>
      totp !== undefined && claimsIn(transaction)["for"] === "totp"
        ? letIn(ampho, claimsIn(transaction)["login"])
        : answer,
    ),
  },
  {
    name: "checks the code of a login at a reset",
    finds: ["transaction-purpose"],
    options,
    plant: at("/password/reset/finish", ({ transaction }, answer) =>
      claimsIn(transaction)["for"] === "mail" ? refused("invalid_credentials") : answer,
    ),
  },
  {
    name: "registers a passkey with the challenge of a login",
    finds: ["transaction-purpose"],
    options,
    plant: at("/passkeys", ({ transaction, passkey }, answer) =>
      passkey !== undefined && claimsIn(transaction)["for"] === "login" ? respond({ passkey: { id: "x" } }) : answer,
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
      return at("/login", (sent, answer, ampho) => {
        if (sent["passkey"] === undefined) return answer;
        if (answer.status === 200) opened.note(answer.body);
        else if (used.has(`${assertionOf(sent)} ${sent["transaction"]}`)) return letIn(ampho, opened.login());
        used.add(`${assertionOf(sent)} ${sent["transaction"]}`);
        return answer;
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
      return at("/login", (sent, answer, ampho) => {
        if (sent["passkey"] === undefined) return answer;
        if (answer.status === 200) opened.note(answer.body);
        const first = transactions.get(assertionOf(sent));
        if (answer.status !== 200 && first !== undefined && first !== sent["transaction"])
          return letIn(ampho, opened.login());
        if (answer.status === 200) transactions.set(assertionOf(sent), sent["transaction"]);
        return answer;
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
      return at("/login", (sent, answer, ampho) => {
        if (sent["passkey"] === undefined) return answer;
        if (answer.status === 200) opened.note(answer.body);
        const first = assertions.get(sent["transaction"]);
        if (isOver(answer) && first !== undefined && first !== assertionOf(sent)) return letIn(ampho, opened.login());
        if (answer.status === 200) assertions.set(sent["transaction"], assertionOf(sent));
        return answer;
      })(inner, shop);
    },
  },
];

export const mailFaults: readonly Fault[] = [
  {
    name: "checks any number of mailed codes",
    finds: ["mailed-code"],
    options,
    plant: at("/login", ({ code, transaction }, answer) =>
      code !== undefined && claimsIn(transaction)["for"] === "mail" && isOver(answer)
        ? refused("invalid_credentials")
        : answer,
    ),
  },
  {
    name: "checks any number of mailed codes at a reset",
    finds: ["mailed-code"],
    options: { ...options, mailLogin: false },
    plant: at("/password/reset/finish", ({ transaction }, answer) =>
      claimsIn(transaction)["for"] === "reset" && isOver(answer) ? refused("invalid_credentials") : answer,
    ),
  },
  {
    name: "accepts any code after some wrong ones",
    finds: ["mailed-code"],
    options,
    plant: at("/login", ({ code, transaction }, answer) =>
      code !== undefined && claimsIn(transaction)["for"] === "mail" && isOver(answer) ? respond({}) : answer,
    ),
  },
  {
    name: "has another status for a mail to an unknown login",
    finds: ["mail-enumeration"],
    options,
    plant: at("/login/mail", async ({ login }, answer, ampho) =>
      (await exists(ampho, login)) ? answer : { ...answer, status: 202 },
    ),
  },
  {
    name: "says at a reset whether an account has a password",
    finds: ["mail-enumeration"],
    options,
    plant: at("/password/reset", async ({ login }, answer, ampho) => {
      const user = await ampho.users.find(String(login));
      return user === undefined ? answer : { ...answer, body: `${String(answer.body)} ` };
    }),
  },
  {
    name: "sets a header for a login that exists",
    finds: ["mail-enumeration"],
    options,
    plant: at("/password/reset", async ({ login }, answer, ampho) =>
      (await exists(ampho, login)) ? { ...answer, headers: { ...answer.headers, "X-Account": "1" } } : answer,
    ),
  },
];
