import { describe, expect, it } from "vitest";
import { AmphoError, type ErrorCode, errorCodes } from "../../dist/errors.js";
import { createErrorResponder } from "../../dist/http/rest/responses/problems.js";

const reported: unknown[] = [];
const errorResponse = createErrorResponder((error) => reported.push(error));
const responseTo = (...args: ConstructorParameters<typeof AmphoError>) => errorResponse(new AmphoError(...args));

describe("an error response", () => {
  it.each(errorCodes.map((code): [ErrorCode] => [code]))(
    "the response for %s has its code and message and forbids caching",
    (code) => {
      const { status, headers, body } = responseTo(code, "Said.");
      expect(status).toBeGreaterThanOrEqual(400);
      const further = code === "factor_needed" ? { passkey: null } : {};
      expect(JSON.parse(body ?? "")).toEqual({ message: "Said.", error: code, ...further });
      expect(headers).toMatchObject({
        "Cache-Control": "no-store",
        "Content-Type": "application/json",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
      });
      // A service account authenticates by its id and its key (RFC 6749 §5.2).
      const scheme = code === "invalid_client" ? /^Basic realm="ampho"/ : /^Bearer realm="ampho"/;
      expect(scheme.test(headers["WWW-Authenticate"] ?? "")).toBe(status === 401 || code === "insufficient_scope");
      expect("Retry-After" in headers).toBe(status === 429 || status === 503);
      expect("Allow" in headers).toBe(status === 405);
    },
  );

  it.each([
    ["missing_token", {}, 'Bearer realm="ampho"'],
    ["invalid_credentials", {}, 'Bearer realm="ampho"'],
    ["invalid_token", {}, 'Bearer realm="ampho", error="invalid_token"'],
    ["session_ended", {}, 'Bearer realm="ampho", error="invalid_token"'],
    ["transaction_over", {}, 'Bearer realm="ampho"'],
    [
      "login_too_old",
      { maxAgeSeconds: 300 },
      'Bearer realm="ampho", error="insufficient_user_authentication", max_age="300"',
    ],
    [
      "login_too_weak",
      { acr: "2fa" },
      'Bearer realm="ampho", error="insufficient_user_authentication", acr_values="2fa"',
    ],
    [
      "login_too_weak",
      { acr: "phr", maxAgeSeconds: 300 },
      'Bearer realm="ampho", error="insufficient_user_authentication", acr_values="phr", max_age="300"',
    ],
    ["login_too_weak", { acr: '2fa", error="x' }, 'Bearer realm="ampho", error="insufficient_user_authentication"'],
    ["insufficient_scope", {}, 'Bearer realm="ampho", error="insufficient_scope"'],
    [
      "insufficient_scope",
      { scopes: ["read", 'x", error="y', "write:all"] },
      'Bearer realm="ampho", error="insufficient_scope", scope="read write:all"',
    ],
  ] as const)("%s with %j is challenged by %s", (code, details, challenge) => {
    expect(responseTo(code, "Said.", details).headers["WWW-Authenticate"]).toBe(challenge);
  });

  it("a response states in whole seconds when to retry", () => {
    expect(responseTo("too_many_attempts", "Wait.", { retryAfterSeconds: 7.2 }).headers["Retry-After"]).toBe("8");
    expect(responseTo("unavailable", "Wait.").headers["Retry-After"]).toBe("1");
  });

  it("a response carries field and reason where the error has them, and no other details", () => {
    const bodyOf = (...args: ConstructorParameters<typeof AmphoError>) => JSON.parse(responseTo(...args).body ?? "");
    expect(bodyOf("invalid_request", "Wrong.", { field: "login" })).toEqual({
      message: "Wrong.",
      error: "invalid_request",
      field: "login",
    });
    expect(bodyOf("password_rejected", "Short.", { reason: "too_short" })).toEqual({
      message: "Short.",
      error: "password_rejected",
      reason: "too_short",
    });
    expect(bodyOf("too_many_attempts", "Wait.", { retryAfterSeconds: 7 })).toEqual({
      message: "Wait.",
      error: "too_many_attempts",
    });
  });

  it("a taken login has status 409, and a rejected password 400", () => {
    expect([responseTo("login_taken", "Taken.").status, responseTo("password_rejected", "Short.").status]).toEqual([
      409, 400,
    ]);
  });

  it("a bug is reported, and its response reveals nothing internal", () => {
    const bug = new TypeError("the password was hunter2");
    const { status, body } = errorResponse(bug);
    expect(status).toBe(500);
    expect(JSON.parse(body ?? "")).toMatchObject({ error: "internal_error" });
    expect(body).not.toContain("hunter2");
    expect(reported).toEqual([bug]);
    expect(errorResponse("a thrown string").status).toBe(500);
  });
});
