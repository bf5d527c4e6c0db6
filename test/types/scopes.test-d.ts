// The scopes of an instance are in its type: held by `tsc -p tsconfig.test.json`, never run.
import { authorize as expressAuthorize, guarded as expressGuarded } from "../../dist/adapters/express.js";
import { authorize as fastifyAuthorize, guarded as fastifyGuarded } from "../../dist/adapters/fastify.js";
import { authorize as honoAuthorize } from "../../dist/adapters/hono.js";
import { authorize as koaAuthorize, guarded as koaGuarded } from "../../dist/adapters/koa.js";
import { authorize as nestAuthorize } from "../../dist/adapters/nest.js";
import { guardedUpgrade, authorize as nodeAuthorize, guarded as nodeGuarded } from "../../dist/adapters/node.js";
import {
  type Ampho,
  type AmphoOptions,
  type Auth,
  createAmpho,
  defineConfig,
  type LazyAmpho,
  lazyAmpho,
} from "../../dist/index.js";
import { createVerifier, type Verifier } from "../../dist/verify/verifier.js";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(verdict: Same<A, B>) => verdict;

type Scope = "articles:publish" | "articles:read";
const roles = { editor: ["articles:read", "articles:publish"], reader: ["articles:read"] } as const;
const good = { scopes: ["articles:read"] } as const;
const typo = { scopes: ["articles:raed"] } as const;

export async function instances() {
  const ampho = await createAmpho({
    scopes: { editor: ["articles:read", "articles:publish"], reader: ["articles:read"] },
    databaseUrl: "sqlite::memory:",
  });
  same<typeof ampho, Ampho<Scope>>(true);
  same<Awaited<ReturnType<typeof ampho.verify>>, Auth<Scope>>(true);
  same<ReturnType<typeof ampho.verifySync>, Auth<Scope>>(true);
  same<Awaited<ReturnType<typeof ampho.authenticate>>, Auth<Scope> | undefined>(true);
  same<(typeof ampho)["scopes"], readonly Scope[] | undefined>(true);

  const config = defineConfig({ scopes: { editor: ["articles:read", "articles:publish"], reader: ["articles:read"] } });
  const shared = await createAmpho(config);
  same<typeof shared, Ampho<Scope>>(true);
  const lazy = lazyAmpho(config);
  same<typeof lazy, LazyAmpho<Scope>>(true);

  const own = await createAmpho({
    scopes: { editor: ["articles:read"] },
    users: { find: async (login) => ({ id: "1", login, hash: "" }), verify: (user) => user.hash === "" },
  });
  same<typeof own, Ampho<"articles:read">>(true);

  // Without a literal, a scope is any text.
  same<Awaited<ReturnType<typeof createAmpho>>, Ampho>(true);
  const byText = await createAmpho({ scopes: '{"editor":["articles:read"]}' });
  same<typeof byText, Ampho>(true);
  const options: AmphoOptions = { scopes: { editor: ["articles:read"] } };
  const byOptions = await createAmpho(options);
  same<typeof byOptions, Ampho>(true);
  // @ts-expect-error a scope is a text
  await createAmpho({ scopes: { editor: [5] } });

  const verifier = createVerifier({ keys: {}, scopes: roles });
  same<typeof verifier, Verifier<Scope>>(true);
  const plain = createVerifier({ keys: {} });
  same<typeof plain, Verifier>(true);
  verifier.authorize(good, (_request, auth) => {
    same<typeof auth, Auth<Scope>>(true);
    return new Response();
  });
  // @ts-expect-error a typo
  verifier.authorize(typo, () => new Response());
  expressAuthorize(verifier, good);
  // @ts-expect-error a typo
  expressAuthorize(verifier, typo);
}

declare const ampho: Ampho<Scope>;
declare const any: Ampho;

ampho.authorize({ scopes: ["articles:read"] });
// @ts-expect-error a typo
ampho.authorize({ scopes: ["articles:raed"] });
// @ts-expect-error a typo
ampho.authorize({ scopes: ["articles:raed"], optional: true });
// @ts-expect-error a typo
ampho.authorize({ scopes: ["articles:raed"], can: (_auth, _request: Request) => true });
ampho.authorize({ can: (auth, _request: Request) => auth.scopes.includes("articles:publish") }, () => new Response());
// @ts-expect-error a typo
ampho.authorize({ can: (auth, _request: Request) => auth.scopes.includes("articles:raed") }, () => new Response());
ampho.authorize((_request, auth) => {
  same<typeof auth, Auth<Scope>>(true);
  return new Response();
});
ampho.authorize({ optional: true }, (_request, auth) => {
  same<typeof auth, Auth<Scope> | undefined>(true);
  return new Response();
});
any.authorize({ scopes: ["articles:raed"] });

expressAuthorize(any, typo);
expressAuthorize(ampho, good);
// @ts-expect-error a typo
expressAuthorize(ampho, typo);
// @ts-expect-error a typo
expressAuthorize(ampho, { scopes: ["articles:raed"] });
expressGuarded(ampho, good, (request) => same<(typeof request.auth.scopes)[number], Scope>(true));
expressGuarded(ampho, (request) => same<(typeof request.auth.scopes)[number], Scope>(true));
// @ts-expect-error a typo
expressGuarded(ampho, { scopes: ["articles:raed"] }, () => undefined);

fastifyAuthorize(ampho, good);
// @ts-expect-error a typo
fastifyAuthorize(ampho, { scopes: ["articles:raed"] });
fastifyGuarded(ampho, good, (request) => same<(typeof request.auth.scopes)[number], Scope>(true));
// @ts-expect-error a typo
fastifyGuarded(ampho, { scopes: ["articles:raed"] }, () => undefined);

koaAuthorize(ampho, good);
// @ts-expect-error a typo
koaAuthorize(ampho, { scopes: ["articles:raed"] });
koaGuarded(ampho, good, (context) => void context.state.auth.scopes.includes("articles:publish"));
// @ts-expect-error a typo
koaGuarded(ampho, { scopes: ["articles:raed"] }, () => undefined);

honoAuthorize(ampho, good);
// @ts-expect-error a typo
honoAuthorize(ampho, { scopes: ["articles:raed"] });

nodeAuthorize(ampho, good);
// @ts-expect-error a typo
nodeAuthorize(ampho, { scopes: ["articles:raed"] });
nodeGuarded(ampho, good, (request) => same<(typeof request.auth.scopes)[number], Scope>(true));
// @ts-expect-error a typo
nodeGuarded(ampho, { scopes: ["articles:raed"] }, () => undefined);
guardedUpgrade(ampho, good, (request) => same<(typeof request.auth.scopes)[number], Scope>(true));
// @ts-expect-error a typo
guardedUpgrade(ampho, { scopes: ["articles:raed"] }, () => undefined);

nestAuthorize(ampho, { scopes: ["articles:read"] });
// @ts-expect-error a typo
nestAuthorize(ampho, { scopes: ["articles:raed"] });
