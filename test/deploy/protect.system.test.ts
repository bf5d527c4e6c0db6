// examples/protect-anything with the real nginx and Caddy: a static site and a Python program behind the pages of Ampho.
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { openJar } from "../http/jar.js";
import { atEndOfFile } from "../world/clean-up.js";
import { installMs } from "../world/debian.js";
import { freshFolder } from "../world/folder.js";
import { freePort } from "../world/free-port.js";
import { alice } from "../world/people.js";
import { addUser, freshPlace, startServe } from "../world/serve.js";
import { requireProgram } from "./programs.js";

const example = path.resolve(import.meta.dirname, "../../examples/protect-anything");
const proxies = [
  { name: "nginx", file: "nginx.conf", args: ["-e", "stderr", "-p", ".", "-c", "nginx.conf", "-g", "daemon off;"] },
  { name: "caddy", file: "Caddyfile", args: ["run"] },
] as const;

function run(program: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(program, args, { cwd, env: { PATH: process.env["PATH"], HOME: cwd, ...env }, stdio: "ignore" });
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  atEndOfFile(() => {
    process.off("exit", kill);
    kill();
  });
  return child;
}

describe.each(proxies)("behind $name", ({ name, file, args }) => {
  let origin = "";
  beforeAll(async () => {
    const [port, app] = [await freePort(), await freePort()];
    origin = `http://localhost:${port}`;
    const place = freshPlace({
      AMPHO_PAGES: "true",
      AMPHO_APP_URL: origin,
      AMPHO_TRUST_PROXY: "1",
      AMPHO_DATABASE_MIGRATE: "auto",
    });
    await addUser(place);
    const served = await startServe(place);
    const folder = freshFolder();
    cpSync(example, folder, { recursive: true });
    // The workers of nginx are another user.
    chmodSync(folder, 0o755);
    const text = readFileSync(path.join(example, file), "utf8");
    const changed = text
      .replaceAll("127.0.0.1:3000", `127.0.0.1:${served.port}`)
      .replaceAll("127.0.0.1:8000", `127.0.0.1:${app}`)
      .replaceAll(/(?:127\.0\.0\.1|localhost):8080/g, (each) => each.replace("8080", String(port)));
    writeFileSync(path.join(folder, file), name === "caddy" ? `{\n\tadmin off\n}\n${changed}` : changed);
    const session = `http://127.0.0.1:${served.port}/api/security/session`;
    run("python3", ["app.py"], folder, { PORT: String(app), AMPHO_URL: session });
    const proxy = run(requireProgram(name, name), args, folder, {});
    await vi.waitFor(
      async () => {
        if (proxy.exitCode !== null) throw new Error(`${name} ended with ${proxy.exitCode}`);
        expect((await fetch(`${origin}/account/sign-in`)).status).toBe(200);
      },
      { timeout: 60_000, interval: 50 },
    );
  }, installMs);

  it("only a browser with a session reaches the site and the program, and the sign-in leads back", async () => {
    const jar = openJar();
    const get = (target: string) =>
      fetch(origin + target, { redirect: "manual", headers: { accept: "text/html", cookie: jar.header() } });
    for (const target of [
      "/",
      "/index.html",
      "/app/",
      "/app/x",
      "//app/",
      "/account/../app/",
      "/accounts",
      "/api/securit",
    ]) {
      const { status, headers } = await get(target);
      expect([target, status]).toEqual([target, 303]);
      expect(headers.get("location")).toMatch(/^(http:\/\/localhost:\d+)?\/account\/sign-in\?to=\//);
    }
    const sent = await get("/app/x?a=1&b=2");
    jar.keep(await get((sent.headers.get("location") ?? "").replace(origin, "")));
    const entered = await fetch(`${origin}/account/sign-in`, {
      method: "POST",
      redirect: "manual",
      headers: { origin, cookie: jar.header() },
      body: new URLSearchParams(alice),
    });
    jar.keep(entered);
    expect([entered.status, entered.headers.get("location")]).toEqual([303, "/app/x?a=1&b=2"]);
    await vi.waitFor(async () => expect((await get("/app/")).status).toBe(200), { timeout: 60_000, interval: 50 });
    expect(await (await get("/app/")).text()).toContain(`<h1>Hello ${alice.login}</h1>`);
    const site = await get("/");
    expect(site.headers.get("content-security-policy")).toBe("frame-ancestors 'none'");
    expect(await site.text()).toContain("A static site");
    const out = await fetch(`${origin}/account/sign-out`, {
      method: "POST",
      redirect: "manual",
      headers: { origin, cookie: jar.header(), "content-type": "application/x-www-form-urlencoded" },
    });
    expect(out.status).toBe(303);
    await vi.waitFor(async () => expect((await get("/")).status).toBe(303), { timeout: 60_000, interval: 50 });
  });
});
