// Faults of tokens in cookies: which sites can send them, what protects them, and which of two tokens counts.
import type { Handle } from "../../../dist/http/rest/handler.js";
import type { HttpRequest } from "../../../dist/http/rest/message.js";
import { type Fault, responding, withBearer } from "./server.js";

const options = { cookies: true } as const;
const tokenName = /__Host-ampho-token=([^;]+)/;

const without = (request: HttpRequest, ...names: readonly string[]): HttpRequest => ({
  ...request,
  header: (name) => (names.includes(name) ? undefined : request.header(name)),
});

export const cookieFaults: readonly Fault[] = [
  {
    name: "ignores the site that sends its cookies",
    finds: ["cross-site"],
    options,
    plant: (inner) => (request) =>
      inner(
        request.method === "POST" && request.target.endsWith("/logout")
          ? withBearer(without(request, "cookie"), tokenName.exec(request.header("cookie") ?? "")?.[1] ?? "")
          : request,
      ),
  },
  {
    name: "lets another site log a browser in",
    finds: ["cross-site"],
    options,
    plant: (inner) => (request) =>
      inner(request.target.endsWith("/login") ? without(request, "sec-fetch-site", "origin") : request),
  },
  {
    name: "lets scripts read its cookies",
    finds: ["cookie-attributes"],
    options,
    plant: responding((response) => ({
      ...response,
      ...(response.cookies ? { cookies: response.cookies.map((cookie) => cookie.replace("; HttpOnly", "")) } : {}),
    })),
  },
  {
    name: "returns tokens in the body beside its cookies",
    finds: ["cookie-attributes"],
    options,
    plant: responding((response) =>
      response.cookies && response.body?.includes("expires")
        ? { ...response, body: response.body.replace("{", '{"token":"eyJ",') }
        : response,
    ),
  },
  {
    name: "prefers the header to another token in the cookie",
    finds: ["cookie-token"],
    options,
    plant: (inner) => (request) => inner(request.authorization.length === 0 ? request : without(request, "cookie")),
  },
  {
    name: "accepts a cookie although cookies are off",
    finds: ["cookie-token"],
    plant: (inner: Handle) => (request) => {
      const token = tokenName.exec(request.header("cookie") ?? "")?.[1];
      return inner(token === undefined ? request : withBearer(request, token));
    },
  },
];
