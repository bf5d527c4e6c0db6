// The types of `authorize`: held by `tsc -p tsconfig.test.json`, never run. An expected error that does not come is one.
import { expectTypeOf } from "vitest";
import { type Ampho, type Auth, type Requirements, toHandler } from "../../dist/index.js";

declare const ampho: Ampho;
const { authorize } = ampho;

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(verdict: Same<A, B>) => verdict;

// A handler of a fetch-native host.
{
  const handler = authorize((request, auth) => {
    same<typeof request, Request>(true);
    same<typeof auth, Auth>(true);
    return Response.json({ login: auth.login, url: request.url });
  });
  same<typeof handler, (request: Request) => Promise<Response>>(true);
  void handler(new Request("http://localhost/"));
  // @ts-expect-error auth comes from the token
  void handler(new Request("http://localhost/"), { login: "root" });
  // @ts-expect-error a request is needed
  void handler();

  // @ts-expect-error a handler returns a Response
  authorize((_request, auth) => auth.login);
  // @ts-expect-error auth is what it is
  authorize((_request, auth: { login: number }) => new Response(String(auth.login)));
  // @ts-expect-error there is no such member
  authorize((_request, auth) => new Response(auth.name));
  authorize((_request, auth) => {
    // @ts-expect-error Auth is read-only
    auth.login = "root";
    // @ts-expect-error and so are its lists
    auth.roles.push("admin");
    return new Response();
  });
}

// A request of a host's own class (Next.js), and what the host passes besides.
class NextRequest extends Request {
  readonly nextUrl = new URL("http://localhost/");
}
{
  interface Context {
    readonly params: Promise<{ id: string }>;
  }
  const GET = authorize(async (request: NextRequest, auth, { params }: Context) => {
    same<typeof auth, Auth>(true);
    return Response.json([(await params).id, request.nextUrl.pathname]);
  });
  same<typeof GET, (request: NextRequest, rest_0: Context) => Promise<Response>>(true);
  expectTypeOf(GET).toEqualTypeOf<(request: NextRequest, context: Context) => Promise<Response>>();
  // @ts-expect-error the context is needed
  void GET(new NextRequest("http://localhost/"));
  // @ts-expect-error a plain Request is none of Next.js
  void GET(new Request("http://localhost/"), { params: Promise.resolve({ id: "5" }) });

  const POST = authorize({ roles: ["editor"], maxAge: 300 }, async (_: NextRequest, auth, context: Context) => {
    same<typeof auth, Auth>(true);
    return Response.json(await context.params);
  });
  expectTypeOf(POST).toEqualTypeOf<(request: NextRequest, context: Context) => Promise<Response>>();
}

// A host that passes an object (SvelteKit), whose type the declaration gives.
interface Event {
  readonly request: Request;
  readonly params: { readonly slug: string };
  readonly locals: { owner: string };
}
type RequestHandler = (event: Event) => Response | Promise<Response>;
{
  const GET: RequestHandler = authorize((event, auth) => {
    same<typeof event, Event>(true);
    return Response.json([event.params.slug, auth.login]);
  });
  const POST: RequestHandler = authorize({ roles: ["editor"] }, ({ params }, auth) => {
    same<typeof auth, Auth>(true);
    return Response.json([params.slug, auth.login]);
  });
  const PUT = authorize({ live: true }, (event: Event, auth) => Response.json([event.locals, auth.id]));
  expectTypeOf(PUT).toEqualTypeOf<(event: Event) => Promise<Response>>();
  void [GET, POST];
  // @ts-expect-error nothing in it is a request
  authorize((event: { params: string }, auth) => Response.json([event, auth]));
  // @ts-expect-error headers alone are no request
  authorize((event: { request: { headers: Headers } }, auth) => Response.json([event, auth]));
  authorize((holder: { req: Request; other: number }, auth) => Response.json([holder.other, auth]));
}

// The requirements decide about the type of auth.
{
  authorize({ optional: true }, (request, auth) => {
    same<typeof request, Request>(true);
    same<typeof auth, Auth | undefined>(true);
    // @ts-expect-error auth can be undefined
    return new Response(auth.login);
  });
  authorize({ optional: true, roles: ["editor"] }, (_: Event, auth) => {
    same<typeof auth, Auth | undefined>(true);
    return new Response(auth?.login);
  });
  // @ts-expect-error auth can be undefined
  authorize({ optional: true }, (_: Request, auth: Auth) => new Response(auth.login));
  authorize({ scopes: ["read"] }, (_, auth) => {
    same<typeof auth, Auth>(true);
    return new Response();
  });
  authorize({}, (_, auth) => new Response(auth.login));
  // Requirements that are known only by their type can be optional.
  const need: Requirements<Request> = { roles: ["editor"] };
  authorize(need, (_, auth) => {
    same<typeof auth, Auth | undefined>(true);
    return new Response();
  });
  const roles = ["editor"] as const;
  authorize({ roles }, (_, auth) => new Response(auth.login));
  const certain = { roles: ["editor"] };
  authorize(certain, (_, auth) => new Response(auth.login));

  // @ts-expect-error a misspelt need
  authorize({ role: ["editor"] }, () => new Response());
  // @ts-expect-error a misspelt need beside one that is right
  authorize({ live: true, scope: ["read"] }, () => new Response());
  // @ts-expect-error roles are a list
  authorize({ roles: "editor" }, () => new Response());
  const GET = authorize({ acr: "phr", maxAge: "5m", live: true }, (_, auth) => {
    same<typeof auth.acr, string | undefined>(true);
    same<typeof auth.amr, readonly string[]>(true);
    return new Response();
  });
  void GET;
  // @ts-expect-error there is no such level
  authorize({ acr: "aal2" }, () => new Response());
  // @ts-expect-error a level is one text
  authorize({ acr: ["2fa"] }, () => new Response());
  authorize(({ headers }, auth) => {
    // @ts-expect-error amr is read-only
    auth.amr.push("otp");
    return new Response(headers.get("x"));
  });
  // @ts-expect-error live is true or left out
  authorize({ live: false }, () => new Response());
  // @ts-expect-error a handler is needed
  authorize({ roles: ["editor"] }, undefined);
}

// `can` gets the host's own request.
{
  authorize({ can: (auth, request) => request.url.endsWith(auth.login) }, (request, auth) => {
    same<typeof request, Request>(true);
    same<typeof auth, Auth>(true);
    return new Response();
  });
  const byEvent = authorize(
    { can: async (auth, event: Event) => event.locals.owner === auth.login, roles: ["editor"] },
    (event, auth) => {
      same<typeof event, Event>(true);
      same<typeof auth, Auth>(true);
      return new Response(event.params.slug);
    },
  );
  expectTypeOf(byEvent).toEqualTypeOf<(event: Event) => Promise<Response>>();
  authorize({ can: (auth, event: Event) => event.locals.owner === auth.login, optional: true }, (event, auth) => {
    same<typeof event, Event>(true);
    same<typeof auth, Auth | undefined>(true);
    return new Response();
  });
  const handler: RequestHandler = authorize(
    { can: (auth, event) => event.locals.owner === auth.login },
    ({ params }) => new Response(params.slug),
  );
  void handler;
  const owns: Requirements<Event>["can"] = (auth, { locals }) => locals.owner === auth.login;
  if (owns !== undefined) authorize({ can: owns }, (event: Event) => new Response(event.params.slug));
  // @ts-expect-error it is asked about an Event, not about a Request
  authorize({ can: (_auth, event: Event) => event.locals.owner === "" }, (_: Request) => new Response());
  // @ts-expect-error true or false, or a promise of it
  authorize({ can: (auth) => auth.login }, () => new Response());
}

// Requirements with `can` and other members, as a decorator or bound to a name.
{
  const owners = authorize({ roles: ["editor"], can: (auth, event: Event) => event.locals.owner === auth.login });
  expectTypeOf(owners((event, auth) => Response.json([event.params.slug, auth.login]))).toEqualTypeOf<
    (event: Event) => Promise<Response>
  >();
  authorize({ live: true, can: (auth, request) => request.url.endsWith(auth.login) })((request, auth) => {
    same<typeof request, Request>(true);
    same<typeof auth, Auth>(true);
    return new Response();
  });
  authorize({ optional: true, can: (auth) => auth.login !== "root" })((request, auth) => {
    same<typeof request, Request>(true);
    same<typeof auth, Auth | undefined>(true);
    return new Response();
  });
}

// Methods of a class.
class Articles {
  readonly #all = ["one"];

  @authorize
  list(_request: Request, auth: Auth) {
    return Response.json([this.#all, auth.login]);
  }

  @authorize({ roles: ["editor"] })
  async publish(_request: NextRequest, auth: Auth, _context: { id: string }) {
    return Response.json(auth.login);
  }

  @authorize({ optional: true })
  read(event: Event, auth: Auth | undefined): Response {
    return Response.json([event.params, auth?.login ?? null]);
  }

  @authorize({ can: (auth, { locals }: Event) => locals.owner === auth.login })
  edit(_event: Event, _auth: Auth) {
    return new Response();
  }

  @authorize({ optional: true, can: (auth, { locals }: Event) => locals.owner === auth.login })
  look(_event: Event, _auth: Auth | undefined) {
    return new Response();
  }

  @authorize({ live: true })
  static all(_request: Request, _auth: Auth) {
    return new Response();
  }

  // @ts-expect-error auth can be undefined
  @authorize({ optional: true })
  wrong(_request: Request, auth: Auth) {
    return Response.json(auth.login);
  }

  // @ts-expect-error a handler returns a Response
  @authorize
  silent(_request: Request, _auth: Auth) {}

  // @ts-expect-error it gets a request
  @authorize
  blind(_article: { title: string }, _auth: Auth) {
    return new Response();
  }

  // @ts-expect-error `can` is asked about an Event
  @authorize({ can: (auth, { locals }: Event) => locals.owner === auth.login })
  other(_request: Request, _auth: Auth) {
    return new Response();
  }

  // @ts-expect-error a field is no method
  @authorize
  field = 5;

  // @ts-expect-error a getter is no handler
  @authorize
  get size() {
    return 5;
  }

  plain() {
    return 5;
  }
}
// @ts-expect-error a class is no handler
@authorize
class Whole {}
void Whole;

// A decorated method as it is called.
{
  const articles = new Articles();
  expectTypeOf(toHandler(articles, "list")).toEqualTypeOf<(request: Request) => Promise<Response>>();
  expectTypeOf(toHandler(articles, "publish")).toEqualTypeOf<
    (request: NextRequest, context: { id: string }) => Promise<Response>
  >();
  expectTypeOf(toHandler(articles, "read")).toEqualTypeOf<(event: Event) => Promise<Response>>();
  expectTypeOf(toHandler(Articles, "all")).toEqualTypeOf<(request: Request) => Promise<Response>>();
  // @ts-expect-error no handler
  toHandler(articles, "plain");
  // @ts-expect-error no method
  toHandler(articles, "field");
  // @ts-expect-error no member
  toHandler(articles, "publsh");
}

// Nothing is `any`.
expectTypeOf(ampho.verifySync("")).toEqualTypeOf<Auth>();
expectTypeOf(ampho.verify("")).toEqualTypeOf<Promise<Auth>>();
expectTypeOf(ampho.verifySync("").claims["tenant"]).toEqualTypeOf<unknown>();
authorize({ can: (auth, request) => !same<typeof request, Request>(true) || auth.login !== "" }, (request, auth) => {
  expectTypeOf(request).not.toBeAny();
  expectTypeOf(auth).not.toBeAny();
  expectTypeOf(auth.claims["x"]).toEqualTypeOf<unknown>();
  return new Response();
});
