// Responses that are lost, or that are not Ampho's, for the functions of `ampho/client/mail`, `ways`, `account` and `outside`.
import { describe, expect, it, vi } from "vitest";
import { createAccount } from "../../dist/client/account.js";
import { createClient } from "../../dist/client/mail.js";
import { createOutside } from "../../dist/client/outside.js";
import type { Message } from "../../dist/index.js";
import { losing, openNetwork } from "./network.js";
import { createTestStorage, outcome } from "./storage.js";
import { ann, openWorld } from "./world.js";

const login = "ann@example.org";
const newPassword = "amber tulip canoe walnut";

/** Opens a server behind a network, and a client. Ann has a mailbox. */
async function openShop() {
  const mails: Message[] = [];
  const world = await openWorld({
    appUrl: "http://localhost/",
    mailLogin: true,
    registration: "open",
    mail: async (message) => void mails.push(message),
  });
  await world.ampho.users.create({ login, password: ann.password });
  const network = await openNetwork(world.port);
  const client = createClient({ baseUrl: network.url, storage: createTestStorage() });
  const codeOf = async (kind: string) => {
    const mail = await vi.waitUntil(() => mails.find((each) => each.kind === kind), { timeout: 60_000 });
    return /^(\d\d )+\d\d$/m.exec(mail.text)?.[0].replaceAll(" ", "") ?? "";
  };
  const sentTo = (path: string) => world.requests.filter((request) => request.endsWith(path)).length;
  return { world, network, client, codeOf, sentTo };
}

type Shop = Awaited<ReturnType<typeof openShop>>;

describe("a lost response", () => {
  it.each<[string, string, (shop: Shop) => Promise<unknown>]>([
    ["a login by mail", "/login/mail", ({ client }) => client.mailLogin(login)],
    ["a registration", "/register", ({ client }) => client.register("bob@example.org")],
    ["a reset", "/password/reset", ({ client }) => client.resetPassword(login)],
  ])("the lost response to the begin of %s is unavailable, and costs no attempt", async (_, path, begin) => {
    const shop = await openShop();
    shop.network.cuts = losing(`/api/security${path}`, 1);
    expect(await outcome(begin(shop))).toBe("unavailable");
    expect(shop.sentTo(path)).toBe(1);
  });

  it("the lost response to a reset is unavailable, and the new password holds", async () => {
    const { world, network, client, codeOf, sentTo } = await openShop();
    const reset = await client.resetPassword(login);
    network.cuts = losing("/api/security/password/reset/finish", 1);
    expect(await outcome(reset.finish({ code: await codeOf("reset"), newPassword }))).toBe("unavailable");
    expect(sentTo("/password/reset/finish")).toBe(1);
    expect(await world.events()).not.toContainEqual(expect.stringMatching(/^code_rejected/));
    expect(await client.login(login, newPassword)).toMatchObject({ login });
  });

  it("the ways to sign in are read again after a lost response", async () => {
    const { network, client } = await openShop();
    network.cuts = losing("/api/security/login", 2);
    expect(await client.ways()).toMatchObject({ password: true, mail: true });
  });
});

describe("a page of a captive portal", () => {
  it.each<[string, (shop: Shop) => Promise<unknown>]>([
    ["ways", ({ client }) => client.ways()],
    ["loginWithPasskey", ({ client }) => client.loginWithPasskey()],
    ["mailLogin", ({ client }) => client.mailLogin(login)],
    ["register", ({ client }) => client.register("bob@example.org")],
    ["resetPassword", ({ client }) => client.resetPassword(login)],
    ["changeEmail", ({ client }) => client.changeEmail("bob@example.org")],
    ["lostMailbox.begin", ({ client }) => client.lostMailbox.begin("bob@example.org")],
    ["lostMailbox.stop", ({ client }) => client.lostMailbox.stop()],
    ["totp.begin", ({ client }) => client.totp.begin()],
    ["totp.remove", ({ client }) => client.totp.remove()],
    ["passkeys.add", ({ client }) => client.passkeys.add()],
    ["passkeys.list", ({ client }) => client.passkeys.list()],
    ["recoveryCodes.renew", ({ client }) => client.recoveryCodes.renew()],
    ["logout", ({ client }) => client.logout()],
    ["account.get", ({ client }) => createAccount(client).account.get()],
    ["sessions.list", ({ client }) => createAccount(client).sessions.list()],
    ["loginWith", ({ client }) => createOutside(client).loginWith("acme")],
  ])("%s fails with unavailable when another program's page is its response", async (_, call) => {
    const shop = await openShop();
    await shop.client.login(login, ann.password);
    shop.world.intercept = (_, response) => {
      response.setHeader("Content-Type", "text/html");
      response.end("<h1>Pay here</h1>");
      return true;
    };
    expect(await outcome(call(shop))).toBe("unavailable");
  });
});
