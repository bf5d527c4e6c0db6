import { expect, test } from "vitest";
import { attackBinary } from "../world/command.js";
import { listening } from "../world/listen.js";
import { command, freshPlace } from "../world/serve.js";

const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}, stdin = "") =>
  command({ ...freshPlace(env), program: attackBinary }, args, stdin);
const keyless = { AMPHO_SECURITY_KEY: "" };

/** A server that returns the same to every request. */
async function startServer(body: object): Promise<{ readonly url: string; readonly paths: readonly string[] }> {
  const paths: string[] = [];
  const { url } = await listening((request, response) => {
    paths.push(request.url ?? "");
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  return { url, paths };
}

test("a wrong use ends with 2, and prints nothing that was typed as a secret", async () => {
  const url = "http://localhost:1/";
  for (const [args, stdin] of [
    [[]],
    [[url, url]],
    [["ftp://localhost/"]],
    [["http://a:heron@localhost/"]],
    [[`${url}?heron`]],
    [[url, "--heron"]],
    [[url, "--password-stdin"], "heron"],
    [[url, "--key-stdin", "--password-stdin", "--login", "x"]],
    [[url, "--login", "x"]],
    [[url, "--key-stdin"], '{"kty":"oct","k":"heron'],
    [[url, "--key-stdin"], '{"kty":"EC","crv":"P-256","d":"heron"}'],
    [[url, "--key-stdin"], "{}"],
    [[url, "--i-own-this-host", "localhost"]],
    [[url, "--i-own-this-host", "localhost:10"]],
  ] as const) {
    const { code, stdout, stderr } = await run(args, {}, stdin);
    expect({ code, stdout }, args.join(" ")).toEqual({ code: 2, stdout: "" });
    if (!args.includes("--heron" as never)) expect(stderr).not.toContain("heron");
  }
});

test("the help and the version go to stdout", async () => {
  const help = await run(["--help"]);
  expect(help).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("--i-own-this-host HOST") });
  for (const line of help.stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  expect((await run(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test("another host gets no request without its key, and no attack over http", async () => {
  expect(await run(["https://192.0.2.1/"], keyless)).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringContaining("Without its key"),
  });
  for (const more of [[], ["--i-own-this-host", "192.0.2.1"]])
    expect(await run(["http://192.0.2.1/", ...more])).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("Use https."),
    });
});

test("a server that does not accept the key gets the proof of the key alone", async () => {
  const { url, paths } = await startServer({ keys: [] });
  expect(await run([url])).toMatchObject({ code: 1, stderr: expect.stringContaining("is not the key of the server") });
  expect(paths).toEqual(["/api/security/.well-known/jwks.json", "/api/security/session"]);
});

test("the attacks print no control characters that an instance returns", async () => {
  const obeyed = "\u001b[2J\u009b31m\u202ex";
  const names = ["token", "refresh_token", "device", "error", "message", "login", "status", "id"];
  const { url } = await startServer({
    ...Object.fromEntries(names.map((name) => [name, obeyed])),
    keys: [{ kty: "oct", kid: obeyed, alg: obeyed, k: obeyed }],
    sessions: [{ id: obeyed }],
  });
  for (const more of [[], ["--json"]]) {
    const args = [url, "--login", "ann", "--password-stdin", ...more];
    const { code, stdout, stderr } = await run(args, keyless, "heron tumbrel lantern");
    expect([code, `${stdout}${stderr}`]).toEqual([1, expect.not.stringMatching(/[^\P{C}\n]|unexpected error/u)]);
    expect(stderr).toContain("attacks succeeded");
  }
});
