// The outbox and a test of the transport, for operators and for `ampho.mail`.

import { AmphoError } from "../../errors.js";
import { MailFailure } from "../../mail/mail-failure.js";
import { composeTest } from "../../mail/message.js";
import type { ReplaceText } from "../../mail/texts/compose.js";
import type { Transport } from "../../mail/transports/transport.js";
import type { MailRow } from "../../store/sql/mail.js";
import type { Deps } from "../deps.js";
import { requireAddress } from "../find/rules.js";

/** A mail of the outbox. Its address and its text are never shown. */
export interface MailView {
  /** The number of the mail. */
  readonly id: number;
  /** The kind of mail (docs/guides/mail.md). */
  readonly kind: string;
  /** Null where no user has the address yet. */
  readonly userId: string | null;
  /** The time from which it can be sent, in Unix seconds as the other times. */
  readonly created: number;
  /** The number of attempts so far. */
  readonly attempts: number;
  /** The time of the next attempt. Null after the mail was sent or dropped. */
  readonly next: number | null;
  /** The time at which a mail server took the mail, or null. */
  readonly sent: number | null;
  /** The reason of the last failed attempt, or null. */
  readonly failure: string | null;
}

/** The way that mails go. */
export interface Mailing {
  /** Resolves to undefined if no mail can be sent. Rejects with ConfigurationError. */
  openTransport(): Promise<Transport | undefined>;
  readonly replaceText: ReplaceText | undefined;
}

export async function listMail({ store }: Pick<Deps, "store">, limit: number): Promise<readonly MailView[]> {
  return (await store.listMail({ limit })).map(toView);
}

function toView({ n, at, kind, userId, tries, nextAt, sentAt, failure }: MailRow): MailView {
  return { id: n, kind, userId, created: at, attempts: tries, next: nextAt, sent: sentAt, failure };
}

/**
 * Sends a test mail now, and calls `report` with a sentence for each step. Rejects with `invalid_request` for the
 * address, `not_found` without a transport, and `unavailable` with the reason.
 */
export async function sendTestMail(
  { settings, clock, mailing }: Pick<Deps, "settings" | "clock"> & { readonly mailing: Mailing },
  email: string,
  report: (step: string) => void,
): Promise<void> {
  const { address } = requireAddress(email);
  const transport = await mailing.openTransport();
  if (transport === undefined) throw new AmphoError("not_found", "AMPHO_MAIL_URL is not set, so no mail can be sent.");
  try {
    if (transport.check !== undefined) report(await transport.check());
    await transport.send(await composeTest(settings, address, clock.now(), mailing.replaceText));
    report(transport.accepted);
  } catch (error) {
    if (error instanceof MailFailure) throw new AmphoError("unavailable", error.message, {}, { cause: error });
    throw error;
  } finally {
    transport.close?.();
  }
}
