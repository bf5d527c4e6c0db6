// GET /.well-known/jwks.json and GET /openapi.json: what anyone may read.
import type { z } from "zod";
import type { Call } from "../route.js";
import type { jwkSet, OpenApiDocument } from "../schemas.js";

export function publishKeys({ features }: Call<undefined, undefined>): z.input<typeof jwkSet> {
  return features.publicKeys();
}

export function publishDescription({ describe }: Call<undefined, undefined>): OpenApiDocument {
  return describe();
}
