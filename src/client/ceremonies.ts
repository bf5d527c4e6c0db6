// One ceremony of WebAuthn at a time, because the browser rejects a second one. A ceremony that the user began ends the
// request of autofill, which continues after it.
import type { WebAuthnJson } from "../wire/begun.js";
import { getCredential, platform } from "./webauthn.js";

/** The options of a login that was begun. */
export interface BegunCeremony {
  readonly passkey: WebAuthnJson;
}

/** With `freshMs` of passkey-login.ts, a request ends before eight minutes. Its transaction ends after ten. */
const renewMs = 240_000;

export function createCeremonies() {
  /** The ceremony under way. */
  let current: AbortController | undefined;
  /** The call of `autofill` under way. It lasts for several requests. */
  let filling: AbortController | undefined;
  let modal: Promise<unknown> | undefined;

  const stop = () => filling?.abort();

  /** Ends the former ceremony. */
  function start(signal?: AbortSignal): AbortController {
    current?.abort();
    const mine = new AbortController();
    current = mine;
    const abort = () => mine.abort(signal?.reason);
    if (signal?.aborted) abort();
    // A signal can outlive many ceremonies. Each one aborts its own signal at its end.
    signal?.addEventListener("abort", abort, { signal: mine.signal });
    return mine;
  }

  return {
    /** Ends the request of autofill. */
    stop,
    /** Runs work with the signal of its ceremony. It ends any other ceremony. */
    modal<T>(work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
      const ceremony = start(signal);
      const result = work(ceremony.signal)
        .then((value) => {
          stop();
          return value;
        })
        .finally(() => {
          ceremony.abort();
          if (modal === result) modal = undefined;
        });
      modal = result;
      return result;
    },
    /**
     * Resolves to the passkey that the user chose from autofill, and to undefined without autofill in this browser,
     * after another login or ceremony, and after an abort.
     */
    async autofill<T extends BegunCeremony>(
      begin: () => Promise<T>,
      signal?: AbortSignal,
    ): Promise<[T, WebAuthnJson] | undefined> {
      stop();
      const mine = new AbortController();
      filling = mine;
      const end = () => mine.abort();
      if (signal?.aborted) end();
      signal?.addEventListener("abort", end, { signal: mine.signal });
      try {
        if (!(await platform().isConditionalMediationAvailable?.())) return undefined;
        for (;;) {
          while (modal) await modal.catch(() => {});
          if (mine.signal.aborted) return undefined;
          const begun = await begin();
          if (modal || mine.signal.aborted) continue;
          const request = start(mine.signal);
          const timer = setTimeout(() => request.abort(), renewMs);
          try {
            return [begun, await getCredential(begun.passkey, request.signal, "conditional")];
          } catch (error) {
            if (isCancelled(error)) return undefined;
            if (!request.signal.aborted) throw error;
          } finally {
            clearTimeout(timer);
          }
        }
      } finally {
        end();
      }
    },
  };
}

export type Ceremonies = ReturnType<typeof createCeremonies>;

/** The user or the browser ended the ceremony. The platform does not distinguish them (WebAuthn L3 §5.1.4.3). */
const isCancelled = (error: unknown) => Object(error).name === "NotAllowedError";
