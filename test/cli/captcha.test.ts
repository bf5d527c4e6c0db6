// `captcha-check`, and the check of `doctor`, with a siteverify server on the loopback interface.
import { describe, expect, it } from "vitest";
import { checkCaptchaVerifier } from "../../dist/doctor/examine.js";
import { type Behavior, listen, sendJson } from "../world/listen.js";
import { command, freshPlace } from "../world/serve.js";

const run = (env: Readonly<Record<string, string>>) => command(freshPlace(env), ["captcha-check"]);

const responses: readonly (readonly [name: string, by: Behavior, message: RegExp])[] = [
  [
    "a wrong key",
    sendJson({ success: false, "error-codes": ["invalid-input-secret"] }),
    /rejects the key in AMPHO_SECURITY_CAPTCHA_URL/,
  ],
  ["a key for tests", sendJson({ success: true, hostname: "example.com" }), /is one for tests/],
  ["no reason", sendJson({ success: false }), /gives no reason/],
  ["a page", (_, response) => void response.end("<html>"), /cannot be used: the response was 200/],
];

describe("captcha-check", () => {
  it("A verifier that rejects the invented token alone is ready", async () => {
    const server = await listen(sendJson({ success: false, "error-codes": ["invalid-input-response"] }));
    const env = { AMPHO_SECURITY_CAPTCHA_URL: server.url.replace("//", "//:secret-1@") };
    const { code, stderr } = await run(env);
    expect([code, stderr]).toEqual([0, "The captcha verifier accepts the key.\n"]);
    expect(await checkCaptchaVerifier({ captchaUrl: { url: server.url, key: "secret-1" } })).toEqual([]);
  });

  it.each(responses)("A verifier with %s ends the command with exit code 1", async (_, by, message) => {
    const server = await listen(by);
    const env = { AMPHO_SECURITY_CAPTCHA_URL: server.url.replace("//", "//:secret-1@") };
    const { code, stderr } = await run(env);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain("secret-1");
    const findings = await checkCaptchaVerifier({ captchaUrl: { url: server.url, key: "secret-1" } });
    expect(findings).toMatchObject([{ severity: "warning", check: "captcha" }]);
  });

  it("Without a captcha the command ends with exit code 2", async () => {
    expect((await run({})).code).toBe(2);
  });
});
