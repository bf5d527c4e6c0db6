// Runs the commands of docs/operate/signing-keys.md in their order, beside a running server. The test moves the clock of the commands instead of waiting.
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it, vi } from "vitest";
import { shifted } from "../serve/fleet.js";
import { binary, execute, type Outcome } from "../world/command.js";
import { alice } from "../world/people.js";
import { bearer, type Grant, post } from "../world/requests.js";
import { addUser, freshPlace, logIn, startServe } from "../world/serve.js";
import { readPage, section } from "./evidence.js";

const page = readPage("docs/operate/signing-keys.md");
const blocksOf = (text: string) => [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);
const containers = ["Rotate a signing key in Kubernetes", "Rotate a signing key with Compose"].flatMap((title) =>
  blocksOf(section(page, title)),
);
const blocks = blocksOf(page).filter((code) => !containers.includes(code));
const patience = { timeout: 60_000, interval: 50 };

it("the runbook of docs/operate/signing-keys.md works, command by command", async () => {
  const place = freshPlace({ AMPHO_SECURITY_KEY: "", AMPHO_SECURITY_KEY_FILE: "key.json" });
  const bin = path.join(place.cwd, "bin");
  mkdirSync(bin);
  symlinkSync(binary, path.join(bin, "ampho"));
  chmodSync(binary, 0o755);
  const environment = { ...place.env, PATH: `${bin}:${process.env["PATH"]}` };
  const shell = (code: string, seconds = 0): Promise<Outcome> =>
    execute("sh", ["-ec", code], { cwd: place.cwd, env: { ...environment, NODE_OPTIONS: shifted(seconds) } });

  expect((await shell("ampho sec-gen-key --alg EdDSA -o key.json")).code).toBe(0);
  await addUser(place);
  const served = await startServe(place);
  const published = async () =>
    (await (await fetch(`${served.url}/.well-known/jwks.json`)).json()).keys.map(({ kid }: { kid: string }) => kid);
  const hasRead = (kids: readonly unknown[]) =>
    vi.waitFor(async () => expect(await published()).toEqual(kids), patience);
  const configured = (): readonly { readonly kid: string }[] => {
    const text = JSON.parse(readFileSync(path.join(place.cwd, "key.json"), "utf8"));
    return text.keys ?? [text];
  };
  const kids = () => configured().map(({ kid }) => kid);
  const status = async ({ token }: Grant) => (await fetch(`${served.url}/session`, { headers: bearer(token) })).status;

  const [
    next = "",
    activate = "",
    retire = "",
    revoke = "",
    replace = "",
    rekey = "",
    remove = "",
    look = "",
    ...more
  ] = blocks;
  expect(more).toEqual([]);
  const [old] = kids();
  const before = await logIn(served);

  expect(await shell(next)).toMatchObject({ code: 0, stdout: "" });
  const [, fresh] = kids();
  await hasRead([old, fresh]);

  expect(await shell(activate, 600)).toMatchObject({ code: 1, stderr: expect.stringContaining("Too early") });
  expect(await shell(activate, 1200)).toMatchObject({ code: 0, stdout: "" });
  await hasRead([fresh, old]);
  expect(await status(before)).toBe(200);
  const renewed: Grant = await (await post(`${served.url}/renew`, { refresh_token: before.refresh_token })).json();
  expect(await status(renewed)).toBe(200);

  const wait = 14 * 86_400 + 360;
  expect(await shell(retire, wait)).toMatchObject({ code: 1 });
  expect(await shell(retire, 1260 + wait)).toMatchObject({ code: 0, stdout: "" });
  await hasRead([fresh]);
  expect([await status(before), await status(renewed)]).toEqual([401, 200]);

  expect(await shell(revoke)).toMatchObject({ code: 0 });
  await vi.waitFor(async () => expect(await status(renewed)).toBe(401), patience);
  expect((await post(`${served.url}/login`, alice)).status).toBe(503);
  expect(await shell(replace)).toMatchObject({ code: 0, stdout: "" });
  const [replaced, ...revoked] = kids();
  expect(revoked).toEqual([fresh]);
  await hasRead([replaced]);
  expect(await status(await logIn(served))).toBe(200);
  expect(await shell(rekey)).toMatchObject({ code: 0, stdout: "" });
  expect(await shell(remove)).toMatchObject({ code: 0, stdout: "" });
  expect(kids()).toEqual([replaced]);

  const { code, stdout } = await shell(look.replaceAll("http://127.0.0.1:3000", served.root));
  expect([code, stdout.startsWith('{"status":"ok"}')]).toEqual([0, true]);
  expect(stdout).toContain(`"kid":"${kids()[0]}"`);
  expect(statSync(path.join(place.cwd, "key.json")).mode & 0o777).toBe(0o600);
  await served.stop();
});

/** The commands of a cluster, as this test needs them. They run the program where the server runs, and replace the file that it reads. */
const outside = {
  kubectl: `case "$1" in
    exec) shift 5; exec ampho "$@" ;;
    create) test -s key.json; echo "kind: Secret" ;;
    apply) grep -q "kind: Secret"; cp key.json mounted.json; mv mounted.json served/ampho-key.json ;;
    *) exit 9 ;;
  esac`,
  docker: 'test "$1 $2 $3 $4 $5" = "compose exec -T ampho-1 node"; shift 6; exec ampho "$@"',
  sudo: '[ "$1" = mv ] && exec "$@"; shift 5; test -s "$1"; cp "$1" "$2"',
};

it.each([
  ["kubectl", containers[0] ?? "", "served"],
  ["docker", containers[1] ?? "", "secrets"],
])(
  "the stages of a rotation work by %s, and an early stage changes no key",
  { timeout: 120_000 },
  async (_name, code, folder) => {
    const file = `${folder}/ampho-key.json`;
    const place = freshPlace({ AMPHO_SECURITY_KEY: "", AMPHO_SECURITY_KEY_FILE: file });
    const bin = path.join(place.cwd, "bin");
    for (const name of [bin, path.join(place.cwd, folder)]) mkdirSync(name);
    symlinkSync(binary, path.join(bin, "ampho"));
    for (const [name, script] of Object.entries(outside))
      writeFileSync(path.join(bin, name), `#!/bin/sh -e\n${script}\n`, { mode: 0o700 });
    const shell = (script: string, seconds = 0): Promise<Outcome> =>
      execute("sh", ["-c", script], {
        cwd: place.cwd,
        env: { ...place.env, PATH: `${bin}:${process.env["PATH"]}`, NODE_OPTIONS: shifted(seconds) },
      });
    expect((await shell(`ampho sec-gen-key --alg EdDSA -o ${file} && ampho db-up`)).code).toBe(0);
    const kids = (): readonly string[] => {
      const text = JSON.parse(readFileSync(path.join(place.cwd, file), "utf8"));
      return (text.keys ?? [text]).map(({ kid }: { readonly kid: string }) => kid);
    };
    const stage = (name: string) => code.replace("--stage next", `--stage ${name}`);
    const [old] = kids();
    expect(await shell(code)).toMatchObject({ code: 0 });
    const [, fresh] = kids();
    expect(fresh).toBeDefined();
    expect(await shell(stage("activate"), 60)).toMatchObject({ code: 1, stderr: expect.stringContaining("Too early") });
    expect(kids()).toEqual([old, fresh]);
    expect(await shell(stage("activate"), 1200)).toMatchObject({ code: 0 });
    expect(kids()).toEqual([fresh, old]);
    expect(await shell(stage("retire"), 1260 + 14 * 86_400 + 360)).toMatchObject({ code: 0 });
    expect(kids()).toEqual([fresh]);
  },
);

it("the log has the lines that docs/operate/signing-keys.md quotes", () => {
  expect(readPage("src/log-lines.ts")).toContain("The key file was read again. ");
  expect(page).toContain("The key file was read again. ");
});
