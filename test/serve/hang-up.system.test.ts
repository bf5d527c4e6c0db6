// SIGHUP to `ampho serve`: it reads the key file again, and continues unless its terminal is gone.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it, vi } from "vitest";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { binary } from "../world/command.js";
import { bearer } from "../world/requests.js";
import { addUser, freshPlace, logIn, type Place, type Served, startServe } from "../world/serve.js";

const patience = { timeout: 60_000, interval: 25 };
const [old, next] = [generateJwk("ES256"), generateJwk("ES256")];

async function filed(): Promise<{ readonly place: Place; readonly served: Served; write(text: string): void }> {
  const place = freshPlace({ AMPHO_SECURITY_KEY: "", AMPHO_SECURITY_KEY_FILE: "key.json" });
  const write = (text: string) => writeFileSync(path.join(place.cwd, "key.json"), text);
  write(JSON.stringify(old));
  await addUser(place);
  return { place, write, served: await startServe(place) };
}

function notices({ stderr }: Served): readonly string[] {
  const lines = stderr().trimEnd().split("\n");
  return lines.map((line) => String(JSON.parse(line).message ?? "")).filter((line) => line !== "");
}

async function hangUp(served: Served, response: RegExp): Promise<void> {
  served.process.kill("SIGHUP");
  await vi.waitFor(() => expect(notices(served).at(-1)).toMatch(response), patience);
}

const kids = async ({ url }: Served) =>
  (await (await fetch(`${url}/.well-known/jwks.json`)).json()).keys.map(({ kid }: { kid: string }) => kid);
const readiness = async ({ root }: Served) => {
  const response = await fetch(`${root}/readyz`);
  return [response.status, await response.json()];
};

describe("SIGHUP", () => {
  it("SIGHUP makes a server read the key file at once, as often as it comes, and ends nothing", async () => {
    const { served, write } = await filed();
    const before = await logIn(served);
    write(JSON.stringify({ keys: [next, old] }));
    for (let times = 0; times < 20; times++) served.process.kill("SIGHUP");
    await hangUp(served, /^SIGHUP: the key file was read\.$/);
    expect(await kids(served)).toEqual([next["kid"], old["kid"]]);
    expect(notices(served).filter((line) => line.includes("read again"))).toHaveLength(1);
    expect((await fetch(`${served.url}/session`, { headers: bearer(before.token) })).status).toBe(200);
    expect((await served.stop()).code).toBe(0);
  });

  it("SIGHUP with a bad file logs the error without the text of the file, keeps the old keys, and shows in /readyz beside its 200", async () => {
    const { served, write } = await filed();
    const secret = String(next["d"]);
    write(JSON.stringify({ keys: [{ ...next, kty: "EC", x: secret }] }));
    await hangUp(served, /^error: SIGHUP: .*AMPHO_SECURITY_KEY_FILE.* The keys stay as they are\.$/s);
    expect(served.stderr()).not.toContain(secret);
    const [status, body] = await readiness(served);
    expect([status, body.status, body.warnings]).toEqual([200, "ok", ["signing_key_file_unusable"]]);
    expect((await logIn(served)).token).toMatch(/^eyJ/);
    expect(await kids(served)).toEqual([old["kid"]]);
    write(JSON.stringify(old));
    await hangUp(served, /^SIGHUP: the key file was read\.$/);
    expect(await readiness(served)).toEqual([200, { status: "ok" }]);
    await served.stop();
  });

  it("SIGHUP does nothing where the key is not in a file, and logs that", async () => {
    const served = await startServe(freshPlace());
    await hangUp(served, /^error: SIGHUP: AMPHO_SECURITY_KEY_FILE is not set.* The keys stay as they are\.$/);
    expect((await readiness(served))[0]).toBe(200);
    await served.stop();
  });

  it("SIGHUP stops the server only when its terminal is gone", async () => {
    const { cwd, env } = freshPlace();
    const line = `echo pid $$; exec '${process.execPath}' '${binary}' serve --port 0`;
    const terminal = spawn("script", ["-qec", line, "/dev/null"], {
      cwd,
      env: { PATH: process.env["PATH"], HOME: cwd, TERM: "xterm", ...env },
    });
    let shown = "";
    terminal.stdout.setEncoding("utf8").on("data", (text: string) => (shown += text));
    await vi.waitFor(() => expect(shown).toMatch(/pid \d+[\s\S]*http:\S+\s/), patience);
    const pid = Number(/pid (\d+)/.exec(shown)?.[1]);
    process.kill(pid, "SIGHUP");
    await vi.waitFor(() => expect(shown).toContain("The keys stay as they are."), patience);
    const root = /http:\S+/.exec(shown)?.[0] ?? "";
    expect((await fetch(`${root}/healthz`)).status).toBe(200);
    terminal.kill("SIGKILL");
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow("ESRCH"), patience);
  });
});
