// Adds the list of breached passwords to the policy (NIST SP 800-63B-4 §3.1.1.2, ASVS 6.2.12). The check fails open:
// while the list is unreachable, a new password is accepted, because an outage elsewhere must stop no user.
import type { BreachList } from "./breach-list.js";
import type { PasswordProblem } from "./hash.js";
import type { NewPasswordOf, PasswordPolicy } from "./policy.js";

export type BreachOutcome = "found" | "not_found" | "failed";

export interface BreachWatch {
  counted(outcome: BreachOutcome): void;
  failed(about: NewPasswordOf, reason: string): Promise<void>;
}

const breached: PasswordProblem = {
  reason: "breached",
  message: "This password is in a list of passwords from data leaks. Use a password that you use nowhere else.",
};

export const withBreachCheck = (policy: PasswordPolicy, list: BreachList, watch: BreachWatch): PasswordPolicy => ({
  async check(password, about) {
    const problem = await policy.check(password, about);
    if (problem !== undefined) return problem;
    let isBreached: boolean;
    try {
      isBreached = await list.has(password);
    } catch (error) {
      watch.counted("failed");
      await watch.failed(about, error instanceof Error ? error.message : "an error");
      return undefined;
    }
    watch.counted(isBreached ? "found" : "not_found");
    return isBreached ? breached : undefined;
  },
});
