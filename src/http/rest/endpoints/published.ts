// GET /.well-known/jwks.json and GET /openapi.json: public documents.
import { z } from "zod";
import type { Call } from "../route.js";
import type { OpenApiDocument } from "../schemas.js";

export const jwkSet = z
  .object({
    keys: z.array(z.looseObject({})).readonly().meta({ description: "The public keys as JWKs (RFC 7517 §4)." }),
  })
  .meta({ title: "JwkSet" });

export function publishKeys({ features }: Call<undefined, undefined>): z.input<typeof jwkSet> {
  return features.publicKeys();
}

export function publishDescription({ describe }: Call<undefined, undefined>): OpenApiDocument {
  return describe();
}
