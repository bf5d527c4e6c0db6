import { createVerifier } from "ampho/verify";

// The first request creates it, because it knows `env`. The keys are fetched once.
let hello: ((request: Request) => Promise<Response>) | undefined;

export default {
  fetch(request: Request, env: { readonly JWKS_URL: string }): Promise<Response> {
    hello ??= createVerifier({ jwksUrl: env.JWKS_URL }).authorize(
      (_request, auth) => new Response(`Hello ${auth.login}`),
    );
    return hello(request);
  },
};
