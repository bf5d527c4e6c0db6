// Chooses the transport by AMPHO_MAIL_URL, or the application's own function.

import { type Clock, within } from "../../clock.js";
import type { Configuration } from "../../config/configuration.js";
import { escaped } from "../../config/redact.js";
import { splitKeyedUrl } from "../../outbound/secure-url.js";
import { MailFailure } from "../mail-failure.js";
import type { Message } from "../message.js";
import { createFolder } from "./folder.js";
import { createSmtp } from "./smtp.js";
import type { Transport } from "./transport.js";
import { createWebhook } from "./webhook.js";

/**
 * The option `mail` of createAmpho: sends one mail, in place of AMPHO_MAIL_URL. Ampho calls it again later if the
 * promise rejects.
 * @example
 * const mail: SendMail = ({ to, subject, text, html }) => sendGrid.send({ to, subject, text, html });
 * await createAmpho({ mail });
 */
export type SendMail = (message: Message) => Promise<void>;

export interface TransportDeps {
  readonly clock: Pick<Clock, "now">;
  /** Prints the mails of `console:`. */
  readonly log: (line: string) => void;
  readonly mail?: SendMail | undefined;
}

/**
 * Resolves to undefined if there is no way to send a mail. Rejects with ConfigurationError for a folder that cannot be
 * used, and for a mail server without the package nodemailer.
 */
export async function createTransport(
  { mailUrl }: Pick<Configuration, "mailUrl">,
  { clock, log, mail }: TransportDeps,
): Promise<Transport | undefined> {
  if (mail !== undefined) return createFunction(mail);
  if (mailUrl === undefined) return undefined;
  if (mailUrl === "console:") return createConsole(log);
  if (mailUrl.startsWith("file:")) return createFolder(mailUrl.slice("file:".length), clock);
  const webhook = splitKeyedUrl(mailUrl);
  return webhook === undefined ? createSmtp(new URL(mailUrl), clock) : createWebhook(webhook, clock);
}

/** The error of the application can contain the address, so only the fact is reported. */
function createFunction(mail: SendMail): Transport {
  const sending = new Set<(failure: MailFailure) => void>();
  return {
    async send(message) {
      let stop: (failure: MailFailure) => void = () => {};
      const stopped = new Promise<never>((_, reject) => {
        stop = reject;
      });
      sending.add(stop);
      try {
        const settled = Promise.race([mail(message), stopped]);
        await within(30_000, settled, () => new MailFailure("The option mail did not settle within 30 s."));
      } catch (error) {
        if (error instanceof MailFailure) throw error;
        throw new MailFailure("The option mail rejected the mail.", { cause: error });
      } finally {
        sending.delete(stop);
      }
    },
    accepted: "The option mail accepted the mail.",
    close() {
      // The limit of 30 s would keep the process alive.
      for (const stop of sending) stop(new MailFailure("The process stopped before the option mail settled."));
    },
  };
}

function createConsole(log: (line: string) => void): Transport {
  return {
    send({ kind, to, subject, text }) {
      const lines = [`To: ${to}`, `Subject: ${subject}`, "", ...text.trimEnd().split("\n")];
      log([`mail (${kind})`, ...lines.map((line) => `  ${escaped(line)}`.trimEnd())].join("\n"));
      return Promise.resolve();
    },
    accepted: "The mail is in the log.",
  };
}
