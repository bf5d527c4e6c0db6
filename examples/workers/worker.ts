import { createVerifier } from "ampho/verify";

// Made by the first request, which knows `env`; the keys are fetched once for all that follow.
let hello: ((request: Request) => Promise<Response>) | undefined;

export default {
  fetch(request: Request, env: { readonly JWKS_URL: string }): Promise<Response> {
    hello ??= createVerifier({ jwksUrl: env.JWKS_URL }).authorize(
      (_request, auth) => new Response(`Hello ${auth.login}`),
    );
    return hello(request);
  },
};
