// Service accounts that can do nothing.
import type { Configuration } from "../../config/configuration.js";
import type { Store } from "../../store/store.js";
import { type Finding, warning } from "../finding.js";

export async function checkServices(
  store: Pick<Store, "listServices">,
  { tokenEndpoint }: Pick<Configuration, "tokenEndpoint">,
): Promise<readonly Finding[]> {
  const services = (await store.listServices()).filter(({ disabled }) => !disabled);
  const empty = services.filter(({ scopes }) => scopes.length === 0).map(({ name }) => name);
  const findings: Finding[] = [];
  if (empty.length > 0)
    findings.push(
      warning(
        "services",
        `These service accounts have no scope, so they can do nothing: ${empty.join(", ")}.`,
        "Give them scopes with `ampho service-scopes`, or delete them with `ampho service-delete`.",
      ),
    );
  if (services.length > 0 && !tokenEndpoint)
    findings.push(
      warning(
        "services",
        "There are service accounts, and AMPHO_SECURITY_TOKEN_ENDPOINT is false. They get no access tokens.",
        "Set AMPHO_SECURITY_TOKEN_ENDPOINT=true, or delete them with `ampho service-delete`.",
      ),
    );
  return findings;
}
