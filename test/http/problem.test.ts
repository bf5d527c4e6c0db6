import { describe, expect, it } from "vitest";
import { AmphoError, type ErrorCode, errorCodes } from "../../dist/errors.js";
import { createErrorResponder } from "../../dist/http/rest/responses/problems.js";

const reported: unknown[] = [];
const refusal = createErrorResponder((error) => reported.push(error));
const answerTo = (...args: ConstructorParameters<typeof AmphoError>) => refusal(new AmphoError(...args));

describe("a refusal", () => {
  it.each(errorCodes.map((code): [ErrorCode] => [code]))(
    "%s tells its code and message, and is never stored",
    (code) => {
      const { status, headers, body } = answerTo(code, "Said.");
      expect(status).toBeGreaterThanOrEqual(400);
      expect(JSON.parse(body ?? "")).toEqual({ message: "Said.", error: code });
      expect(headers).toMatchObject({
        "Cache-Control": "no-store",
        "Content-Type": "application/json",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
      });
      expect(/^Bearer realm="ampho"/.test(headers["WWW-Authenticate"] ?? "")).toBe(
        status === 401 || code === "insufficient_scope",
      );
      expect("Retry-After" in headers).toBe(status === 429 || status === 503);
      expect("Allow" in headers).toBe(status === 405);
    },
  );

  it.each([
    ["missing_token", {}, 'Bearer realm="ampho"'],
    ["invalid_credentials", {}, 'Bearer realm="ampho"'],
    ["invalid_token", {}, 'Bearer realm="ampho", error="invalid_token"'],
    ["session_ended", {}, 'Bearer realm="ampho", error="invalid_token"'],
    [
      "login_too_old",
      { maxAgeSeconds: 300 },
      'Bearer realm="ampho", error="insufficient_user_authentication", max_age="300"',
    ],
    ["insufficient_scope", {}, 'Bearer realm="ampho", error="insufficient_scope"'],
    [
      "insufficient_scope",
      { scopes: ["read", 'x", error="y', "write:all"] },
      'Bearer realm="ampho", error="insufficient_scope", scope="read write:all"',
    ],
  ] as const)("%s with %j is challenged by %s", (code, details, challenge) => {
    expect(answerTo(code, "Said.", details).headers["WWW-Authenticate"]).toBe(challenge);
  });

  it("says in whole seconds when to come back", () => {
    expect(answerTo("too_many_attempts", "Wait.", { retryAfterSeconds: 7.2 }).headers["Retry-After"]).toBe("8");
    expect(answerTo("unavailable", "Wait.").headers["Retry-After"]).toBe("1");
  });

  it("of a bug tells nothing of the inside, and reports it", () => {
    const bug = new TypeError("the password was hunter2");
    const { status, body } = refusal(bug);
    expect(status).toBe(500);
    expect(JSON.parse(body ?? "")).toMatchObject({ error: "internal_error" });
    expect(body).not.toContain("hunter2");
    expect(reported).toEqual([bug]);
    expect(refusal("a thrown string").status).toBe(500);
  });
});
