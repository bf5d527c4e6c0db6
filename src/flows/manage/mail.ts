// The outbox and a test of the transport, for operators and for `ampho.mail`.
import { AmphoError } from "../../errors.js";
import { MailFailure } from "../../mail/mail-failure.js";
import { composeTest } from "../../mail/message.js";
import type { MailRow } from "../../store/sql/upkeep/mail.js";
import { requireAddress } from "../find/rules.js";
import * as check from "./checks.js";
import type { MailView, Management } from "./management.js";
import type { Manager } from "./manager.js";

const toView = ({ n: id, at: created, kind, userId, tries, nextAt, sentAt, failure }: MailRow): MailView => {
  return { id, kind, userId, created, attempts: tries, next: nextAt, sent: sentAt, failure };
};

export const manageMail = ({ store, settings, clock, mailing }: Manager): Management["mail"] => ({
  list: check.checked(check.limited, async ({ limit = 1000 } = {}) => (await store.listMail({ limit })).map(toView)),
  test: check.checked({ email: check.string, report: check.optionally(check.callback) }, async (email, report) => {
    const { address } = requireAddress(email);
    const transport = await mailing.openTransport();
    if (transport === undefined)
      throw new AmphoError("not_found", "AMPHO_MAIL_URL is not set, so no mail can be sent.");
    try {
      if (transport.check !== undefined) {
        const step = await transport.check();
        report?.(step);
      }
      await transport.send(await composeTest(settings, address, clock.now(), mailing.replaceText));
      report?.(transport.accepted);
    } catch (error) {
      if (error instanceof MailFailure) throw new AmphoError("unavailable", error.message, {}, { cause: error });
      throw error;
    } finally {
      transport.close?.();
    }
  }),
});
