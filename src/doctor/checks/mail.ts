// Mails: the connection to the mail server or webhook without a mail, the page of the links, and mails that wait.
import { systemClock } from "../../clock.js";
import type { Configuration } from "../../config/configuration.js";
import { ConfigurationError } from "../../errors.js";
import { MailFailure } from "../../mail/mail-failure.js";
import { createTransport, type SendMail } from "../../mail/transports/create.js";
import { boundedFetch, FetchFailure } from "../../outbound/bounded-fetch.js";
import type { Store } from "../../store/store.js";
import { error, type Finding, note, warning } from "../finding.js";

/** Connects, encrypts and signs in as for a mail, and sends none. The option `mail` takes the place of the server. */
export async function checkMailServer(configuration: Configuration, mail?: SendMail): Promise<readonly Finding[]> {
  if (configuration.mailUrl === undefined || mail !== undefined) return [];
  const fix =
    "Compare AMPHO_MAIL_URL with the settings of the mail provider. Run `ampho mail-test ADDRESS` after that.";
  try {
    const transport = await createTransport(configuration, { clock: systemClock, log: () => {} });
    try {
      await transport?.check?.();
    } finally {
      transport?.close?.();
    }
    return [];
  } catch (failure) {
    if (failure instanceof MailFailure || failure instanceof ConfigurationError)
      return [error("mail", failure.message, fix)];
    throw failure;
  }
}

const limits = { timeoutMs: 5_000, bytesMax: 1_048_576 };

/** A mailed link that no page receives is of no use. A redirect keeps the fragment (RFC 9110 §10.2.2). */
export async function checkAppUrl({ appUrl }: Pick<Configuration, "appUrl">): Promise<readonly Finding[]> {
  if (appUrl === undefined) return [];
  const fix = "Set AMPHO_APP_URL to the page that opens mailed links (docs/guides/mail-flows.md).";
  try {
    const { status } = await boundedFetch(new URL(appUrl), limits);
    return status < 400 ? [] : [warning("mail", `AMPHO_APP_URL responds with ${status}.`, fix)];
  } catch (failure) {
    if (!(failure instanceof FetchFailure)) throw failure;
    return [note("mail", `AMPHO_APP_URL cannot be read from this machine: ${failure.message}.`, fix)];
  }
}

const oldSeconds = 300;

export async function checkOutbox(
  store: Pick<Store, "readOutbox">,
  { appUrl }: Pick<Configuration, "appUrl">,
  now: number,
): Promise<readonly Finding[]> {
  const { waiting, oldestAt = now } = await store.readOutbox({ now });
  const minutes = Math.floor((now - oldestAt) / 60);
  if (now - oldestAt < oldSeconds) return [];
  const fix =
    appUrl === undefined
      ? "Set AMPHO_APP_URL, without which no process sends mails."
      : "Run `ampho mail-list`, which has the reason of each failed attempt, and look whether a server runs.";
  const count = waiting === 1 ? "A mail waits" : `${waiting} mails wait`;
  return [warning("mail", `${count} to be sent, the oldest for ${minutes} minutes.`, fix)];
}
