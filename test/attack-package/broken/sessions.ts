// Faults of sessions: ended sessions continue, used tokens work again, and one credential passes for another.
import type { Handle } from "../../../dist/http/rest/handler.js";
import type { HttpRequest } from "../../../dist/http/rest/message.js";
import {
  bearerOf,
  type Fault,
  membersOf,
  open,
  openSigned,
  pathOf,
  readBody,
  responding,
  taking,
  type Workshop,
  withBearer,
} from "./server.js";

const done = {
  status: 204,
  headers: { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" },
  body: undefined,
};

/** The newest refresh token of each session. */
function followRefresh(inner: Handle) {
  const newest = new Map<unknown, string>();
  const note: Handle = async (request) => {
    const response = await inner(request);
    const { refresh_token: refresh } = membersOf(response.body);
    if (typeof refresh === "string") newest.set(open(refresh)?.claims["sid"], refresh);
    return response;
  };
  return { newest, note };
}

/** The refresh token of the last re-authentication of each session. */
function followProven(inner: Handle) {
  const proven = new Map<unknown, string>();
  const note: Handle = async (request) => {
    const response = await inner(request);
    const { refresh_token: refresh } = membersOf(response.body);
    if (pathOf(request).endsWith("/login") && bearerOf(request) !== "" && typeof refresh === "string")
      proven.set(open(refresh)?.claims["sid"], refresh);
    return response;
  };
  return { proven, note };
}

const renewing = (request: HttpRequest, refresh_token: string): HttpRequest => ({
  ...request,
  body: { kind: "parsed", value: { refresh_token } },
});

/** Sends renewals by refresh token to `renew` instead. */
const onRenew =
  (renew: (refresh: string, request: HttpRequest, follow: ReturnType<typeof followRefresh>) => ReturnType<Handle>) =>
  (inner: Handle, { ampho }: Workshop): Handle => {
    const follow = followRefresh(inner);
    return async (request) => {
      if (pathOf(request) !== `${ampho.host.prefix}/renew` || request.body.kind !== "stream")
        return follow.note(request);
      const { bytes, again } = await readBody(request);
      const { refresh_token: refresh } = membersOf(bytes);
      return typeof refresh === "string" ? renew(refresh, again, follow) : follow.note(again);
    };
  };

const generationOf = (token: string | undefined): number => Number(open(token ?? "")?.claims["gen"]);

let line: Promise<unknown> = Promise.resolve();

export const sessionFaults: readonly Fault[] = [
  {
    name: "accepts a refresh token as bearer token",
    finds: ["refresh-as-access"],
    plant: (inner, shop) => {
      const { newest, note } = followRefresh(inner);
      return taking((token) => ([...newest.values()].includes(token) ? { login: "somebody" } : undefined))(note, shop);
    },
  },
  {
    name: "accepts an access token as refresh token",
    finds: ["access-as-refresh"],
    plant: (inner, shop) =>
      onRenew((refresh, request, { note }) =>
        openSigned(refresh, shop) === undefined
          ? note(request)
          : note(withBearer({ ...request, body: { kind: "none" } }, refresh)),
      )(inner, shop),
  },
  {
    name: "returns a refresh token for an access token",
    finds: ["upgrade"],
    plant: responding((response, request, { ampho }) => {
      if (pathOf(request) !== `${ampho.host.prefix}/renew` || bearerOf(request) === "" || response.status !== 200)
        return response;
      return { ...response, body: JSON.stringify({ ...membersOf(response.body), refresh_token: "eyJ" }) };
    }),
  },
  {
    name: "renews with an old refresh token",
    finds: ["replay"],
    plant: onRenew((refresh, request, { newest, note }) => {
      const present = newest.get(open(refresh)?.claims["sid"]);
      const isOld = generationOf(refresh) < generationOf(present) - 1;
      return note(isOld && present !== undefined ? renewing(request, present) : request);
    }),
  },
  {
    name: "renews with the refresh token from before a re-authentication",
    finds: ["re-authentication"],
    plant: (inner, shop) => {
      const { proven, note: noting } = followProven(inner);
      return onRenew((refresh, request, { note }) => {
        const current = proven.get(open(refresh)?.claims["sid"]);
        const isBefore = generationOf(refresh) < generationOf(current);
        return note(isBefore && current !== undefined ? renewing(request, current) : request);
      })(noting, shop);
    },
  },
  {
    name: "ends the session if the refresh token from before a re-authentication is sent",
    finds: ["re-authentication"],
    plant: (inner, shop) => {
      const { proven, note: noting } = followProven(inner);
      return onRenew(async (refresh, request, { note }) => {
        const sid = open(refresh)?.claims["sid"];
        if (generationOf(refresh) < generationOf(proven.get(sid))) await shop.ampho.sessions.end(String(sid));
        return note(request);
      })(noting, shop);
    },
  },
  {
    name: "moves a generation for each of many concurrent renewals",
    finds: ["renewal-race"],
    plant: onRenew((refresh, request, { newest, note }) => {
      const sid = open(refresh)?.claims["sid"];
      if (newest.get(sid) !== refresh) return note(request);
      const turn = line.then(() => note(renewing(request, newest.get(sid) ?? refresh)));
      line = turn.catch(() => undefined);
      return turn;
    }),
  },
  {
    name: "confirms a logout without ending the session",
    finds: ["logout"],
    plant:
      (inner, { ampho }) =>
      async (request) => {
        const response = request.method === "POST" && pathOf(request) === `${ampho.host.prefix}/logout`;
        if (!response) return inner(request);
        const asked = await inner({
          ...request,
          method: "GET",
          target: `${ampho.host.prefix}/session`,
          body: { kind: "none" },
        });
        return asked.status === 200 ? done : asked;
      },
  },
  {
    name: "confirms the end of a session without ending it",
    finds: ["session-ended"],
    plant:
      (inner, { ampho }) =>
      async (request) => {
        const id = /\/sessions\/(.+)$/.exec(pathOf(request))?.[1];
        if (request.method !== "DELETE" || id === undefined) return inner(request);
        const listed = await inner({ ...request, method: "GET", target: `${ampho.host.prefix}/sessions` });
        return listed.body?.includes(id) ? done : inner(request);
      },
  },
  {
    name: "accepts the tokens of a disabled user",
    finds: ["user-disabled"],
    plant: taking(async (token, shop) => {
      const claims = openSigned(token, shop)?.claims;
      const login = claims?.["login"];
      const user = typeof login === "string" && login !== "" ? await shop.ampho.users.find(login) : undefined;
      return user?.disabled ? claims : undefined;
    }),
  },
  {
    name: "ends a session of any user",
    finds: ["foreign-session"],
    plant:
      (inner, { ampho }) =>
      async (request) => {
        const id = /\/sessions\/(.+)$/.exec(pathOf(request))?.[1];
        if (request.method !== "DELETE" || id === undefined || bearerOf(request) === "") return inner(request);
        return (await ampho.sessions.end(id)) ? done : inner(request);
      },
  },
];
