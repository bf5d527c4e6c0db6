// A `fetch` that asks for the mailed code where a change must be confirmed, and then repeats the request.
import type { AmphoError } from "../errors.js";
import type { ConfirmationBegun } from "../wire/begun.js";
import type { ProblemBody } from "../wire/problem.js";
import { type Fetch, sendBy } from "./calls.js";
import { readText } from "./fetch.js";
import { parse } from "./texts.js";

/** A change of the account that the user must confirm. */
export interface ConfirmationNeeded {
  /** The change, such as `further_factor` (docs/reference/changes.md). */
  readonly change: string;
  /** The ways to confirm it: `mail`, and `passkey` for an account with a confirmed passkey. */
  readonly ways: readonly string[];
  /** True after a wrong code. */
  readonly failed: boolean;
}

/**
 * Called when a change needs a code, which was mailed to the user. Returns the code that the user enters. Undefined or
 * null, as `prompt` returns it, cancels: the change then rejects with `confirmation_needed`.
 * @example
 * const onConfirm: OnConfirm = ({ failed }) => prompt(failed ? "That was wrong. Code:" : "Code of the mail:");
 */
export type OnConfirm = (needed: ConfirmationNeeded) => Promise<string | null | undefined> | string | null | undefined;

export function createConfirmFetch(fetch: Fetch, onConfirm: OnConfirm, root: string): Fetch {
  const send = sendBy(fetch, root);
  return async (input, init = {}) => {
    const response = await fetch(input, init);
    if (response.status !== 401 || !response.url.startsWith(`${root}/`)) return response;
    const { error, change = "", ways = [] } = Object(parse(await readText(response))) as Partial<ProblemBody>;
    if (error !== "confirmation_needed") return response;
    const { transaction } = (await send("POST", "/account/confirm", { change })) as ConfirmationBegun;
    for (let failed = false; ; failed = true) {
      const code = await onConfirm({ change, ways, failed });
      if (!code) return response;
      try {
        await send("POST", "/account/confirm/finish", { transaction, code });
        return await fetch(input, init);
      } catch (failure) {
        if ((failure as AmphoError).code !== "invalid_credentials") throw failure;
      }
    }
  };
}
