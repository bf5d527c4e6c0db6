// The notices about proxies that the instance does not believe.
import { afterEach, describe, expect, it } from "vitest";
import { createHttpServer } from "../../dist/http/server/server.js";
import { type AmphoOptions, createAmpho } from "../../dist/index.js";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function serve(options: AmphoOptions = {}) {
  const notices: string[] = [];
  const log = (line: string) => notices.push(line);
  const ampho = await createAmpho({ databaseUrl: "sqlite::memory:", log, ...options });
  const { trustProxy = 0 } = options;
  const server = createHttpServer({ host: ampho.host, log: () => {}, settings: { trustProxy } });
  const root = await server.listen(0, "127.0.0.1");
  ends.push(
    () => server.close(),
    () => ampho.close(),
  );
  notices.length = 0;
  return { root, url: `${root}/api/security/session`, notices };
}

const forwarded = { "x-forwarded-for": "192.0.2.7" };

describe("requests that a proxy has passed on", () => {
  it("forwarded requests are logged once where no proxy is believed, without their content", async () => {
    const { url, notices } = await serve();
    await fetch(url);
    expect(notices).toEqual([]);
    for (const headers of [forwarded, forwarded, { forwarded: "for=192.0.2.8" }]) await fetch(url, { headers });
    expect(notices).toEqual([expect.stringContaining("AMPHO_TRUST_PROXY is 0")]);
    expect(notices.join()).not.toContain("192.0.2");
  });

  it("the header that a host sets that knows no peer, such as Next.js, is not logged", async () => {
    const notices: string[] = [];
    const ampho = await createAmpho({ databaseUrl: "sqlite::memory:", log: (line) => notices.push(line) });
    ends.push(() => ampho.close());
    notices.length = 0;
    const request = () => new Request("http://localhost/api/security/session", { headers: forwarded });
    await ampho.fetch(request());
    expect(notices).toEqual([]);
    await ampho.fetch(request(), { address: "127.0.0.1" });
    expect(notices).toEqual([expect.stringContaining("AMPHO_TRUST_PROXY is 0")]);
  });

  it("forwarded requests are not logged where a proxy is believed", async () => {
    const { url, root, notices } = await serve({ trustProxy: 1 });
    await fetch(url, { headers: forwarded });
    expect(notices).toEqual([]);
    expect(await (await fetch(`${root}/readyz`, { headers: forwarded })).json()).toEqual({ status: "ok" });
  });

  it("the probe /readyz warns a forwarded request about itself and about no other one", async () => {
    const { root } = await serve();
    const reported = { status: "ok", warnings: ["forwarded_ignored"] };
    expect(await (await fetch(`${root}/readyz`, { headers: forwarded })).json()).toEqual(reported);
    expect(await (await fetch(`${root}/readyz`)).json()).toEqual({ status: "ok" });
    expect(await (await fetch(`${root}/healthz`, { headers: forwarded })).json()).toEqual({ status: "ok" });
  });
});
