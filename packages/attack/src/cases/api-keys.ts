// API keys of users: where they are accepted, what they can do, and who can end them. The attacks need a user with a scope.
import type { Attack, Target, UserCredentials } from "../attack.js";
import {
  type AttemptResult,
  bearerHeader,
  blocked,
  isUnauthorized,
  judge,
  notRun,
  post,
  sendEach,
  succeeded,
  type Verdict,
} from "../attack.js";
import { membersOf, type Received, type Sent } from "../exchange.js";
import { cookieNames } from "../grant.js";

interface Made {
  readonly id: string;
  readonly key: string;
  readonly scope: string;
  /** The access token of the owner. */
  readonly token: string;
}

const keyBody = (scope: string) => ({ name: "ampho-attack", scopes: [scope] });
const del = (path: string, token: string): Sent => ({ method: "DELETE", path, headers: [bearerHeader(token)] });
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
/** The route does not take keys, or there is no session with this token. */
const isRejectedHere = (response: Received) => [400, 401, 403, 404].includes(response.status);

/** Creates a key of the user, and ends it afterwards. */
export async function withKey(target: Target, attack: (made: Made) => Promise<Verdict>): Promise<Verdict> {
  const { token } = await target.openSession();
  const { scopes } = membersOf(await target.send({ path: "/session", headers: [bearerHeader(token)] }));
  const scope = textOf(Array.isArray(scopes) ? scopes[0] : undefined);
  if (scope === "") return notRun("The user has no scope. Name a role that has one with --role.");
  const created = await target.send(post("/api-keys", keyBody(scope), bearerHeader(token)));
  if (created.status !== 201)
    return notRun(
      created.status === 404 ? "API keys are switched off." : `No key was created: status ${created.status}.`,
    );
  const made = membersOf(created);
  const [id, key] = [textOf(made["id"]), textOf(made["key"])];
  try {
    return await attack({ id, key, scope, token });
  } finally {
    await target.send(del(`/api-keys/${encodeURIComponent(id)}`, token));
  }
}

/** A key is no login: it opens no route of the instance itself, and creates nothing. */
const atOwnRoutes = (target: Target) =>
  withKey(target, async ({ id, key, scope }) => {
    const header = bearerHeader(key);
    const get = (path: string) => [path, { path, headers: [header] }] as const;
    return judge(
      await sendEach(target, [
        ...["/session", "/sessions", "/account", "/account/export", "/api-keys", "/passkeys"].map(get),
        ["a new key", post("/api-keys", keyBody(scope), header)],
        ["a successor", post(`/api-keys/${id}/rotate`, {}, header)],
        ["the end of a key", del(`/api-keys/${id}`, key)],
        ["the end of all sessions", del("/sessions", key)],
        ["a step-up", post("/login", {}, header)],
        ["a renewal", { method: "POST", path: "/renew", headers: [header] }],
        ["a renewal by body", post("/renew", { refresh_token: key })],
      ]),
      isRejectedHere,
    );
  });

const elsewhere = (target: Target) =>
  withKey(target, async ({ key }) =>
    judge(
      await sendEach(target, [
        ["a query", { path: `/session?access_token=${key}` }],
        ["X-Api-Key", { path: "/session", headers: [["X-Api-Key", key]] }],
        ["the cookie of tokens", { path: "/session", headers: [["Cookie", `${cookieNames.token}=${key}`]] }],
        ["Basic", { path: "/session", headers: [["Authorization", `Basic ${btoa(`${key}:`)}`]] }],
        ["a key twice", { path: "/session", headers: [bearerHeader(key), bearerHeader(key)] }],
        ["another scheme", { path: "/session", headers: [["Authorization", `ApiKey ${key}`]] }],
      ]),
      isUnauthorized,
    ),
  );

/** Only scopes of the owner, each once, and no endless life. */
const tooMuch = (target: Target) =>
  withKey(target, async ({ scope, token, id }) => {
    const day = 86_400;
    const bodies: readonly (readonly [string, object])[] = [
      ["no scope", { scopes: [] }],
      ["the scope *", { scopes: ["*"] }],
      ["the same scope twice", { scopes: [scope, scope] }],
      [
        "the scope in capitals",
        { scopes: [scope.toUpperCase() === scope ? scope.toLowerCase() : scope.toUpperCase()] },
      ],
      ["two scopes in one text", { scopes: [`${scope} ${scope}`] }],
      ["an unknown scope", { scopes: [scope, "ampho-attack:unknown"] }],
      ["a life of ten years", { scopes: [scope], expires: target.now() + 3660 * day }],
      ["a past end", { scopes: [scope], expires: target.now() - day }],
    ];
    const all: AttemptResult[] = [];
    for (const [what, body] of bodies) {
      const response = await target.send(post("/api-keys", { name: "ampho-attack", ...body }, bearerHeader(token)));
      all.push([what, response]);
      const made = textOf(membersOf(response)["id"]);
      if (made !== "") await target.send(del(`/api-keys/${encodeURIComponent(made)}`, token));
    }
    const overlap = await target.send(post(`/api-keys/${id}/rotate`, { overlap: 366 * day }, bearerHeader(token)));
    return judge([...all, ["an overlap of a year", overlap]], isRejectedHere);
  });

const ofOthers = (target: Target) =>
  withKey(target, async ({ id, token }) => {
    const other: UserCredentials | undefined = target.testUsers?.other;
    if (other === undefined) return notRun("It needs a second user.");
    const theirs = await target.openSession(other);
    const listed = async (bearer: string) =>
      (await target.send({ path: "/api-keys", headers: [bearerHeader(bearer)] })).body.includes(id);
    if (await listed(theirs.token)) return succeeded("a user sees the keys of another one");
    const responses = await sendEach(target, [
      ["a successor of another user's key", post(`/api-keys/${id}/rotate`, {}, bearerHeader(theirs.token))],
      ["the end of another user's key", del(`/api-keys/${id}`, theirs.token)],
    ]);
    if (!(await listed(token))) return succeeded("a user ends the key of another one");
    return judge(responses, isRejectedHere);
  });

const shownAgain = (target: Target) =>
  withKey(target, async ({ key, token }) => {
    // Without the few characters by which the owner recognizes it.
    const secret = key.slice(-24);
    const responses = await sendEach(
      target,
      ["/api-keys", "/account", "/account/export"].map(
        (path) => [path, { path, headers: [bearerHeader(token)] }] as const,
      ),
    );
    const found = responses.filter(([, { body }]) => body.includes(secret)).map(([path]) => path);
    return found.length === 0 ? blocked : succeeded(`${found.join(", ")} contains the key`);
  });

export const apiKeyAttacks: readonly Attack[] = [
  { id: "key-own-routes", title: "Use an API key as a login", source: "CWE-863", needs: "testUsers", run: atOwnRoutes },
  {
    id: "key-elsewhere",
    title: "Send an API key in a query, a cookie or another header",
    source: "RFC 6750 §2",
    needs: "testUsers",
    run: elsewhere,
  },
  {
    id: "key-too-much",
    title: "Create an API key with more scopes than its owner, or an endless one",
    source: "CWE-269",
    needs: "testUsers",
    run: tooMuch,
  },
  {
    id: "key-of-others",
    title: "See or end the API key of another user",
    source: "CWE-639",
    needs: "testUsers",
    run: ofOthers,
  },
  {
    id: "key-shown-again",
    title: "Read an API key after its creation",
    source: "CWE-522",
    needs: "testUsers",
    run: shownAgain,
  },
];
