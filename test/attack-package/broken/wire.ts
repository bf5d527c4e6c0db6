// Faults in reading requests: the position of tokens, the meaning of paths and methods, the form of bodies.
import { type Fault, membersOf, pathOf, readBody, withBearer } from "./server.js";

export const wireFaults: readonly Fault[] = [
  {
    name: "uses the first of two Authorization headers",
    finds: ["two-authorizations"],
    plant: (inner) => (request) => inner({ ...request, authorization: request.authorization.slice(0, 1) }),
  },
  {
    name: "uses the last of two Authorization headers",
    finds: ["two-authorizations"],
    plant: (inner) => (request) => inner({ ...request, authorization: request.authorization.slice(-1) }),
  },
  {
    name: "accepts a token in the query",
    finds: ["query-token"],
    plant: (inner) => (request) => {
      const token = /\?access_token=(.+)$/.exec(request.target)?.[1];
      return inner(token === undefined ? request : withBearer({ ...request, target: pathOf(request) }, token));
    },
  },
  {
    name: "accepts a password in the query",
    finds: ["query-token"],
    plant: (inner) => (request) => {
      const query = new URLSearchParams(request.target.replace(/^[^?]*\??/, ""));
      if (!request.target.includes("/login?") || !query.has("login")) return inner(request);
      const value = { login: query.get("login"), password: query.get("password") };
      return inner({ ...request, target: pathOf(request), body: { kind: "parsed", value } });
    },
  },
  {
    name: "accepts a token in the body",
    finds: ["body-token"],
    plant: (inner) => async (request) => {
      if (!pathOf(request).endsWith("/logout")) return inner(request);
      const { bytes, again } = await readBody(request);
      const { access_token: token } = membersOf(bytes);
      return inner(typeof token === "string" ? withBearer({ ...request, body: { kind: "none" } }, token) : again);
    },
  },
  {
    name: "accepts a token in a cookie",
    finds: ["body-token"],
    plant: (inner) => (request) => {
      const token = /access_token=([^;]+)/.exec(request.header("cookie") ?? "")?.[1];
      return inner(token === undefined ? request : withBearer(request, token));
    },
  },
  {
    name: "accepts any authorization scheme",
    finds: ["scheme"],
    plant: (inner) => (request) =>
      inner({
        ...request,
        authorization: request.authorization.map((value) => value.replace(/^(?:Token|JWT) /, "Bearer ")),
      }),
  },
  {
    name: "accepts its scheme in one case only",
    finds: ["scheme"],
    plant: (inner) => (request) =>
      inner({ ...request, authorization: request.authorization.filter((value) => !/^(?:bearer|BEARER) /.test(value)) }),
  },
  {
    name: "trusts X-Forwarded-User",
    finds: ["claimed-user"],
    plant:
      (inner, { sign }) =>
      (request) => {
        const login = request.header("x-forwarded-user");
        return inner(login === undefined ? request : withBearer(request, sign({ login })));
      },
  },
  {
    name: "guards one spelling of a path and routes another",
    finds: ["path"],
    plant:
      (inner, { ampho, sign }) =>
      (request) => {
        const exact = `${ampho.host.prefix}/session`;
        const isLike = request.target !== exact && request.target.replace(/\/$/, "").toLowerCase() === exact;
        return inner(isLike ? withBearer({ ...request, target: exact }, sign({})) : request);
      },
  },
  {
    name: "trusts X-Original-URL for the guarded path",
    finds: ["path"],
    plant:
      (inner, { sign }) =>
      (request) =>
        inner(request.header("x-original-url") === undefined ? request : withBearer(request, sign({}))),
  },
  {
    name: "lets a header override the method",
    finds: ["method"],
    plant: (inner) => (request) => {
      const method = request.header("x-http-method-override");
      return inner(method === undefined ? request : { ...request, method });
    },
  },
  {
    name: "ends a session by GET",
    finds: ["method"],
    plant: (inner) => (request) =>
      inner(pathOf(request).endsWith("/logout") && request.method === "GET" ? { ...request, method: "POST" } : request),
  },
  {
    name: "uses the last of two Content-Types",
    finds: ["repeated-header"],
    alter: (request) => {
      const raw = request.rawHeaders;
      const at = raw.indexOf("Content-Type");
      const last = raw.lastIndexOf("Content-Type");
      if (at === last) return;
      request.headers["content-type"] = raw[last + 1];
      raw.splice(at, 2);
    },
  },
  {
    name: "reads bodies of any size",
    finds: ["large-body"],
    plant: (inner) => async (request) => {
      if (request.body.kind !== "stream" || request.header("content-type") !== "application/json")
        return inner(request);
      const { bytes, again } = await readBody(request);
      const value = bytes.length > 16_384 ? membersOf(bytes) : undefined;
      return inner(value === undefined ? again : { ...again, body: { kind: "parsed", value } });
    },
  },
  {
    name: "reads text/plain as JSON",
    finds: ["media-type"],
    plant: (inner) => (request) =>
      inner({
        ...request,
        header: (name) => {
          const value = request.header(name);
          return name === "content-type" && value === "text/plain" ? "application/json" : value;
        },
      }),
  },
  {
    name: "uses the last of repeated members of a body",
    finds: ["strange-json"],
    plant: (inner) => async (request) => {
      const length = Number(request.header("content-length"));
      if (request.header("content-type") !== "application/json" || !(length < 16_384)) return inner(request);
      const { bytes, again } = await readBody(request);
      const members = membersOf(bytes);
      return inner(
        typeof members["login"] === "string" ? { ...again, body: { kind: "parsed", value: members } } : again,
      );
    },
  },
  {
    name: "fails on an unexpected body",
    finds: ["strange-json"],
    plant:
      (inner, { ampho }) =>
      async (request) => {
        const length = Number(request.header("content-length"));
        if (!(length > 0 && length < 16_384)) return inner(request);
        const { bytes, again } = await readBody(request);
        return String(bytes) === "null" ? ampho.host.errorResponse(new TypeError("null has no members")) : inner(again);
      },
  },
];
