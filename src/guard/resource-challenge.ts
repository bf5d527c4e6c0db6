// Leads the client of a rejected request to the metadata of the resource that the route names (RFC 9728 §5).
import { AmphoError } from "../errors.js";
import { metadataUrlOf, type Resource, type ResourceChallenge } from "../resources.js";
import type { Guard } from "./guard.js";
import { anyResource, unknownResource } from "./requirement-rows.js";

/** Returns the guard, whose errors say where the metadata of the resource of the route is. */
export function challengeForResources(guard: Guard["guard"], resources: readonly Resource[]): Guard["guard"] {
  return (authorization, requirements, request) => {
    const name = requirements?.resource;
    if (requirements === undefined || name === undefined || name === anyResource)
      return guard(authorization, requirements, request);
    const resource = resources.find((one) => one.resource === name);
    // A lazy instance does not know its resources where the requirement is written.
    if (resource === undefined) throw unknownResource(name, resources);
    const challenge = { metadata: metadataUrlOf(name), scopes: requirements.scopes ?? resource.scopes };
    try {
      const auth = guard(authorization, requirements, request);
      if (!(auth instanceof Promise)) return auth;
      return auth.catch((error: unknown) => {
        throw withChallenge(error, challenge);
      });
    } catch (error) {
      throw withChallenge(error, challenge);
    }
  };
}

function withChallenge(error: unknown, resource: ResourceChallenge): unknown {
  if (!(error instanceof AmphoError)) return error;
  return new AmphoError(error.code, error.message, { ...error.details, resource }, { cause: error });
}
