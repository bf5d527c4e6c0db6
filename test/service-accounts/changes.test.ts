// Each change of a service account against every credential that it had before. The table is written by hand and is not
// derived from the table of the code.
import { createPrivateKey, randomUUID, sign } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type ServiceChange, serviceConsequences } from "../../dist/store/sql/effects/service-changes.js";
import { keyPair } from "../world/key-pairs.js";
import { askGuard, openService, type Service, serviceOf, tokenOf } from "./services.js";

// `+` lives on, `-` has ended. `token`: an access token. `key`: the key for which it was issued. `other`: another key. `jwk`:
// an assertion under the public key. `again`: the key gets a token.
const expectations = `
                   token key other jwk again
  added            +     +   +     +   +
  scopes_set       -     +   +     +   +
  disabled         -     -   -     -   -
  enabled          -     +   +     +   +
  deleted          -     -   -     -   -
  client_widened   +     +   +     +   +
  client_lessened  +     +   +     +   +
  client_replaced  +     +   +     +   +
  connections_ended    +     +   +     +   +
  api_key_added        +     +   +     +   +
  api_key_removed      -     -   +     +   -
  all_api_keys_removed -     -   -     +   -
  jwks_set         -     +   +     -   +
  tokens_revoked   -     +   +     +   +
`;

const rows = expectations.trim().split("\n").slice(1);
const expected = rows.map((row) => row.trim().split(/ +/) as [ServiceChange, ...string[]]);

async function openAll() {
  const service = await openService({ tokenIssuer: "https://id.example" });
  const { world, id } = service;
  const { privateKey, publicKey } = keyPair("ed25519");
  await world.ampho.services.setPublicKeys("nightly", { keys: [publicKey.export({ format: "jwk" })] });
  const other = await world.ampho.services.createApiKey("nightly");
  const assert = async () => {
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const now = world.clock.now();
    const claims = { iss: id, sub: id, aud: "https://id.example", jti: randomUUID(), exp: now + 60 };
    const input = `${encode({ alg: "EdDSA" })}.${encode(claims)}`;
    const key = createPrivateKey(privateKey.export({ format: "pem", type: "pkcs8" }));
    const client_assertion = `${input}.${sign(null, Buffer.from(input), key).toString("base64url")}`;
    const client_assertion_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    const form = { grant_type: "client_credentials", client_assertion, client_assertion_type };
    return (await world.call("POST", "/token", { form })).status === 200;
  };
  return { ...service, other, assert };
}

type Opened = Awaited<ReturnType<typeof openAll>>;

const changes: Readonly<Record<ServiceChange, (opened: Opened, token: string) => Promise<unknown>>> = {
  added: ({ world }) => serviceOf(world, "another"),
  scopes_set: ({ world }) => world.ampho.services.setScopes("nightly", ["articles:read"]),
  disabled: ({ world }) => world.ampho.services.disable("nightly"),
  enabled: async ({ world }) => {
    await world.ampho.services.disable("nightly");
    await world.ampho.services.enable("nightly");
  },
  deleted: ({ world }) => world.ampho.services.remove("nightly"),
  client_widened: ({ world }) => world.ampho.services.setClient("nightly", client),
  async client_lessened({ world }) {
    await world.ampho.services.setClient("nightly", { ...client, userScopes: ["articles:read", "articles:write"] });
    await world.ampho.services.setClient("nightly", client);
  },
  async client_replaced({ world }) {
    await world.ampho.services.setClient("nightly", client);
    await world.ampho.services.setClient("nightly", undefined);
  },
  connections_ended: ({ world }) => world.ampho.connections.endForClient("nightly"),
  api_key_added: ({ world }) => world.ampho.services.createApiKey("nightly"),
  api_key_removed: ({ world, keyId }) => world.ampho.apiKeys.revoke(keyId),
  all_api_keys_removed: ({ world, id }) => world.ampho.apiKeys.revokeForUser({ id }),
  jwks_set: ({ world }) => world.ampho.services.setPublicKeys("nightly", undefined),
  tokens_revoked: ({ world }, token) => world.call("POST", "/revoke", { form: { token } }),
};

const client = { redirects: ["https://nightly.example/callback"], userScopes: ["articles:read"] };

const mark = (lives: boolean) => (lives ? "+" : "-");

describe("what a change of a service account ends", () => {
  it("the table has every change of the code", () => {
    expect(expected.map(([change]) => change)).toEqual(Object.keys(serviceConsequences));
  });

  it.each(expected)("%s ends what the table states, and leaves the rest", async (change, ...marks) => {
    const opened = await openAll();
    const { world, key, other, assert } = opened;
    const token = await tokenOf(opened);
    const accepted = async (text: string) => (await askGuard(world, text)) === "articles:read";
    for (const text of [token, key, other.key]) expect(await accepted(text)).toBe(true);
    await changes[change](opened, token);
    const asked = async (service: Pick<Service, "world" | "id" | "key">) => tokenOf(service).then(...both);
    const found = [
      await accepted(token),
      await accepted(key),
      await accepted(other.key),
      await assert(),
      await asked(opened),
    ];
    expect(found.map(mark)).toEqual(marks);
    expect(await world.events()).toContain(serviceConsequences[change].event);
  });
});

const both = [() => true, () => false] as const;
