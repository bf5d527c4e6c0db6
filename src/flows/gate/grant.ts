// The tokens of a login that the gate has granted, with the proof of its device.

import type { EntryOutcome } from "../../store/sql/entries.js";
import type { Account } from "../../users/directory.js";
import { toAccount } from "../../users/directory.js";
import type { Grant } from "../../wire/login.js";
import type { Deps } from "../deps.js";
import type { LoginContext } from "./gate-proof.js";

export const willRemember = ({ settings }: Deps, { remember }: LoginContext) =>
  remember === true && settings.remember > 0;

export async function issueGrant(
  deps: Deps,
  account: Account,
  granted: Extract<EntryOutcome, { readonly outcome: "granted" }>,
  context: LoginContext,
): Promise<Grant> {
  const { tokens, deviceProofs, settings } = deps;
  const { now, device } = context;
  const { session, versions, codesLeft } = granted;
  const user = granted.user === undefined ? account : toAccount(granted.user);
  const grant = await tokens.grant(session, user, { refresh: true, now });
  const remember =
    willRemember(deps, context) && session.amr.includes("mfa")
      ? { until: now + settings.remember, ...versions }
      : device?.remember;
  const deviceId = device?.deviceId ?? context.deviceId;
  return {
    ...grant,
    device: deviceProofs.issue(user, deviceId, now, remember),
    ...(codesLeft !== undefined && { recovery_codes_left: codesLeft }),
  };
}
