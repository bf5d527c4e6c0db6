// The order in which waiting jobs get their turn. Keys take turns, however many jobs one of them has (fair queuing,
// RFC 970). Jobs of the first class go first, but never all the time.

/** One class: the jobs of each key, in the order of the turns of the keys. */
type Lanes<Job> = Map<string, Job[]>;

export interface PasswordQueue<Job> {
  readonly size: number;
  /** How many waiting jobs get their turn before one that is added now. */
  ahead(key: string, priority: boolean): number;
  add(job: Job, key: string, priority: boolean): void;
  take(): Job | undefined;
  remove(job: Job): void;
  /** Takes the newest job of the key with the most, if that key has more than `key` and is of no better class. */
  displace(key: string, priority: boolean): Job | undefined;
  clear(): readonly Job[];
}

// One of this many turns in a row is for the second class, if a job waits there.
const turnsOfBothClasses = 4;

export function createPasswordQueue<Job>(): PasswordQueue<Job> {
  const first: Lanes<Job> = new Map();
  const second: Lanes<Job> = new Map();
  const both = [first, second];
  let turns = 0;

  const of = (priority: boolean): Lanes<Job> => (priority ? first : second);
  const count = (lanes: Lanes<Job>): number => [...lanes.values()].reduce((sum, jobs) => sum + jobs.length, 0);

  function takeFrom(lanes: Lanes<Job>): Job | undefined {
    for (const [key, jobs] of lanes) {
      const job = jobs.shift();
      // Behind the others until its next turn.
      lanes.delete(key);
      if (jobs.length > 0) lanes.set(key, jobs);
      return job;
    }
    return undefined;
  }

  /** Counts for each other key the jobs that come before the new job's turn. */
  function aheadIn(lanes: Lanes<Job>, key: string): number {
    const own = lanes.get(key)?.length ?? 0;
    let ahead = own;
    for (const [other, jobs] of lanes) if (other !== key) ahead += Math.min(jobs.length, own + 1);
    return ahead;
  }

  return {
    get size() {
      return count(first) + count(second);
    },
    ahead(key, priority) {
      const same = aheadIn(of(priority), key);
      if (priority) return same + Math.min(count(second), Math.floor(same / (turnsOfBothClasses - 1)));
      return same + Math.min(count(first), (same + 1) * (turnsOfBothClasses - 1));
    },
    add(job, key, priority) {
      const jobs = of(priority).get(key);
      if (jobs === undefined) of(priority).set(key, [job]);
      else jobs.push(job);
    },
    take() {
      turns = (turns + 1) % turnsOfBothClasses;
      return turns === 0 ? (takeFrom(second) ?? takeFrom(first)) : (takeFrom(first) ?? takeFrom(second));
    },
    remove(job) {
      for (const lanes of both)
        for (const [key, jobs] of lanes) {
          if (!jobs.includes(job)) continue;
          jobs.splice(jobs.indexOf(job), 1);
          if (jobs.length === 0) lanes.delete(key);
        }
    },
    displace(key, priority) {
      const own = of(priority).get(key)?.length ?? 0;
      for (const lanes of priority ? [second, first] : [second]) {
        let [longest, most]: [string, Job[]] = ["", []];
        for (const [other, jobs] of lanes) if (jobs.length > most.length) [longest, most] = [other, jobs];
        // A better class can displace any job of the other one. Within a class, only a key with more jobs gives way.
        if (most.length === 0 || (lanes === of(priority) && most.length <= own + 1)) continue;
        const job = most.pop();
        if (most.length === 0) lanes.delete(longest);
        return job;
      }
      return undefined;
    },
    clear() {
      const all = both.flatMap((lanes) => [...lanes.values()].flat());
      for (const lanes of both) lanes.clear();
      return all as Job[];
    },
  };
}
