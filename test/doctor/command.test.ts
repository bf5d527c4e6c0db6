import { expect, test } from "vitest";
import { listening } from "../world/listen.js";
import { addUser, command, freshPlace } from "../world/serve.js";

test("the doctor prints that nothing is wrong for a healthy deployment", async () => {
  const place = freshPlace({ AMPHO_SECURITY_TOKEN_AUDIENCE: "api" });
  await addUser(place);
  const { code, stdout, stderr } = await command(place, ["doctor"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  expect(stderr).toMatch(
    /^One password hash takes \d+ ms on one thread of this machine\.\nTLS, proxies .* `--url` .*\nNothing is wrong\.\n$/,
  );
});

test("the doctor prints the most severe finding first and exits with 1", async () => {
  const place = freshPlace({
    AMPHO_SECURITY_PASSWORD_MIN: "8",
    AMPHO_SECURITY_TOKEN_TTL: "90000",
    AMPHO_SECURITY_TOKEN_AUDIENCE: "api",
  });
  const typed = await command(place, ["doctor"]);
  expect(typed.code).toBe(1);
  expect(typed.stdout).toMatch(
    /^ERROR configuration: AMPHO_SECURITY_TOKEN_TTL .*\n {2}Set it to 900.*\nWARNING configuration: /,
  );
  expect(typed.stderr).toMatch(/ampho: The doctor found something to fix\.\n$/);
  const json = await command(place, ["doctor", "--json"]);
  expect(json.code).toBe(1);
  expect(JSON.parse(json.stdout)).toEqual([
    { severity: "error", check: "configuration", message: expect.any(String), fix: expect.any(String) },
    { severity: "warning", check: "configuration", message: expect.any(String), fix: expect.any(String) },
  ]);
});

test("the doctor and other commands exit with 2 in production without a database", async () => {
  const place = freshPlace({ NODE_ENV: "production", AMPHO_DATABASE_URL: "" });
  const { code, stdout } = await command(place, ["doctor", "--json"]);
  const [finding] = JSON.parse(stdout) as readonly { readonly message: string }[];
  expect([code, finding?.message]).toEqual([2, expect.stringMatching(/^AMPHO_DATABASE_URL must be set in production/)]);
  expect((await command(place, ["sec-revoke-key", "unknown"])).code).toBe(2);
});

test("the doctor prints no control characters that an instance returns", async () => {
  const obeyed = "\u001b[2J\u009b31m\u202ex";
  const names = ["token", "refresh_token", "device", "error", "message", "login", "status", "id", "openapi"];
  const received = JSON.stringify({
    ...Object.fromEntries(names.map((name) => [name, obeyed])),
    warnings: [obeyed],
    keys: [{ kty: "oct", kid: obeyed, alg: obeyed, k: obeyed }],
    sessions: [{ id: obeyed }],
  });
  const { url } = await listening((_, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end(received);
  });
  const place = freshPlace();
  await addUser(place);
  // The checks of a running instance find no fault in these responses.
  const { code, stdout, stderr } = await command(place, ["doctor", "--url", url]);
  expect([code, `${stdout}${stderr}`]).toEqual([0, expect.not.stringMatching(/[^\P{C}\n]|unexpected error/u)]);
});

test("the doctor rejects a URL with a user, and options that it does not have", async () => {
  const place = freshPlace();
  for (const args of [
    ["--url", "localhost"],
    ["--url", "http://ann@localhost"],
    ["--attack", "http://localhost"],
  ])
    expect(await command(place, ["doctor", ...args])).toMatchObject({ code: 2, stdout: "" });
});
