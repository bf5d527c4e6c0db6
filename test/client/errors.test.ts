// The facts of an error reach the page, and a client in the wrong mode names the option to set.
import { describe, expect, it } from "vitest";
import { createAccount } from "../../dist/client/account.js";
import { AmphoError, createClient } from "../../dist/client/client.js";
import { askWith, createClient as createFullClient } from "../../dist/client/full.js";
import { createClient as createMailClient } from "../../dist/client/mail.js";
import { listen } from "../world/listen.js";
import { openCookieJar } from "./cookie-jar.js";
import { createTestStorage } from "./storage.js";
import { ann, openWorld } from "./world.js";

async function errorOf(work: Promise<unknown>): Promise<AmphoError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AmphoError)) throw new Error(`no AmphoError: ${String(error)}`);
  return error;
}

describe("the details of an error", () => {
  it("a rejected password has its reason and its limit", async () => {
    const world = await openWorld({ passwordMin: 12 });
    const client = createClient({ baseUrl: world.url });
    await client.login(ann.login, ann.password);
    const { account } = createAccount(client);
    const short = await errorOf(account.changePassword("violet 12", ann.password));
    expect([short.code, short.details]).toEqual(["password_rejected", { reason: "too_short", limit: 12 }]);
    const repeated = await errorOf(account.changePassword("violet violet violet violet", ann.password));
    expect(repeated.details).toEqual({ reason: "repeated" });
  });

  it("an invalid request names its field", async () => {
    const world = await openWorld({
      appUrl: "http://localhost:3000/",
      registration: "open",
      mail: async () => {},
    });
    const client = createMailClient({ baseUrl: world.url });
    expect((await errorOf(client.register("not an address"))).details).toEqual({ field: "email" });
    await client.login(ann.login, ann.password);
    expect((await errorOf(createAccount(client).account.changeLogin(""))).details).toEqual({ field: "login" });
  });

  it("the response of other software has no details, and names the URL", async () => {
    const { url } = await listen((_request, response) => void response.writeHead(404).end('{"error":5,"field":"x"}'));
    const error = await errorOf(createClient({ baseUrl: url, prefix: "/wrong" }).login(ann.login, ann.password));
    expect([error.code, error.message, error.details]).toEqual([
      "unavailable",
      `Status 404 of ${url}/wrong/login.`,
      {},
    ]);
  });
});

describe("a client in the wrong mode", () => {
  it.each([
    ["ampho/client", createClient],
    ["ampho/client/full", createFullClient],
  ])("a client of %s with tokens at a server with cookies names the option cookies", async (_name, create) => {
    const world = await openWorld({ cookies: true });
    openCookieJar(world.url);
    const client = create({ baseUrl: world.url, storage: createTestStorage() });
    const error = await errorOf(client.login(ann.login, ann.password));
    expect([error.code, error.message]).toEqual(["unavailable", "The server uses cookies. Set cookies: true."]);
    expect(await client.session()).toBeUndefined();
  });

  it("a client with cookies at a server with tokens names the option AMPHO_SECURITY_COOKIES", async () => {
    const world = await openWorld();
    const client = createFullClient({ baseUrl: world.url, cookies: true, storage: createTestStorage() });
    const error = await errorOf(client.login(ann.login, ann.password));
    expect(error.message).toBe("The server returns tokens. Set AMPHO_SECURITY_COOKIES to true.");
  });
});

describe("a misspelt option in JavaScript", () => {
  const baseUrl = "http://localhost:1";
  const wrong: readonly (readonly [string, () => unknown, string])[] = [
    ["baseURL", () => createClient({ baseURL: baseUrl } as never), "baseUrl, prefix, storage"],
    ["cookies", () => createClient({ baseUrl, cookies: true } as never), ""],
    ["origin", () => createFullClient({ baseUrl, origin: [] } as never), "origins, "],
    ["onStepup", () => createMailClient({ baseUrl, onStepup: askWith({}) } as never), "onStepUp, "],
    ["otp", () => askWith({ otp: () => "123456" } as never), "totp, "],
  ];
  it.each(wrong)("%s is a TypeError, which names the nearest option", (name, run, nearest) => {
    expect(run).toThrow(new RegExp(`^${name} is not an option. The options are ${nearest}`));
  });

  it("a login rejects with the same for a proof that it does not know", async () => {
    const client = createFullClient({ baseUrl });
    const login = async () => client.login("ann", "password", { recoveryCodes: "A" } as never);
    await expect(login()).rejects.toThrow("recoveryCodes is not an option. The options are recoveryCode, ");
  });
});
