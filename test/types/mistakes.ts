// Usual mistakes, with the line where the compiler must report them (it ends in `// here`) and the words of its message.
export interface Mistake {
  readonly name: string;
  readonly text: string;
  /** Words of the compiler's message that explain the mistake. */
  readonly says: RegExp;
}

const handler = "() => new Response()";
export const setup = `import { createAmpho, toHandler, type Ampho, type Auth } from "ampho";
declare const ampho: Ampho;
const { authorize } = ampho;
`;
export const mistakes: readonly Mistake[] = [
  {
    name: "misspelled requirements",
    text: `${setup}authorize({ role: ["editor"] }, ${handler}); // here`,
    says: /'role' does not exist in type .*Requirements.*|Did you mean to write 'roles'/,
  },
  {
    name: "a role instead of a list",
    text: `${setup}authorize({ roles: "editor" }, ${handler}); // here`,
    says: /Type 'string' is not assignable to type 'readonly string\[\]'/,
  },
  {
    name: "auth under `optional` without a check",
    text: `${setup}authorize({ optional: true }, (_request, auth) =>
  new Response(auth.login), // here
);`,
    says: /'auth' is possibly 'undefined'/,
  },
  {
    name: "no such member of auth",
    text: `${setup}authorize((_request, auth) =>
  new Response(auth.username), // here
);`,
    says: /Property 'username' does not exist on type 'Auth<string>'/,
  },
  {
    name: "a handler that does not return a Response",
    text: `${setup}authorize((_request, auth) => auth.login); // here`,
    says: /Type 'string' is not assignable to type '(?:HandlerResult|Response)/,
  },
  {
    name: "a handler under requirements that does not return a Response",
    text: `${setup}authorize({ roles: ["editor"] }, () => ({ ok: true })); // here`,
    says: /TypeMistake<"A handler under authorize must return a Response or a promise of one."/,
  },
  {
    name: "a duration that is none",
    text: `${setup}authorize({ maxAge: "5 minutes" }, ${handler}); // here`,
    says: /'"5 minutes"' is not assignable to type 'Duration/,
  },
  {
    name: "an option whose duration is none",
    text: `import { createAmpho } from "ampho";
createAmpho({ tokenTtl: "5 minutes" }); // here`,
    says: /'"5 minutes"' is not assignable to type 'Duration/,
  },
  {
    name: "misspelled requirements of a page",
    text: `${setup}ampho.authenticate(new Request("https://shop.example/"), { role: ["admin"] }); // here`,
    says: /'role' does not exist in type|Did you mean to write 'roles'/,
  },
  {
    name: "auth given by the caller",
    text: `${setup}authorize(${handler})(new Request("http://localhost/"), { login: "root" }); // here`,
    says: /Expected 1 arguments, but got 2/,
  },
  {
    name: "a misspelled method",
    text: `${setup}class Articles { @authorize list(_request: Request, _auth: Auth) { return new Response(); } }
toHandler(new Articles(), "lst"); // here`,
    says: /'"lst"' is not assignable to parameter of type '"list"'/,
  },
  {
    name: "a misspelled option",
    text: `import { createAmpho } from "ampho";
createAmpho({ tokenTll: 60 }); // here`,
    says: /'tokenTll' does not exist in type 'AmphoOptions'|Did you mean to write 'tokenTtl'/,
  },
  {
    name: "an option of another type",
    text: `import { createAmpho } from "ampho";
createAmpho({ cookies: "yes" }); // here`,
    says: /Type '(?:string|"yes")' is not assignable to type 'boolean/,
  },
  {
    name: "a forgotten await",
    text: `import { createAmpho } from "ampho";
const ampho = createAmpho();
ampho.verifySync("token"); // here`,
    says: /Property 'verifySync' does not exist on type 'Promise<Ampho<string>>'/,
  },
  {
    name: "a user table that finds no id",
    text: `import { createAmpho } from "ampho";
createAmpho({
  users: {
    find: (login) => ({ login }), // here
    verify: () => true,
  },
});`,
    says: /Property 'id' is missing in type '\{ login: string; \}' but required in type 'ApplicationUser'/,
  },
  {
    name: "a user table that cannot verify",
    text: `import { createAmpho } from "ampho";
createAmpho({
  users: { find: () => undefined }, // here
});`,
    says: /Property 'verify' is missing in type .* but required in type 'ApplicationUsers<ApplicationUser>'/,
  },
  {
    name: "`live` for a verifier",
    text: `import { createVerifier } from "ampho/verify";
createVerifier({ jwksUrl: "https://example.org/" }).authorize({ live: true }, ${handler}); // here`,
    says: /Type '(?:true|boolean)' is not assignable to type '(?:undefined|never)'/,
  },
  ...(["express", "hono", "koa", "node", "fastify"] as const).map((framework) => ({
    name: `ampho/${framework}: \`live\` for a verifier`,
    text: `import { authorize } from "ampho/${framework}";
import { createVerifier } from "ampho/verify";
const verifier = createVerifier({ jwksUrl: "https://example.org/" });
authorize(verifier, { roles: ["editor"] });
authorize(verifier, { live: true }); // here`,
    says: /Type '(?:true|boolean)' is not assignable to type '(?:undefined|never)'/,
  })),
  {
    name: "Express: `live` for a verifier in a guarded handler",
    text: `import { guarded } from "ampho/express";
import { createVerifier } from "ampho/verify";
const verifier = createVerifier({ jwksUrl: "https://example.org/" });
guarded(verifier, { roles: ["editor"] }, (request, response) => response.json(request.auth));
guarded(verifier, { live: true }, (request, response) => response.json(request.auth)); // here`,
    says: /Type '(?:true|boolean)' is not assignable to type '(?:undefined|never)'/,
  },
  {
    name: "a verifier without keys",
    text: `import { createVerifier } from "ampho/verify";
createVerifier({ issuer: "https://example.org" }); // here`,
    says: /jwksUrl|keys/,
  },
  {
    name: "a client without a server",
    text: `import { createClient } from "ampho/client";
createClient({ url: "https://example.org" }); // here`,
    says: /'url' does not exist in type 'ClientOptions'/,
  },
  {
    name: "a session of a client without a check",
    text: `import { createClient } from "ampho/client";
export const who = async () =>
  (await createClient({ baseUrl: "https://example.org" }).session()).login; // here`,
    says: /Object is possibly 'undefined'/,
  },
  {
    name: "Express: auth of a plain request",
    text: `import type { Ampho } from "ampho";
import { authorize } from "ampho/express";
import express from "express";
declare const ampho: Ampho;
express().get("/", authorize(ampho), (request, response) => {
  response.send(request.auth.login); // here
});`,
    says: /'request.auth' is possibly 'undefined'/,
  },
  {
    name: "Express: misspelled requirements",
    text: `import type { Ampho } from "ampho";
import { authorize } from "ampho/express";
declare const ampho: Ampho;
authorize(ampho, { scope: ["read"] }); // here`,
    says: /'scope' does not exist in type 'Requirements<Request.*|Did you mean to write 'scopes'/,
  },
  {
    name: "Express: the instance forgotten",
    text: `import { authorize } from "ampho/express";
authorize({ roles: ["editor"] }); // here`,
    says: /Property 'host' is missing|'roles' does not exist in type 'GuardInstance<string>'/,
  },
  {
    name: "Fastify: misspelled requirements of a guarded handler",
    text: `import type { Ampho } from "ampho";
import { guarded } from "ampho/fastify";
declare const ampho: Ampho;
guarded(ampho, { role: ["editor"] }, () => ""); // here`,
    says: /'role' does not exist in type|Did you mean to write 'roles'/,
  },
  ...(["hono", "koa", "node", "fastify"] as const).map((framework) => ({
    name: `ampho/${framework}: misspelled requirements`,
    text: `import type { Ampho } from "ampho";
import { authorize } from "ampho/${framework}";
declare const ampho: Ampho;
authorize(ampho, { role: ["editor"] }); // here`,
    says: /'role' does not exist in type '[^']*Requirements<|Did you mean to write 'roles'/,
  })),
  {
    name: "Hono: auth under `optional` without a check",
    text: `import type { Ampho } from "ampho";
import { authorize } from "ampho/hono";
import { Hono } from "hono";
declare const ampho: Ampho;
new Hono().get("/", authorize(ampho, { optional: true }), (c) =>
  c.text(c.get("auth").login), // here
);`,
    says: /Object is possibly 'undefined'/,
  },
  {
    name: "Hono: auth of an unguarded route",
    text: `import { Hono } from "hono";
new Hono().get("/", (c) =>
  c.text(c.get("auth").login), // here
);`,
    says: /Object is of type 'unknown'|No overload matches/,
  },
  {
    name: "Koa: auth under `optional` without a check",
    text: `import type { Ampho } from "ampho";
import { guarded } from "ampho/koa";
declare const ampho: Ampho;
guarded(ampho, { optional: true }, (context) => {
  context.body = context.state.auth.login; // here
});`,
    says: /'context.state.auth' is possibly 'undefined'/,
  },
  {
    name: "node:http: a promise instead of the instance",
    text: `import { createAmpho } from "ampho";
import { mount } from "ampho/node";
mount(createAmpho()); // here`,
    says: /Property 'host' is missing in type 'Promise<Ampho<string>>'|'Promise<Ampho<string>>' is not assignable to parameter of type 'HttpInstance'/,
  },
];
