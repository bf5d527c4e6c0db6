// One mail to one mailbox, as transports and the option `mail` of createAmpho get it.
import type { Configuration } from "../config/configuration.js";
import { randomId } from "../crypto/random.js";
import { composeMail, type ReplaceText } from "./texts/compose.js";
import type { MailKind } from "./texts/kinds.js";
import { createMailLanguages } from "./texts/mail-languages.js";

/** An address with a name that mail programs show. An empty name is not shown. */
export interface Sender {
  readonly name: string;
  readonly address: string;
}

/** A mail, as the option `mail` gets it. */
export interface Message {
  /**
   * Letters, digits, `_` and `-`, at most 64. A mail that is sent again has the same id, so that a receiver can
   * recognise it.
   */
  readonly id: string;
  /** The kind of mail (docs/guides/mail.md). */
  readonly kind: MailKind;
  /** `en`, `de`, `es`, `fr`, or the tag of a language that the application adds. */
  readonly language: string;
  /** One address (see `parseAddress`). */
  readonly to: string;
  /** The sender, with the name of the application. */
  readonly from: Sender;
  /** One line. */
  readonly subject: string;
  /** The whole mail as plain text. */
  readonly text: string;
  /** The same as one HTML document without remote content. */
  readonly html: string;
}

/** Returns the sender of every mail. Only mails that stay on this machine can lack AMPHO_MAIL_FROM. */
export function senderOf(settings: Pick<Configuration, "mailFrom" | "appName" | "appUrl">): Sender {
  return { name: appNameOf(settings), address: settings.mailFrom ?? "no-reply@localhost" };
}

/** Returns a mail that only shows that mails arrive. */
export async function composeTest(
  settings: Pick<Configuration, "mailFrom" | "appName" | "appUrl">,
  to: string,
  now: number,
  replaceText: ReplaceText | undefined,
): Promise<Message> {
  const english = createMailLanguages().named("en");
  const text = await composeMail("test", { app: appNameOf(settings), time: now }, english, replaceText);
  return { id: `test-${randomId()}`, kind: "test", language: "en", to, from: senderOf(settings), ...text };
}

/** Returns the name of the application in mails. */
export function appNameOf({ appName, appUrl }: Pick<Configuration, "appName" | "appUrl">): string {
  return appName ?? (appUrl === undefined ? "Ampho" : new URL(appUrl).host);
}
