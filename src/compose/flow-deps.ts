// The dependencies of the flows, and those of one request.
import { systemClock } from "../clock.js";
import { createDeviceProofs } from "../factors/device-proofs.js";
import { createMailTokens } from "../factors/mail-tokens.js";
import { relyingPartyOf } from "../factors/passkey/relying-party.js";
import { createTotpSecrets } from "../factors/totp/totp.js";
import { createTransactions } from "../factors/transactions.js";
import { createDocuments } from "../flows/connect/documents.js";
import type { Caller, Deps } from "../flows/deps.js";
import type { ManagementDeps } from "../flows/manage/manager.js";
import { mailLine } from "../log-lines.js";
import { type Outbox, startOutbox } from "../mail/outbox.js";
import { createMailLanguages } from "../mail/texts/mail-languages.js";
import type { CompositionOptions } from "../options.js";
import type { Providers } from "../providers/provider.js";
import { createSessionTokens, type SessionTokens } from "../sessions/session-tokens.js";
import { limitWaits } from "../store/report-failures.js";
import type { Store } from "../store/store.js";
import type { Telemetry } from "../telemetry/telemetry.js";
import { type Captcha, createCaptcha, siteverify, type VerifyCaptcha } from "../throttle/captcha.js";
import { createDelayedRejection } from "../throttle/delayed-rejection.js";
import { createGuesses } from "../throttle/guesses.js";
import { createThrottle, shareThrottle, type Throttle } from "../throttle/throttle.js";
import type { Keyring } from "../tokens/keyring.js";
import type { Directory } from "../users/directory.js";
import type { Lifetime } from "./lifetime.js";
import { bugReporter, type OpenedDeps, toStderr } from "./management.js";

export interface ServingDeps extends Deps, ManagementDeps {
  readonly tokens: SessionTokens;
  /** The dependencies for one request. Its transactions together wait no longer for the database than a request can. */
  forRequest(): Deps;
}

/** The parts from which the dependencies are made. */
interface Ground {
  readonly managed: OpenedDeps;
  readonly keyring: Keyring;
  readonly providers: Providers;
  readonly telemetry: Telemetry;
  readonly options: CompositionOptions;
}

export async function openFlowDeps(ground: Ground, { onClose }: Lifetime): Promise<ServingDeps> {
  const { managed, keyring, providers, telemetry, options } = ground;
  const { store, settings, clock, passwords, directoryOver } = managed;
  const captcha = openCaptcha(managed, options.captcha, telemetry);
  const transactions = createTransactions(keyring, managed.revocations);
  const mailTokens = createMailTokens(keyring);
  const delayedRejection = createDelayedRejection(passwords, systemClock);
  const throttling = { keyring, settings, clock, delayedRejection, captcha, shared: shareThrottle(store) };
  const throttleOver = (view: Store) => createThrottle({ ...throttling, store: view });
  const outbox = await openOutbox({ ...managed, transactions, mailTokens }, telemetry, options);
  onClose(() => outbox?.stop());
  const deps = {
    ...managed,
    tokens: createSessionTokens({ keyring, settings, extraClaims: options.claims }),
    deviceProofs: createDeviceProofs(keyring),
    transactions,
    totpSecrets: createTotpSecrets(keyring),
    mailTokens,
    relyingParty: relyingPartyOf(settings),
    providers,
    outbox,
    throttle: throttleOver(store),
    guesses: createGuesses(settings, clock),
    offersCaptcha: captcha !== undefined,
    documents: createDocuments(settings, clock),
  };
  /**
   * The directory and the throttle are made at their first use. A renewal, the most frequent flow, needs neither. All
   * other members are inherited from `deps`, so a copy by spreading would lack them.
   */
  class RequestDeps {
    readonly store = limitWaits(store);
    #directory: Directory | undefined;
    #throttle: Throttle | undefined;
    get directory(): Directory {
      this.#directory ??= directoryOver(this.store);
      return this.#directory;
    }
    get throttle(): Throttle {
      this.#throttle ??= throttleOver(this.store);
      return this.#throttle;
    }
  }
  Object.setPrototypeOf(RequestDeps.prototype, deps);
  return { ...deps, forRequest: () => new RequestDeps() as unknown as Deps };
}

/** All flows of one request have the same caller. */
export function depsOfCaller({ forRequest }: ServingDeps): (caller: Caller) => Deps {
  const known = new WeakMap<Caller, Deps>();
  return (caller) => {
    const deps = known.get(caller) ?? forRequest();
    known.set(caller, deps);
    return deps;
  };
}

/** Undefined where no captcha is configured. */
function openCaptcha(
  { store, settings, clock }: ManagementDeps,
  ofApplication: VerifyCaptcha | undefined,
  telemetry: Telemetry,
): Captcha | undefined {
  const { captchaUrl: verifier, appUrl } = settings;
  const hostname = appUrl === undefined ? undefined : new URL(appUrl).hostname;
  const verify = ofApplication ?? (verifier && siteverify({ ...verifier, hostname }));
  if (verify === undefined) return undefined;
  return createCaptcha({
    verify,
    clock: systemClock,
    counted: telemetry.captchaVerified,
    record(reason, { address }) {
      const origin = { actor: "user", address } as const;
      // The attempt does not wait for this row. Without the database it is rejected anyway.
      store.recordAudit({ at: clock.now(), event: "captcha_failed", reason, origin }).catch(() => undefined);
    },
  });
}

async function openOutbox(
  deps: ManagementDeps & Pick<Deps, "transactions" | "mailTokens">,
  telemetry: Telemetry,
  { log = toStderr, languages }: CompositionOptions,
): Promise<Outbox | undefined> {
  const { openTransport, replaceText } = deps.mailing;
  const transport = deps.settings.appUrl === undefined ? undefined : await openTransport();
  if (transport === undefined) return undefined;
  const reportOutage = (reason: string | undefined) => log(mailLine(reason));
  const report = bugReporter(log, telemetry);
  const settled = telemetry.mailSettled;
  const known = createMailLanguages(languages);
  return startOutbox({ ...deps, transport, replaceText, languages: known, report, reportOutage, settled });
}
