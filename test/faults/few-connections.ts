// Takes every connection that a PostgreSQL server allows, also from those that have them.
import pg from "pg";
import { pause } from "../world/wait.js";

/** Resolves when no Ampho has one, to the function that returns them. */
export async function takeConnections(url: string): Promise<() => Promise<void>> {
  const clients: pg.Client[] = [];

  async function takeOne(): Promise<boolean> {
    const client = new pg.Client({ connectionString: url, application_name: "taker" });
    client.on("error", () => undefined);
    try {
      await client.connect();
    } catch {
      return false;
    }
    clients.push(client);
    return true;
  }

  await takeOne();
  // It uses a connection that stays, because each one that ends can be taken by another client.
  const [first] = clients;
  // A connection that is just being opened is not listed yet.
  for (let quiet = 0; quiet < 10; ) {
    const ended = await first?.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ampho' and usename = current_user",
    );
    quiet = (await takeOne()) || ended?.rowCount !== 0 ? 0 : quiet + 1;
    await pause(20);
  }
  return async () => {
    await Promise.all(clients.map((client) => client.end()));
  };
}
