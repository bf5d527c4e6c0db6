// Sends the mails of the outbox (docs/guides/mail.md). A request never waits for a mail server: it writes a row, and
// this loop sends it a moment later, in the process of the request or in another one. Each mail is sent at least once,
// and dropped when its code is over.
import { atMost, type Clock } from "../clock.js";
import type { Configuration } from "../config/configuration.js";
import { AmphoError } from "../errors.js";
import type { MailTokens } from "../factors/mail-tokens.js";
import type { MailBinding, OpenPurpose, Recovery, Transactions } from "../factors/transactions.js";
import { confirmables } from "../store/sql/effects/changes.js";
import { noticeSeconds } from "../store/sql/rows/mail-rows.js";
import type { MailOutcome, OutgoingMail } from "../store/sql/upkeep/mail.js";
import type { Store } from "../store/store.js";
import { MailFailure } from "./mail-failure.js";
import { appNameOf, senderOf } from "./message.js";
import { browserOf } from "./texts/browser.js";
import { composeMail, type ReplaceText } from "./texts/compose.js";
import {
  isMailKind,
  isNotice,
  type MailKind,
  type MailValues,
  mailableLogin,
  mailKinds,
  proofsOf,
} from "./texts/kinds.js";
import type { MailLanguages } from "./texts/mail-languages.js";
import type { Transport } from "./transports/transport.js";

export type MailOutcomeName = "sent" | "failed" | "dropped";

export interface Outbox {
  /** The mails that waited when the outbox was last read, a few seconds ago. */
  waiting(): { readonly waiting: number; readonly oldestAt: number | undefined };
  stop(): Promise<void>;
}

export interface OutboxDeps {
  readonly store: Pick<Store, "takeMail" | "settleMail" | "readOutbox" | "onMail">;
  readonly transport: Transport;
  readonly transactions: Pick<Transactions, "mailedCode" | "linkProof" | "signLink">;
  readonly mailTokens: MailTokens;
  readonly revocations: { readonly revokedKeys: ReadonlySet<string> };
  readonly settings: Configuration;
  readonly clock: Clock;
  readonly replaceText: ReplaceText | undefined;
  readonly languages: MailLanguages;
  /** Receives bugs. */
  readonly report: (error: unknown) => void;
  /** Receives the reason why mails begin to fail, once an outage, and undefined when they are sent again. */
  readonly reportOutage: (reason: string | undefined) => void;
  /** Counts what came of each attempt. */
  readonly settled: (outcome: MailOutcomeName) => void;
}

/** Another process, or this one after a crash, finds a mail this late. */
const pollMs = 2_000;
/** A moment after the request, so that the work of sending does not show in the time of its response. */
const wakeMs = 100;
/** Longer than `mailText` and a transport take to fail. Another process then takes the mail. */
const holdSeconds = 60;
const atOnce = 10;
const readMs = 5_000;
/** Mails of several receivers can fail and succeed in turns. The same reason is reported again only after this time. */
const reportAgainMs = 60_000;
/** How long a process that stops waits for a mail server. */
const stopMs = { sending: 5_000, recording: 1_000 };
/** The first pause after a failure, and the factor and maximum of the next ones. */
const retry = { seconds: 5, factor: 3, maxSeconds: 600 };

export function startOutbox(deps: OutboxDeps): Outbox {
  const { store, clock, report } = deps;
  const pages = deps.settings.appUrl ?? "";
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let isAwake = false;
  let isStopped = false;

  const outage = createOutage(deps);
  /** By the number of the mail. */
  const flying = new Map<number, Promise<void>>();
  /** Results of attempts that the database could not record yet. A mail among them is not sent again. */
  const unrecorded = new Map<number, Attempted>();
  let waiting: ReturnType<Outbox["waiting"]> = { waiting: 0, oldestAt: undefined };

  /** The counts are for metrics. They must not wait for a turn, which lasts as long as there are mails to send. */
  const counting = setInterval(() => void readWaiting(), readMs).unref();
  async function readWaiting(): Promise<void> {
    waiting = await store.readOutbox({ now: clock.now() }).catch(() => waiting);
  }

  async function record(attempted: Attempted): Promise<void> {
    const { mail, outcome } = attempted;
    unrecorded.set(mail.n, attempted);
    await store.settleMail({ mail, outcome, now: clock.now() });
    unrecorded.delete(mail.n);
  }

  async function recordAgain(): Promise<void> {
    for (const attempted of unrecorded.values()) {
      try {
        await record(attempted);
      } catch (error) {
        if (error instanceof AmphoError) throw error;
        // A bug must not stop the mails behind this one.
        unrecorded.delete(attempted.mail.n);
        report(error);
      }
    }
  }

  /** Takes mails while there are any. A mail server that is slow for one of them does not delay the others. */
  async function turn(): Promise<void> {
    try {
      await recordAgain();
      for (;;) {
        const limit = atOnce - flying.size;
        // On a busy machine an attempt can outlast `holdSeconds`. This process begins no second one.
        const taking = { now: clock.now(), holdSeconds, limit, pages, kinds: mailKinds, except: [...flying.keys()] };
        const mails = limit === 0 ? [] : await store.takeMail(taking);
        for (const mail of mails)
          flying.set(
            mail.n,
            deliver(mail).finally(() => flying.delete(mail.n)),
          );
        if (mails.length < limit || isStopped) return;
        await Promise.race(flying.values());
      }
    } catch (error) {
      failed(error);
    }
  }

  /** The database is unreachable, which the log shows already. The next turn continues. */
  function failed(error: unknown): void {
    if (!(error instanceof AmphoError)) report(error);
  }

  async function deliver(mail: OutgoingMail): Promise<void> {
    // The time of the first process to hold it was over before the database could record what came of it.
    const outcome = unrecorded.get(mail.n)?.outcome ?? (await send(deps, mail, outage));
    // While this fails, the mail waits in `unrecorded`. Another process sends it a second time after `holdSeconds`.
    await record({ mail, outcome }).catch(failed);
  }

  function later(ms: number): void {
    if (isStopped) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      isAwake = false;
      running = turn().finally(() => {
        running = undefined;
        later(isAwake ? wakeMs : pollMs);
      });
    }, ms).unref();
  }

  void readWaiting();
  later(pollMs);
  store.onMail(() => {
    if (isAwake) return;
    isAwake = true;
    // A turn that runs looks again when it ends.
    if (running === undefined) later(wakeMs);
  });
  return {
    waiting: () => waiting,
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      clearInterval(counting);
      const deliveries = async () => {
        await running;
        await Promise.all(flying.values());
      };
      // A mail that the server is about to accept would otherwise be sent twice.
      await atMost(stopMs.sending, deliveries());
      deps.transport.close?.();
      // The mails that failed by that are recorded, and another process sends them soon.
      await atMost(stopMs.recording, deliveries().then(recordAgain).catch(failed));
    },
  };
}

type Attempted = { readonly mail: OutgoingMail; readonly outcome: MailOutcome };

type Outage = ReturnType<typeof createOutage>;

function createOutage({ reportOutage, clock }: OutboxDeps) {
  const reportedMs = new Map<string, number>();
  let isReported = false;
  return {
    failed(reason: string) {
      const nowMs = clock.monotonicMs();
      const isSame = isReported || nowMs - (reportedMs.get(reason) ?? Number.NEGATIVE_INFINITY) < reportAgainMs;
      if (reportedMs.has(reason) && isSame) return;
      reportedMs.set(reason, nowMs);
      isReported = true;
      reportOutage(reason);
    },
    ended() {
      if (!isReported) return;
      isReported = false;
      reportOutage(undefined);
    },
  };
}

async function send(deps: OutboxDeps, mail: OutgoingMail, outage: Outage): Promise<MailOutcome> {
  try {
    const message = await compose(deps, mail);
    if (message === undefined) {
      deps.settled("dropped");
      return { failure: "key_gone", retryAt: undefined };
    }
    await deps.transport.send(message);
  } catch (cause) {
    // The signing key is revoked. Until another one signs, the link of a notice or an invitation would be rejected.
    const error = cause instanceof AmphoError ? new MailFailure(cause.message, { cause }) : cause;
    if (error instanceof MailFailure) outage.failed(error.message);
    else deps.report(error);
    const isPermanent = error instanceof MailFailure && error.permanent;
    const retryAt = isPermanent ? undefined : nextAttempt(mail, deps.clock.now());
    deps.settled(retryAt === undefined ? "dropped" : "failed");
    return { failure: error instanceof MailFailure ? error.message : "internal_error", retryAt };
  }
  outage.ended();
  deps.settled("sent");
  return { sent: true };
}

function nextAttempt({ tries, until }: OutgoingMail, now: number): number | undefined {
  const at = now + Math.min(retry.seconds * retry.factor ** (tries - 1), retry.maxSeconds);
  return at < until ? at : undefined;
}

/** Undefined if the key is revoked that the code and the link are derived from. */
async function compose(deps: OutboxDeps, mail: OutgoingMail) {
  const { settings, replaceText, languages } = deps;
  const { n, kind, address: to } = mail;
  if (!isMailKind(kind)) throw new TypeError("a mail has an unknown kind");
  const language = languages.named(mail.language);
  const values = valuesOf(deps, mail, kind);
  if (values === undefined) return undefined;
  const { agent, at, iat } = mail.claims;
  const time = [at, iat].find((each) => typeof each === "number");
  const browser = typeof agent === "string" ? browserOf(agent) : undefined;
  const text = await composeMail(kind, { app: appNameOf(settings), time, browser, ...values }, language, replaceText);
  return { id: `mail-${n}-${mail.until}`, kind, language: language.tag, to, from: senderOf(settings), ...text };
}

function valuesOf(deps: OutboxDeps, mail: OutgoingMail, kind: MailKind): Partial<MailValues> | undefined {
  const { mailTokens, revocations, settings, transactions } = deps;
  const { claims, userId, n } = mail;
  const link = (name: string, token: string) => `${settings.appUrl}#${name}=${token}`;
  const alarmSince = (at: number, box: string, exp = at + noticeSeconds) => {
    const [agent, login] = [textOf(claims["agent"]), textOf(claims["login"])];
    const browser = agent === undefined ? undefined : browserOf(agent);
    const reported = { change: kind, box, ...(browser && { browser }), ...(login !== undefined && { login }) };
    return link("ampho-alarm", mailTokens.alarm(userId ?? "", String(n), reported, at, exp));
  };
  const box = textOf(claims["mailbox"]);
  if (isNotice(kind)) {
    const login = mailableLogin(textOf(claims["login"]) ?? "", true);
    const about = { login, isByOperator: claims["operator"] === 1 };
    if (box === undefined) return { ...about, contact: settings.mailContact };
    // The link of a change that waits works as long as its code.
    const waiting = kind === "email_leaving" && { to: textOf(claims["to"]), from: Number(claims["from"]) };
    return { ...about, ...waiting, alarm: alarmSince(Number(claims["at"]), box, mail.until) };
  }
  const proofs = proofsOf(kind);
  if (proofs.length === 0) return {};
  const [iat, exp, inv] = [Number(claims["iat"]), Number(claims["exp"]), textOf(claims["inv"])];
  const minutes = Math.floor((exp - iat) / 60);
  if (proofs.includes("invitation"))
    return { link: link("ampho-invite", mailTokens.invitation(inv ?? "", iat, exp)), minutes };
  const bound = JSON.parse(String(claims["binding"])) as MailBinding;
  const own = { jti: String(claims["jti"]), kid: String(claims["kid"]) };
  // Only a key that can sign the link verifies it or the code.
  const token = transactions.signLink({
    ...own,
    iat,
    exp,
    for: claims["for"] as OpenPurpose,
    login: textOf(claims["login"]),
    email: textOf(claims["email"]),
    uh: textOf(claims["uh"]),
    inv,
    recovery: claims["recovery"] as Recovery | undefined,
  });
  if (token === undefined) {
    if (revocations.revokedKeys.has(own.kid)) return undefined;
    // Another process can have the key, as long as not every one has read the changed key file.
    throw new MailFailure(`The mail was begun under the key ${own.kid}, which is not configured here.`);
  }
  const code = proofs.includes("code") ? transactions.mailedCode(own, bound) : undefined;
  const name = { login: textOf(claims["name"]) };
  if (proofs.includes("alarm"))
    return { ...name, code, minutes, change: confirmableOf(claims["change"]), alarm: alarmSince(iat, box ?? "") };
  if (!proofs.includes("link")) return { ...name, code, minutes };
  return { ...name, code, link: link("ampho", `${token}.${transactions.linkProof(own, bound)}`), minutes };
}

const confirmableOf = (value: unknown) => confirmables.find((each) => each === value);

const textOf = (value: unknown) => (typeof value === "string" ? value : undefined);
