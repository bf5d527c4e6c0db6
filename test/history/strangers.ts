// Attackers: a thief of tokens, guessers at accounts, a sprayer of logins, a guesser within a session.
import type { Secret, Sender } from "./actions.js";
import type { HonestClient } from "./honest.js";
import { createRandom, type Random } from "./random.js";
import { makeSecret, type Person, sleep, type World } from "./world.js";

function strangeSender(client: string, random: Random): Sender {
  const part = () => random.below(254) + 1;
  return { client, address: `10.${part()}.${part()}.${part()}` };
}

/** Renews with a token that another client holds, or held a while ago. */
export async function steal(world: World, victims: readonly HonestClient[]): Promise<void> {
  const random = createRandom(`${world.seed} thief`);
  while (!world.isOver()) {
    await sleep(100 + random.below(500));
    const { held, earlier } = random.pick(victims);
    const stolen = [held, ...earlier].filter((each) => each?.refreshToken !== undefined);
    if (stolen.length === 0) continue;
    const booty = random.pick(stolen);
    if (booty === undefined) continue;
    const sender = strangeSender("thief", random);
    const reported = await world.actions.renew(sender, await world.member(random), booty, { by: "refresh_token" });
    await world.actions.use(sender, await world.member(random), reported.held ?? booty, "guard");
  }
}

const burst = 16;

/** Many guesses at once at one login, from everywhere, at every process. The right one can be among them. */
export async function guess(world: World, target: Person): Promise<void> {
  const random = createRandom(`${world.seed} guesses at ${target.login}`);
  let made = 0;
  while (!world.isOver()) {
    const rightAt = random.chance(0.5) ? random.below(burst) : -1;
    const passwords = Array.from({ length: burst }, (_, at): Secret | undefined =>
      at === rightAt ? target.passwords[0] : makeSecret(random, `guess ${made++} at ${target.login}`),
    );
    const tries = passwords.map(async (password) => {
      if (password === undefined) return;
      const member = await world.member(random);
      await world.actions.logIn(strangeSender("guesser", random), member, { login: target.login, password });
    });
    await Promise.all(tries);
    await sleep(500 + random.below(1_500));
  }
}

/** One address, many logins, some of which exist. */
export async function spray(world: World): Promise<void> {
  const random = createRandom(`${world.seed} sprayer`);
  const sender = strangeSender("sprayer", random);
  for (let at = 0; at < 40 && !world.isOver(); at++) {
    const password = makeSecret(random, `spray ${at}`);
    await world.actions.logIn(sender, await world.member(random), { login: `nobody-${at}`, password });
    await sleep(random.below(40));
  }
}

/** Has a session, and guesses the password that it would need to change it. */
export async function pry(world: World, person: Person): Promise<void> {
  const random = createRandom(`${world.seed} pryer`);
  const sender: Sender = { client: "pryer", address: "198.51.100.1" };
  const { held } = await world.actions.logIn(sender, await world.member(random), {
    login: person.login,
    password: person.first,
  });
  if (held === undefined) return;
  for (let made = 0; made < 14 && !world.isOver(); made++) {
    const [old, next] = [makeSecret(random, `prying ${made}`), makeSecret(random, `pryer's own ${made}`)];
    await world.actions.changePassword(sender, await world.member(random), held, old, next);
  }
}
