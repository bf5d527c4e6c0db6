// A captcha where the throttle would reject an attempt (docs/operate/throttling.md). A solved one buys that one
// attempt. While the verifier is unreachable, the throttle decides as without a captcha.
import { createHash } from "node:crypto";
import { createRowLimit } from "../audit/row-limit.js";
import { type Clock, within } from "../clock.js";
import { FetchFailure } from "../outbound/bounded-fetch.js";
import { createPlaces, NoPlace } from "../outbound/places.js";
import { askSiteverify, type CaptchaContext, type SiteverifyOptions } from "./siteverify.js";
import { attemptSourceOf } from "./sources.js";

export type CaptchaOutcome = "solved" | "rejected" | "failed";

/**
 * The application's own verifier. `token` comes from the client. Resolves to whether it is the token of a solved
 * captcha. A rejection counts as an unreachable verifier.
 */
export type VerifyCaptcha = (token: string, context: CaptchaContext) => boolean | Promise<boolean>;

export type Captcha = ReturnType<typeof createCaptcha>;

const timeoutMs = 5_000;
/** A flood of invented tokens must neither occupy this process nor use up the limits of the verifier. */
const concurrentMax = 32;

export function createCaptcha(deps: {
  readonly verify: VerifyCaptcha;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly counted: (outcome: CaptchaOutcome) => void;
  readonly record: (reason: string, context: CaptchaContext) => void;
}) {
  const { verify, clock, counted, record } = deps;
  const isRecordable = createRowLimit();
  const places = createPlaces(concurrentMax);

  function report(outcome: CaptchaOutcome, reason: string, context: CaptchaContext): CaptchaOutcome {
    counted(outcome);
    if (outcome !== "solved" && isRecordable(outcome, clock.monotonicMs() / 1000)) record(reason, context);
    return outcome;
  }

  async function ask(token: string, context: CaptchaContext): Promise<boolean> {
    const late = () => new FetchFailure(`there was no response within ${timeoutMs / 1000} s`);
    return (await within(timeoutMs, verify(token, context), late)) === true;
  }

  return {
    /** Never rejects. `failed`: the verifier gave no verdict. */
    async verify(token: string, context: CaptchaContext): Promise<CaptchaOutcome> {
      try {
        const isSolved = await places.run(attemptSourceOf(context.address), () => ask(token, context));
        return report(isSolved ? "solved" : "rejected", "not solved", context);
      } catch (error) {
        if (error instanceof NoPlace) return report("failed", "too many captchas at once", context);
        return report("failed", error instanceof FetchFailure ? error.message : "the verifier failed", context);
      }
    },
    /** The name under which the database remembers that a token has bought an attempt. */
    spentHash: (token: string): string => createHash("sha256").update(`captcha ${token}`).digest("base64url"),
  };
}

export const siteverify =
  (options: SiteverifyOptions): VerifyCaptcha =>
  async (token, context) =>
    (await askSiteverify(options, token, context)).solved;
