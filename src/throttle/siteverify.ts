// The siteverify protocol of Turnstile, hCaptcha and reCAPTCHA v2: a form, and a JSON object with `success`.
import { parseJsonObject } from "../crypto/json.js";
import { boundedFetch, FetchFailure } from "../outbound/bounded-fetch.js";

/** The way for which a page shows the widget. A widget with an action (Turnstile) must have this one. */
export type CaptchaAction = "login";

export interface CaptchaContext {
  readonly action: CaptchaAction;
  readonly address: string | undefined;
}

export interface SiteverifyOptions {
  readonly url: string;
  readonly key: string;
  /** The host of the application's pages. Undefined: not compared. */
  readonly hostname: string | undefined;
}

export interface SiteverifyResponse {
  readonly success: boolean;
  /** A success for this host and this action. */
  readonly solved: boolean;
  readonly errorCodes: readonly string[];
}

const limits = { timeoutMs: 3_000, bytesMax: 65_536 };

export async function askSiteverify(
  { url, key, hostname }: SiteverifyOptions,
  token: string,
  { action, address }: CaptchaContext,
): Promise<SiteverifyResponse> {
  const { status, body } = await boundedFetch(new URL(url), {
    ...limits,
    method: "POST",
    headers: { accept: "application/json" },
    body: new URLSearchParams({ secret: key, response: token, ...(address !== undefined && { remoteip: address }) }),
  });
  const members = parseJsonObject(body);
  // A key that is not accepted gets 400 of some verifiers, and 200 of others.
  if (members === undefined) throw new FetchFailure(`the response was ${status} without one JSON object`);
  const success = status === 200 && members["success"] === true;
  const codes = members["error-codes"];
  return {
    success,
    solved:
      success &&
      isAbsentOr(members["hostname"], hostname) &&
      isAbsentOr(members["action"], action) &&
      // A token of reCAPTCHA v3 is always a success, and a bot has a low score. With hCaptcha a bot has a high one.
      members["score"] === undefined,
    errorCodes: Array.isArray(codes) ? codes.filter((code): code is string => typeof code === "string") : [],
  };
}

/** Returns why the verifier cannot be used, undefined if it can. It is asked about an invented token. */
export async function findSiteverifyProblem(options: SiteverifyOptions): Promise<string | undefined> {
  try {
    const context = { action: "login", address: undefined } as const;
    const { success, errorCodes } = await askSiteverify(options, "ampho-captcha-check", context);
    if (success)
      return "The captcha verifier accepts every token. The key in AMPHO_SECURITY_CAPTCHA_URL is one for tests.";
    if (errorCodes.some((code) => /secret|invalid-keys/.test(code)))
      return "The captcha verifier rejects the key in AMPHO_SECURITY_CAPTCHA_URL.";
    return errorCodes.length > 0
      ? undefined
      : "The captcha verifier gives no reason. Check AMPHO_SECURITY_CAPTCHA_URL.";
  } catch (error) {
    if (!(error instanceof FetchFailure)) throw error;
    return `The captcha verifier cannot be used: ${error.message}.`;
  }
}

/** A verifier leaves a member out, or leaves it empty, where the widget has none. */
const isAbsentOr = (member: unknown, expected: string | undefined): boolean =>
  member === undefined || member === null || member === "" || expected === undefined || member === expected;
