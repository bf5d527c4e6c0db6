// Requests for mails to logins without an address, so that no mail is sent. Each address can ask for twenty mails an hour, so
// the attacks share these requests.
import { randomBytes } from "node:crypto";
import { oncePerTarget, post, type Target } from "./attack.js";
import type { Received } from "./exchange.js";
import { grantOf } from "./grant.js";

export interface RequestedMail {
  readonly path: "/login/mail" | "/password/reset";
  /** The description of a login that exists. Undefined for one that does not. */
  readonly known: string | undefined;
  readonly response: Received;
  readonly transaction: string | undefined;
}

/** Returns the reason if no mails can be asked for. */
export const mailRequestsOf = oncePerTarget(askForMails);

async function askForMails(target: Target): Promise<readonly RequestedMail[] | string> {
  const { testUsers } = target;
  // One login can ask for one mail a minute.
  const logins: readonly (readonly [RequestedMail["path"], string | undefined, string | undefined])[] = [
    ["/login/mail", undefined, invented()],
    ["/login/mail", "an account", testUsers?.other.login],
    ["/login/mail", "a disabled account", testUsers?.disabled.login],
    ["/password/reset", undefined, invented()],
    ["/password/reset", "an account", testUsers?.owner.login],
    ["/password/reset", "an account without password", testUsers?.withoutPassword],
  ];
  const all: RequestedMail[] = [];
  for (const [path, known, login] of logins) {
    if (login === undefined) continue;
    const response = await target.send(post(path, { login }));
    if (response.status === 429) return "This address has asked for too many mails. Wait an hour.";
    all.push({ path, known, response, transaction: grantOf(response).transaction });
  }
  const isOff = (request: RequestedMail) => request.response.status === 404;
  const offered = all.filter(({ path }) => !all.filter((each) => each.path === path).every(isOff));
  return offered.length === 0 ? "The server sends no mails." : offered;
}

/** As long as the logins of test users. */
const invented = (): string => `attack-${randomBytes(9).toString("hex")}`;
