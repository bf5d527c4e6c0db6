// Users with mailboxes. The option `mail` delivers into memory.
import { expect, vi } from "vitest";
import type { AmphoOptions, Message } from "../../dist/index.js";
import { type FullGrant, grantOf, type ReadResponse, type Sent, type World } from "../world/ampho.js";
import type { Ground } from "./owners.js";

export const newPassword = "amber tulip canoe walnut";

export const mailSettings = {
  appUrl: "https://example.org/",
  mailLogin: true,
  registration: "open",
  throttleAttempts: 1_000_000,
} as const satisfies AmphoOptions;

/** A mail with the proofs that its text contains. */
export interface Mail extends Message {
  readonly code: string;
  /** The parts of links behind `#ampho=`, `#ampho-invite=` and `#ampho-alarm=`. */
  readonly link: string;
  readonly invite: string;
  readonly alarm: string;
}

export interface Mailing extends World {
  /** Every mail that has arrived and was not taken. */
  readonly mails: Message[];
  /** Waits for a mail of a kind, and takes it. */
  mail(kind: string, to?: string): Promise<Mail>;
  /** How many mails of the kinds were ever written. */
  countMails(...kinds: readonly string[]): Promise<number>;
  /** `call` enters the code that confirms a change, as a page does. This is the same call without that. */
  callOnce: World["call"];
}

export async function openMailing(ground: Pick<Ground, "open" | "sql">, options: AmphoOptions = {}): Promise<Mailing> {
  const mails: Message[] = [];
  const world = await ground.open({
    ...mailSettings,
    mail: async (message: Message) => void mails.push(message),
    ...options,
  });
  return mailingOf(ground, world, mails);
}

export function mailingOf(ground: Pick<Ground, "sql">, world: World, mails: Message[]): Mailing {
  /** The tokens of a session that has confirmed a change since. */
  const replaced = new Map<string, string>();
  const newest = (bearer: string): string => {
    const next = replaced.get(bearer);
    return next === undefined ? bearer : newest(next);
  };
  const mailing: Mailing = {
    ...world,
    mails,
    callOnce: world.call,
    async call(method, path, sent = {}) {
      if (sent.bearer === undefined) return world.call(method, path, sent);
      const bearer = newest(sent.bearer);
      const response = await world.call(method, path, { ...sent, bearer });
      if (response.error !== "confirmation_needed") return response;
      const confirmed = await confirm(mailing, bearer, String(response.json["change"]));
      replaced.set(bearer, confirmed.token);
      return world.call(method, path, { ...sent, bearer: confirmed.token });
    },
    async mail(kind, to) {
      const isWanted = (each: Message) => each.kind === kind && (to === undefined || each.to === to);
      const wait = { timeout: 60_000, interval: 10 };
      await vi.waitFor(() => {
        if (mails.some(isWanted)) return;
        throw new Error(`no mail of the kind ${kind} was sent, but ${mails.map((each) => each.kind).join(", ")}`);
      }, wait);
      const [mail] = mails.splice(mails.findIndex(isWanted), 1);
      if (mail === undefined) throw new Error("a mail was lost");
      return { ...mail, ...proofsOf(mail.text) };
    },
    async countMails(...kinds) {
      const list = kinds.map((kind) => `'${kind}'`).join(", ");
      const [row] = await ground.sql(world, `select count(*) as n from ampho_mail where kind in (${list})`);
      return Number(row?.["n"]);
    },
  };
  return mailing;
}

/** Enters the code that confirms a change in the session. */
export async function confirm(world: Mailing, bearer: string, change: string): Promise<FullGrant> {
  const begun = await world.callOnce("POST", "/account/confirm", { bearer, body: { change } });
  expect(begun.status, begun.text).toBe(200);
  const { code } = await world.mail("confirm");
  const body = { transaction: begun.json["transaction"], code };
  return grantOf(await world.callOnce("POST", "/account/confirm/finish", { bearer, body }));
}

export function proofsOf(text: string) {
  const part = (name: string) => new RegExp(`#${name}=(\\S+)`).exec(text)?.[1] ?? "";
  const code = /^\d\d \d\d \d\d \d\d$/m.exec(text)?.[0] ?? "";
  return { code, link: part("ampho"), invite: part("ampho-invite"), alarm: part("ampho-alarm") };
}

/** The part of a link before its proof. A reader of the mail has it. */
export const tokenIn = (link: string): string => link.slice(0, link.lastIndexOf("."));

/** The response to a request for a mail. */
export interface Begun {
  readonly transaction: string;
  readonly match: string;
}

/** Asks for a mail, a minute after the one before. */
export async function begin(world: World, path: string, body: object, sent: Sent = {}): Promise<Begun> {
  world.clock.advance(61);
  const response = await world.call("POST", path, { ...sent, body });
  expect(response.status, response.text).toBe(200);
  return { transaction: String(response.json["transaction"]), match: String(response.json["match"]) };
}

/** A notice of a change of the address that waits, once its row is settled: the code is mailed half a day later. */
export async function leavingNotice(world: Mailing, to?: string): Promise<Mail> {
  const mail = await world.mail("email_leaving", to);
  const isOpen = async () =>
    (await world.ampho.mail.list()).some(
      ({ kind, attempts, next }) =>
        kind === "email_leaving" && next !== null && (attempts > 0 || next <= world.clock.now()),
    );
  await vi.waitFor(async () => expect(await isOpen()).toBe(false), { timeout: 60_000, interval: 10 });
  return mail;
}

/** Lets time pass, and makes the outbox look for mails now, as a new mail does. Else it looks every two seconds. */
export async function pass(world: Mailing, seconds: number): Promise<void> {
  world.clock.advance(seconds);
  await world.callOnce("POST", "/register", { body: { email: "passer-by@x.example" } });
}

/** From the first notice until the day of the code. */
export async function waitOut(world: Mailing, to?: string): Promise<void> {
  for (let notice = 2; notice <= 3; notice += 1) {
    await pass(world, 3 * 86_400);
    await leavingNotice(world, to);
  }
  await pass(world, 86_400);
}

/** A user who has registered, and so has a proven address. */
export async function addPerson(world: Mailing, email: string, password: string): Promise<FullGrant> {
  const { transaction } = await begin(world, "/register", { email });
  const { code } = await world.mail("register", email);
  return grantOf(await world.call("POST", "/register/finish", { body: { transaction, code, password } }));
}

export const asked = async (world: Mailing, login: string, sent: Sent = {}) => {
  const begun = await begin(world, "/login/mail", { login }, sent);
  return { ...begun, mail: await world.mail("login") };
};

export const askedReset = async (world: Mailing, login: string) => {
  const begun = await begin(world, "/password/reset", { login });
  return { ...begun, mail: await world.mail("reset") };
};

export const logInBy = (world: World, body: object, sent: Sent = {}): Promise<ReadResponse> =>
  world.call("POST", "/login", { ...sent, body });

export const finishReset = (world: World, body: object): Promise<ReadResponse> =>
  world.call("POST", "/password/reset/finish", { body: { new_password: newPassword, ...body } });

/** Uses an alarm link, as a person who has checked the box of its page. */
export const raiseAlarm = (
  world: Pick<World, "call">,
  alarm: string,
  change = changeIn(alarm),
): Promise<ReadResponse> => world.call("POST", "/alarm", { body: { alarm, change } });

/** The change that the page of an alarm link names. */
export function changeIn(alarm: string): string {
  const payload = Buffer.from(alarm.split(".")[1] ?? "", "base64url").toString();
  return /"change":"(\w+)"/.exec(payload)?.[1] ?? "none";
}

/** Eight or two other digits. */
export const otherDigits = (digits: string): string =>
  digits.replace(/\d/, (digit) => String((Number(digit) + 1) % 10));

export const wrong = [401, "invalid_credentials"];
export const over = [401, "transaction_over"];

/** Returns the notice that `work` causes. No other mail comes with it. */
export async function noticeOf(world: Mailing, to: string, kind: string, work: () => Promise<unknown>): Promise<Mail> {
  await work();
  const mail = await world.mail(kind, to);
  expect(world.mails.map((each) => each.kind)).toEqual([]);
  return mail;
}
