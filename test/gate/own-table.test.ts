// Second factors of users in an application's own table, which fails between the steps.
import { expect, it } from "vitest";
import type { ApplicationUser } from "../../dist/index.js";
import { grantOf, password, type World } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import { addOwner, type Ground, logIn, type Owner, onBothDatabases, outcomeOf } from "./owners.js";

type Find = (login: string) => Promise<ApplicationUser | undefined>;

interface Table {
  find: Find;
}

const found: Find = async (login) => ({ id: `id of ${login}`, login });

async function open(ground: Ground) {
  const table: Table = { find: found };
  const world = await ground.open({
    users: { find: (login) => table.find(login), verify: async (_, given) => given === password },
  });
  return { world, table };
}

/** Enrols a user whom only the application knows. */
async function enrolled(world: World, login: string): Promise<Owner> {
  return addOwner(
    {
      ...world,
      user: async () => ({ id: `id of ${login}`, login, roles: [], disabled: false, email: null, emailProven: false }),
    },
    login,
  );
}

const failing: Readonly<Record<string, { readonly find: Find; readonly status: number }>> = {
  throws: { find: () => Promise.reject(new Error("the table is down")), status: 503 },
  "never responds": { find: () => new Promise(() => undefined), status: 503 },
  "returns another user": { find: async (login) => ({ id: "another", login }), status: 401 },
  "has lost the user": { find: async () => undefined, status: 401 },
  "has disabled the user": {
    find: async (login) => ({ ...(await found(login)), login, id: `id of ${login}`, disabled: true }),
    status: 401,
  },
};

onBothDatabases((ground) => {
  it.each(Object.entries(failing))(
    "a table of the application that %s creates no session",
    async (_, { find, status }) => {
      const { world, table } = await open(ground);
      const ann = await enrolled(world, "ann");
      const { transaction } = (await logIn(world, "ann")).json;
      const bearer = ann.weak.token;
      const { transaction: raising } = (await world.call("POST", "/login", { body: {}, bearer })).json;
      const totp = ann.nextCode();
      table.find = find;
      const responses = await Promise.all([
        world.call("POST", "/login", { body: { transaction, totp } }),
        world.call("POST", "/login", { body: { transaction: raising, totp }, bearer }),
        world.call("POST", "/login", { body: { totp }, bearer }),
      ]);
      for (const response of responses) expect(response.status, response.text).toBe(status);
      table.find = found;
      const levels = (await world.ampho.sessions.list(ann.id)).map(({ acr }) => acr);
      // Those of its set-up, as before.
      expect([...levels].sort()).toEqual(["1fa", "2fa"]);
      // Neither the transaction nor the code is used up.
      const grant = grantOf(await world.call("POST", "/login", { body: { transaction, totp } }));
      expect(claimsOf(grant.token)).toMatchObject({ sub: ann.id, acr: "2fa" });
    },
  );

  it("the factors of a user of the application follow the id, and not the login", async () => {
    const { world, table } = await open(ground);
    const ann = await enrolled(world, "ann");
    table.find = async (login) => ({ id: "another", login });
    expect((await logIn(world, "ann")).status).toBe(200);
    expect(outcomeOf(await logIn(world, "ann", { totp: ann.nextCode() }))).toEqual([401, "invalid_credentials"]);
    table.find = async (login) => ({ id: "id of ann", login });
    expect(outcomeOf(await logIn(world, "renamed"))).toEqual([401, "factor_needed"]);
  });
});
