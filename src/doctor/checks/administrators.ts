// Administrators who can log in with a password alone.

import type { Configuration } from "../../config/configuration.js";
import { policyOf } from "../../levels/policy.js";
import type { Store } from "../../store/store.js";
import type { Finding } from "../finding.js";

const role = "admin";
const pageRows = 2000;

/** Only the policy of the role is looked at. `factor-policy` can set a weaker one for a single user. */
export async function checkAdministrators(
  store: Pick<Store, "listUsers">,
  { factors }: Pick<Configuration, "factors">,
): Promise<readonly Finding[]> {
  if (policyOf([role], factors) !== "optional" || !(await hasAdministrator(store))) return [];
  return [
    {
      severity: "note",
      check: "factors",
      message: `Users with the role ${role} can log in without a second factor.`,
      fix: `Set AMPHO_SECURITY_FACTORS={"${role}":"required"}. OWASP ASVS 5.0 V6.3.3 asks for a second factor.`,
    },
  ];
}

async function hasAdministrator(store: Pick<Store, "listUsers">): Promise<boolean> {
  let after: string | undefined;
  do {
    const page = await store.listUsers({ after, limit: pageRows });
    if (page.users.some(({ roles, disabled }) => !disabled && roles.includes(role))) return true;
    after = page.next;
  } while (after !== undefined);
  return false;
}
