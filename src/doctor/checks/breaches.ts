// The list of breached passwords, which is asked for one that every copy of it contains. While the list is wrong or down, new
// passwords are accepted without it.
import type { Configuration } from "../../config/configuration.js";
import { FetchFailure } from "../../outbound/bounded-fetch.js";
import { createBreachList } from "../../passwords/breach-list.js";
import type { Finding } from "../finding.js";

export async function checkBreachList({
  breachesUrl,
}: Pick<Configuration, "breachesUrl">): Promise<readonly Finding[]> {
  if (breachesUrl === undefined) return [];
  const problem = await findProblem(breachesUrl);
  if (problem === undefined) return [];
  const message = `The list of breached passwords is not in use, because ${problem}. New passwords are accepted without it.`;
  const fix =
    "Check AMPHO_SECURITY_BREACHES_URL. It names the place whose files or paths are five characters of a hash.";
  return [{ severity: "warning", check: "breaches", message, fix }];
}

async function findProblem(url: string): Promise<string | undefined> {
  try {
    return (await createBreachList(url).has("password")) ? undefined : "it does not contain the most common password";
  } catch (error) {
    if (error instanceof FetchFailure) return error.message;
    throw error;
  }
}
