// The verifier of captchas, which is asked once.
import type { Configuration } from "../../config/configuration.js";
import { findSiteverifyProblem } from "../../throttle/siteverify.js";
import type { Finding } from "../finding.js";

export async function checkCaptchaVerifier({
  captchaUrl: url,
  captchaKey: key,
}: Pick<Configuration, "captchaUrl" | "captchaKey">): Promise<readonly Finding[]> {
  if (url === undefined || key === undefined) return [];
  const message = await findSiteverifyProblem({ url, key, hostname: undefined });
  if (message === undefined) return [];
  const fix = "Compare URL and key with the pages of the captcha's vendor. Run `ampho captcha-check` after that.";
  return [{ severity: "warning", check: "captcha", message, fix }];
}
