// An operator in a process of their own. They disable and enable users, remove roles and end sessions, mostly with the
// library, at times with the command line.
import { createAmpho } from "../../dist/index.js";
import { command, type Place } from "../world/serve.js";
import type { HistoryDatabase } from "./database.js";
import type { Request } from "./history.js";
import { createRandom } from "./random.js";
import { type Person, sleep, type World } from "./world.js";

export type Desk = Pick<Awaited<ReturnType<typeof createAmpho>>, "users" | "sessions" | "close">;

export function openDesk({ env }: Place, { url, migrate }: HistoryDatabase): Promise<Desk> {
  const key = env["AMPHO_SECURITY_KEY"];
  return createAmpho({ key, databaseUrl: url, databaseMigrate: migrate, log: () => undefined });
}

type Order = Extract<Request, { readonly kind: "disable" | "enable" | "expel" | "roles" }>;

export async function operate(world: World, desk: Desk, place: Place): Promise<void> {
  const random = createRandom(`${world.seed} operator`);

  async function carryOut(order: Order): Promise<boolean> {
    const work = random.chance(0.1) ? () => byCommand(place, order) : () => byLibrary(desk, order);
    const before = world.recorder.operations.length;
    await world.recorder.act("operator", order, work);
    return world.recorder.operations
      .slice(before)
      .some(({ request, response }) => request === order && response !== null);
  }

  async function lockOut(person: Person): Promise<void> {
    person.disabled = true;
    await carryOut({ kind: "disable", login: person.login });
    await sleep(300 + random.below(1_200));
    // Every disabled user is enabled again, whatever happens to the database meanwhile.
    while (!(await carryOut({ kind: "enable", login: person.login }))) await sleep(200);
    person.disabled = false;
  }

  async function changeRoles({ login }: Person): Promise<void> {
    const role = random.pick(["reader", "writer"]);
    await carryOut({ kind: "roles", login, add: [], remove: [role] });
    await sleep(random.below(1_500));
    await carryOut({ kind: "roles", login, add: [role], remove: [] });
  }

  while (!world.isOver()) {
    await sleep(200 + random.below(1_000));
    const person = random.pick(world.people);
    const what = random.weighted({ disable: 2, roles: 3, expel: 1 });
    if (what === "disable") await lockOut(person);
    else if (what === "roles") await changeRoles(person);
    else await carryOut({ kind: "expel", login: person.login });
  }
}

async function byLibrary({ users, sessions }: Desk, order: Order): Promise<unknown> {
  const { login } = order;
  if (order.kind === "disable") return users.disable(login);
  if (order.kind === "enable") return users.enable(login);
  if (order.kind === "roles") return users.setRoles(login, order);
  const user = await users.find(login);
  if (user === undefined) throw new Error("the user no longer exists");
  return sessions.endForUser(user.id);
}

async function byCommand(place: Place, order: Order): Promise<void> {
  const { code, stderr } = await command(place, wordsOf(order));
  if (code !== 0) throw new Error(stderr);
}

function wordsOf(order: Order): readonly string[] {
  const { login } = order;
  if (order.kind === "expel") return ["session-end", "--login", login];
  if (order.kind !== "roles") return [`user-${order.kind}`, login];
  const flags = (flag: string, roles: readonly string[]) => roles.flatMap((role) => [flag, role]);
  return ["user-roles", login, ...flags("--add", order.add), ...flags("--remove", order.remove)];
}
