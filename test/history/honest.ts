// An honest client. It logs in, uses, renews (also twice at once, also after a lost response), changes the password, and logs
// out. It then sends ended tokens to every process to see whether any still accepts them.
import type { Device, Secret, Sender } from "./actions.js";
import { createRandom, type Random } from "./random.js";
import type { Held, Reported } from "./recorder.js";
import { makeSecret, type Person, sleep, type World } from "./world.js";

export interface HonestClient {
  readonly sender: Sender;
  readonly person: Person;
  readonly random: Random;
  /** A client keeps to one of the two ways to renew. */
  readonly by: "refresh_token" | "access_token";
  held: Held | undefined;
  device: Device | undefined;
  /** Earlier tokens, the newest first. Some are still valid. */
  earlier: readonly Held[];
  made: number;
}

const pauseMaxMs = 90;
const earlierMax = 8;
/** A little longer than it can take until an end is known. */
const probeMs = 1_300;
/** After the grace. Then only the key that was stored before the first attempt helps. */
const lidClosedMs = 12_500;

type Deed = (world: World, client: HonestClient) => Promise<void>;

const deeds = {
  look,
  lookBack,
  lookEverywhere,
  list,
  renew,
  renewTwice,
  renewLost,
  renewLate,
  reauthenticate,
  mistype,
  changePassword,
  logOut,
  endAll,
} satisfies Record<string, Deed>;
const weights: Readonly<Record<keyof typeof deeds, number>> = {
  look: 40,
  lookBack: 12,
  lookEverywhere: 4,
  list: 6,
  renew: 18,
  renewTwice: 6,
  renewLost: 6,
  renewLate: 0.4,
  reauthenticate: 2,
  mistype: 1,
  changePassword: 3,
  logOut: 4,
  endAll: 1,
};

export function createHonestClient(world: World, person: Person, at: number): HonestClient {
  const client = `${person.login}/${at}`;
  const random = createRandom(`${world.seed} ${client}`);
  const address = `192.0.2.${random.below(250) + 1}`;
  const by = random.chance(0.25) ? "access_token" : "refresh_token";
  return { sender: { client, address }, person, random, by, held: undefined, device: undefined, earlier: [], made: 0 };
}

export async function liveHonestly(world: World, client: HonestClient): Promise<void> {
  const { random } = client;
  while (!world.isOver()) {
    await sleep(random.below(pauseMaxMs));
    if (client.held === undefined) await enter(world, client);
    else await deeds[random.weighted(weights)](world, client);
  }
}

/** Until the login succeeds. */
export async function arrive(world: World, client: HonestClient): Promise<void> {
  while (client.held === undefined) await enter(world, client);
}

/** An owner whose account is attacked, and who logs in anyway. */
export async function liveAsOwner(world: World, client: HonestClient): Promise<void> {
  const { random } = client;
  while (!world.isOver()) {
    await sleep(200 + random.below(800));
    await enter(world, client);
    await look(world, client);
  }
}

async function enter(world: World, client: HonestClient): Promise<void> {
  const { person, random, sender } = client;
  // Some of them still try, and must not succeed.
  if (person.disabled && !random.chance(0.15)) return sleep(150);
  for (const password of person.passwords) {
    const reported = await world.actions.logIn(sender, await world.member(random), {
      login: person.login,
      password,
      device: client.device,
    });
    if (reported.held !== undefined) return keepEntry(client, reported, password);
    if (reported.response?.status === 429) return sleep(1_000);
  }
  await sleep(250);
}

function keepEntry(client: HonestClient, { held }: Reported, password: Secret): void {
  if (held === undefined) return;
  keep(client, held);
  if (held.device === undefined) return;
  client.device = { proof: { place: client.sender.client, password: password.name }, text: held.device };
}

function keep(client: HonestClient, held: Held | undefined): void {
  if (client.held !== undefined) client.earlier = [client.held, ...client.earlier].slice(0, earlierMax);
  client.held = held;
}

async function useHeld(world: World, client: HonestClient, kind: "guard" | "list"): Promise<void> {
  if (client.held === undefined) return;
  const { response } = await world.actions.use(client.sender, await world.member(client.random), client.held, kind);
  // A role was possibly removed, or the session has ended. A renewal shows which.
  if (response?.status === 401) await renew(world, client);
}

function look(world: World, client: HonestClient): Promise<void> {
  return useHeld(world, client, "guard");
}

function list(world: World, client: HonestClient): Promise<void> {
  return useHeld(world, client, "list");
}

async function lookBack(world: World, client: HonestClient): Promise<void> {
  if (client.earlier.length === 0) return;
  const held = client.random.pick(client.earlier);
  await world.actions.use(client.sender, await world.member(client.random), held, "guard");
}

async function lookEverywhere(world: World, client: HonestClient): Promise<void> {
  const { held, sender } = client;
  if (held === undefined) return;
  const all = Array.from({ length: world.fleet.size }, (_, at) => world.fleet.at(at));
  const serving = all.filter((member) => member !== undefined);
  await Promise.all(serving.map((member) => world.actions.use(sender, member, held, "guard")));
}

async function renew(world: World, client: HonestClient): Promise<void> {
  if (client.held === undefined) return;
  const { sender, by, random } = client;
  const reported = await world.actions.renew(sender, await world.member(random), client.held, { by });
  settle(client, reported);
}

function settle(client: HonestClient, { response, held }: Reported): void {
  if (held !== undefined) keep(client, held);
  else if (response?.status === 401) keep(client, undefined);
}

async function renewTwice(world: World, client: HonestClient): Promise<void> {
  const { held, sender, by, random } = client;
  if (held === undefined) return;
  const members = await Promise.all([world.member(random), world.member(random)]);
  const reported = await Promise.all(members.map((member) => world.actions.renew(sender, member, held, { by })));
  settle(
    client,
    reported.find((each) => each.held !== undefined) ?? reported[0] ?? { response: null, held: undefined },
  );
}

/** The response is lost, and the client tries again, with the stored key or without one. */
async function renewLost(world: World, client: HonestClient, waitMs = client.random.below(60)): Promise<void> {
  const { held, sender, by, random } = client;
  if (held === undefined) return;
  const isLate = waitMs >= lidClosedMs;
  const key = isLate || random.chance(0.5) ? makeSecret(random, `${sender.client} key ${client.made++}`) : undefined;
  const cutAfterMs = random.below(20);
  await world.actions.renew(sender, await world.member(random), held, { by, key, cutAfterMs });
  await sleep(waitMs);
  for (let tries = 0; tries < 5; tries++) {
    const reported = await world.actions.renew(sender, await world.member(random), held, { by, key });
    settle(client, reported);
    if (reported.response !== null && reported.response.status < 500) return;
    await sleep(random.below(200));
  }
}

async function renewLate(world: World, client: HonestClient): Promise<void> {
  if (world.msLeft() > lidClosedMs + 5_000) await renewLost(world, client, lidClosedMs);
}

async function reauthenticate(world: World, client: HonestClient): Promise<void> {
  const { person, sender, device, held, random } = client;
  const [password] = person.passwords;
  if (password === undefined) return;
  const entry = { login: person.login, password, device, bearer: held };
  const reported = await world.actions.logIn(sender, await world.member(random), entry);
  keepEntry(client, reported, password);
  // The client cannot know whether the session was moved on, so it begins again.
  if (reported.response === null) keep(client, undefined);
}

async function mistype(world: World, client: HonestClient): Promise<void> {
  const { person, sender, device, random } = client;
  const password = makeSecret(random, `${sender.client} typo ${client.made++}`);
  await world.actions.logIn(sender, await world.member(random), { login: person.login, password, device });
  await enter(world, client);
}

async function changePassword(world: World, client: HonestClient): Promise<void> {
  const { person, sender, held, random } = client;
  const [old] = person.passwords;
  if (held === undefined || old === undefined) return;
  const next = makeSecret(random, `${sender.client} password ${client.made++}`);
  const reported = await world.actions.changePassword(sender, await world.member(random), held, old, next);
  const { response } = reported;
  // The session goes on with new tokens.
  if (reported.held !== undefined) keep(client, reported.held);
  if (response?.status === 200) person.passwords = [next];
  else if (response === null || response.status >= 500) person.passwords = [next, ...person.passwords];
}

async function logOut(world: World, client: HonestClient): Promise<void> {
  await endBy(world, client, "logout");
}

async function endAll(world: World, client: HonestClient): Promise<void> {
  await endBy(world, client, "end");
}

/** Ends the session, and sends the token to every process until it must be rejected, and a little longer. */
async function endBy(world: World, client: HonestClient, kind: "logout" | "end"): Promise<void> {
  const { sender, held, random } = client;
  if (held === undefined) return;
  const member = await world.member(random);
  const { response } = await world.actions.use(sender, member, held, kind);
  keep(client, undefined);
  if (response?.status !== 204) return;
  await world.actions.use(sender, member, held, "guard");
  const until = world.recorder.now() + probeMs;
  while (world.recorder.now() < until && !world.isOver()) {
    await sleep(random.below(120));
    await world.actions.use(sender, await world.member(random), held, "guard");
  }
  if (held.refreshToken !== undefined && random.chance(0.3))
    await world.actions.renew(sender, await world.member(random), held, { by: "refresh_token" });
}
