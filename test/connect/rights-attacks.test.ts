// Attacks on rights that are lost while tokens are issued, or after a restored backup.
import { expect, it } from "vitest";
import type { ApplicationUser } from "../../dist/index.js";
import { onBothDatabases } from "../gate/owners.js";
import { password } from "../world/ampho.js";
import {
  addClient,
  askGuard,
  type Connect,
  codeOf,
  connected,
  newVerifier,
  openConnect,
  redeem,
  redirect,
  renew,
  settings,
  signIn,
  tokensOf,
  writers,
} from "./connections.js";

interface Table {
  user: ApplicationUser;
  /** Runs while the application looks up the user of a connection. */
  meanwhile: (() => Promise<unknown>) | undefined;
}

async function openTable(ground: Parameters<Parameters<typeof onBothDatabases>[0]>[0]) {
  const table: Table = { user: { id: "id of alice", login: "alice", roles: ["editor"] }, meanwhile: undefined };
  const world = await ground.open({
    ...settings,
    users: {
      find: async () => table.user,
      findById: async () => {
        const { user, meanwhile } = table;
        table.meanwhile = undefined;
        await meanwhile?.();
        return user;
      },
      verify: async (_: unknown, given: string) => given === password,
    },
  });
  const client = await addClient(world, "reader");
  const connect: Connect = { world, client, userId: "id of alice", bearer: await signIn(world) };
  return { connect, table };
}

onBothDatabases((ground) => {
  it("M-85: a client that loses a scope during a renewal gets no token that has it", async () => {
    const { connect, table } = await openTable(ground);
    const { world } = connect;
    const { refresh, access } = await connected(connect);
    expect(await askGuard(world, access, writers)).toMatchObject({ login: "alice" });
    const less = { redirects: [redirect], userScopes: ["articles:read"], public: true };
    table.meanwhile = () => world.ampho.services.setClient("reader", less);
    const late = tokensOf(await renew(connect, refresh));
    expect(await askGuard(world, access, writers)).toBe("invalid_token");
    expect(await askGuard(world, late.access, writers)).not.toMatchObject({ login: "alice" });
  });

  it("M-85: a client that loses a scope during a redemption gets no token that has it", async () => {
    const { connect, table } = await openTable(ground);
    const { world } = connect;
    const verifier = newVerifier();
    const code = await codeOf(connect, verifier);
    const less = { redirects: [redirect], userScopes: ["articles:read"], public: true };
    table.meanwhile = () => world.ampho.services.setClient("reader", less);
    const late = tokensOf(await redeem(connect, code, verifier));
    expect(await askGuard(world, late.access, writers)).not.toMatchObject({ login: "alice" });
  });

  it("M-100: a lost role ends tokens of a timeline that a restored backup has forgotten", async () => {
    const connect = await openConnect({ ground });
    const { world } = connect;
    const first = await connected(connect);
    const backup = await ground.sql(world, "select rights, gen from ampho_connections");
    expect(backup).toHaveLength(1);
    world.clock.advance(2);
    await world.ampho.users.setRoles("alice", { set: [] });
    const less = tokensOf(await renew(connect, first.refresh));
    world.clock.advance(2);
    await world.ampho.users.setRoles("alice", { set: ["editor"] });
    const wide = tokensOf(await renew(connect, less.refresh));
    expect(await askGuard(world, wide.access, writers)).toMatchObject({ login: "alice" });
    // The backup comes back: the counters of that time.
    await ground.sql(world, `update ampho_connections set rights = ${String(backup[0]?.["rights"])}`);
    world.clock.advance(2);
    await world.ampho.users.setRoles("alice", { set: [] });
    expect(await askGuard(world, wide.access, writers)).toBe("invalid_token");
  });
});
