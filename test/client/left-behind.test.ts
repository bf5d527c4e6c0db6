// A client leaves nothing in the storage of a browser that names its user to the next one.
import { expect, it, vi } from "vitest";
import { createClient } from "../../dist/client/mail.js";
import { createOutside } from "../../dist/client/outside.js";
import type { Message } from "../../dist/index.js";
import { proofsOf } from "../gate/mailboxes.js";
import { startEvilProvider } from "../world/evil-provider.js";
import { createTestStorage } from "./storage.js";
import { ann, openWorld } from "./world.js";

const login = "eve.example@acme.example";

async function open() {
  const evil = await startEvilProvider(() => Math.floor(Date.now() / 1000));
  const mails: Message[] = [];
  const world = await openWorld({
    appUrl: "http://localhost/",
    mailLogin: true,
    mail: async (mail) => void mails.push(mail),
    providers: { acme: { issuer: evil.issuer, client_id: "client-1", client_secret: "s" } },
  });
  await world.ampho.users.create({ login, password: ann.password, email: login });
  const storage = createTestStorage();
  const client = createClient({ baseUrl: world.url, storage });
  const code = async () => {
    await vi.waitFor(() => expect(mails).toHaveLength(1), { timeout: 60_000, interval: 10 });
    return proofsOf(mails.splice(0)[0]?.text ?? "").code;
  };
  return { storage, client, outside: createOutside(client, { storage }), code };
}

it("a logout leaves the proof of the device and nothing else, and no name in the storage states the login", async () => {
  const { storage, client, outside, code } = await open();
  const begun = await client.mailLogin(login);
  expect([...storage.values.keys()].filter((name) => name.endsWith(" mail"))).toHaveLength(1);
  await begun.finish(await code());
  // A login has used the transaction.
  await vi.waitFor(() => expect([...storage.values.keys()].join("\n")).not.toContain(" mail"), { timeout: 60_000 });
  await client.resetPassword(login);
  await outside.loginWith("acme");
  await client.logout();
  const left = () => [...storage.values.keys()].filter((name) => !name.endsWith(" outside"));
  await expect.poll(left).toEqual([expect.stringMatching(/^ampho http:\S+ device$/)]);
  for (const [name, value] of storage.values) {
    expect(name + value).not.toMatch(/eve|acme/i);
    if (name.endsWith(" outside")) expect(value).toBe("{}");
  }
});

it("the end of a reset leaves no transaction", async () => {
  const { storage, client, code } = await open();
  const reset = await client.resetPassword(login);
  await reset.finish({ code: await code(), newPassword: "amber tulip canoe walnut" });
  expect([...storage.values]).toEqual([]);
});
