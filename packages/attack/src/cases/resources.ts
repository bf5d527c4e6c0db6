// Protected resources at the host of the instance, such as an MCP server: which tokens they take, and where they lead
// clients that have none.
import {
  type Attack,
  type AttemptResult,
  bearerHeader,
  blocked,
  isUnauthorized,
  judge,
  notRun,
  succeeded,
  type Target,
  type Verdict,
} from "../attack.js";
import { headerOf, membersOf, type Sent } from "../exchange.js";
import { forge } from "../forge.js";
import { withKey } from "./api-keys.js";
import { goodClaims, goodHeader, keyOf } from "./good.js";

const wellKnown = "/.well-known/oauth-protected-resource";

/** The URLs of the resources at the attacked origin. Another host was not shown to belong to the operator. */
const resourcesOf = ({ rules, origin }: Target) => rules.resources.filter((one) => new URL(one).origin === origin);

async function withResources(target: Target, attack: (resource: string) => Promise<Verdict>): Promise<Verdict> {
  const resources = resourcesOf(target);
  if (resources.length === 0) return notRun("No resource of AMPHO_SECURITY_RESOURCES is at this host.");
  let last = blocked;
  for (const resource of resources) {
    const { status } = await target.send(initialize(resource));
    if (status < 400) return succeeded("a resource takes a request without a token");
    if (status !== 401) return notRun(`No guarded resource is at ${new URL(resource).pathname}: status ${status}.`);
    last = await attack(resource);
    if (last.outcome !== "blocked") break;
  }
  return last;
}

/** The first message of a client of MCP. Any other resource sees a POST with JSON. */
const body = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "ampho-attack", version: "1" } },
});

function initialize(resource: string, token?: string): Sent {
  const headers = [
    ...(token === undefined ? [] : [bearerHeader(token)]),
    ["Content-Type", "application/json"],
    ["Accept", "application/json, text/event-stream"],
  ] as const;
  return { method: "POST", path: new URL(resource).pathname, atRoot: true, headers, body };
}

const wrongAudience = (target: Target) =>
  withResources(target, async (resource) => {
    const audience = [...target.rules.audience];
    const sign = (aud: unknown) => forge(keyOf(target), goodHeader(target), { ...goodClaims(target), aud });
    const send = (aud: unknown) => target.send(initialize(resource, sign(aud)));
    // Which status it has for this user does not matter, as long as it is not that of a bad token.
    if (isUnauthorized(await send([...audience, resource])))
      return notRun("The resource takes no token for it with the key of the server.");
    const withPath = (path: string) => new URL(path, resource).href;
    const cases: readonly (readonly [string, unknown])[] = [
      ["no resource", audience.length === 0 ? undefined : audience],
      ["another resource", [...audience, "https://elsewhere.example/mcp"]],
      ["a resource below it", [...audience, `${resource.replace(/\/$/, "")}/more`]],
      ["another resource of the host", [...audience, withPath("/ampho-attack")]],
      ["a part of its URL", [...audience, resource.slice(0, -1)]],
      ["its URL in capitals", [...audience, resource.toUpperCase()]],
      ["its URL inside of another text", [...audience, `${resource} https://elsewhere.example`]],
      ["an array inside of the array", [...audience, [resource]]],
    ];
    const all: AttemptResult[] = [];
    for (const [what, aud] of cases) all.push([`a token for ${what}`, await send(aud)]);
    const { token } = await target.sharedSession();
    all.push(["the token of a login", await target.send(initialize(resource, token))]);
    return judge(all, isUnauthorized);
  });

const withApiKey = (target: Target) =>
  withResources(target, (resource) =>
    withKey(target, async ({ key }) =>
      judge([["an API key", await target.send(initialize(resource, key))]], isUnauthorized),
    ),
  );

/** The metadata must lead clients to the configured servers, whatever host the request names. */
const metadata = (target: Target) =>
  withResources(target, async (resource) => {
    const path = wellKnown + new URL(resource).pathname.replace(/^\/$/, "");
    const read = (at: string, ...headers: readonly (readonly [string, string])[]) =>
      target.send({ path: at, atRoot: true, headers });
    const right = await read(path);
    if (right.status !== 200 || membersOf(right)["resource"] !== resource)
      return succeeded(`${path} does not describe the resource: status ${right.status}`);
    const evil = "elsewhere.example";
    const others = [
      await read(path, ["X-Forwarded-Host", evil], ["X-Forwarded-Proto", "http"]),
      await read(path, ["Forwarded", `host=${evil};proto=http`]),
      await read(path, ["Host", evil]),
      await read(`${path}?resource=https://${evil}/mcp`),
    ];
    if (others.some((one) => membersOf(one)["resource"] !== undefined && one.body !== right.body))
      return succeeded("the metadata depends on what the request claims");
    const challenge = headerOf(await target.send(initialize(resource)), "www-authenticate");
    return challenge?.includes(`resource_metadata="${new URL(resource).origin}${path}"`)
      ? blocked
      : succeeded("a request without a token is not led to the metadata");
  });

export const resourceAttacks: readonly Attack[] = [
  {
    id: "resource-audience",
    title: "Send a protected resource a token for another one, or for none",
    source: "RFC 9728 §7.4, RFC 9068 §4",
    needs: "key",
    run: wrongAudience,
  },
  {
    id: "resource-key",
    title: "Send an API key to a protected resource",
    source: "RFC 9068 §4",
    needs: "testUsers",
    run: withApiKey,
  },
  {
    id: "resource-metadata",
    title: "Make the metadata of a resource lead clients elsewhere",
    source: "RFC 9728 §7.3",
    run: metadata,
  },
];
