// Opens the database and the keys for the time of one command that decrypts or derives something.
import { closeDeps, openDeps } from "../../../open-management.js";
import { createKeyring, type Keyring } from "../../../tokens/keyring.js";
import type { CommandContext } from "../../command.js";
import { configure } from "../../configure.js";

type Opened = Awaited<ReturnType<typeof openDeps>> & { readonly keyring: Keyring };

export async function withKeyring<T>(context: CommandContext, work: (deps: Opened) => Promise<T>): Promise<T> {
  const { configuration } = configure(context, { key: "configured" });
  const deps = await openDeps(configuration, { log: (line) => context.terminal.note(`ampho: ${line}`) });
  try {
    const { store, clock, revocations } = deps;
    // A revoked key must sign and receive nothing.
    revocations.applyPage(await store.readRevocations({ after: 0, now: clock.now() }), 0);
    const isApplications = await store.readApplicationOwnsUsers();
    const directory = isApplications ? { ...deps.directory, inDatabase: false } : deps.directory;
    return await work({
      ...deps,
      directory,
      keyring: createKeyring(configuration.keys ?? [], configuration, revocations),
    });
  } finally {
    await closeDeps(deps);
  }
}
