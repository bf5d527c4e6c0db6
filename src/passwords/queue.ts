// The order in which waiting jobs get their turn. Keys take turns, however many jobs one of them has (fair queuing,
// RFC 970). Jobs of the first class go first, but never all the time.

interface Lane<Job> {
  readonly key: string;
  readonly jobs: Job[];
}

/** One class: its keys in the order of their turns. */
type Lanes<Job> = Map<string, Lane<Job>>;

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
  let size = 0;
  let turns = 0;

  const of = (priority: boolean): Lanes<Job> => (priority ? first : second);

  function takeFrom(lanes: Lanes<Job>): Job | undefined {
    for (const [key, lane] of lanes) {
      const job = lane.jobs.shift();
      // Behind the others until its next turn.
      lanes.delete(key);
      if (lane.jobs.length > 0) lanes.set(key, lane);
      return job;
    }
    return undefined;
  }

  /** Counts for each other key the jobs that come before the new job's turn. */
  function aheadIn(lanes: Lanes<Job>, key: string): number {
    const own = lanes.get(key)?.jobs.length ?? 0;
    let count = own;
    for (const lane of lanes.values()) if (lane.key !== key) count += Math.min(lane.jobs.length, own + 1);
    return count;
  }

  return {
    get size() {
      return size;
    },

    ahead(key, priority) {
      const same = aheadIn(of(priority), key);
      if (priority) return same + Math.min(count(second), Math.floor(same / (turnsOfBothClasses - 1)));
      return same + Math.min(count(first), (same + 1) * (turnsOfBothClasses - 1));
    },

    add(job, key, priority) {
      const lanes = of(priority);
      const lane = lanes.get(key);
      if (lane === undefined) lanes.set(key, { key, jobs: [job] });
      else lane.jobs.push(job);
      size += 1;
    },

    take() {
      turns = (turns + 1) % turnsOfBothClasses;
      const order = turns === 0 ? [second, first] : [first, second];
      for (const lanes of order) {
        const job = takeFrom(lanes);
        if (job === undefined) continue;
        size -= 1;
        return job;
      }
      return undefined;
    },

    remove(job) {
      for (const lanes of [first, second])
        for (const [key, lane] of lanes) {
          const at = lane.jobs.indexOf(job);
          if (at < 0) continue;
          lane.jobs.splice(at, 1);
          if (lane.jobs.length === 0) lanes.delete(key);
          size -= 1;
          return;
        }
    },

    displace(key, priority) {
      const own = of(priority).get(key)?.jobs.length ?? 0;
      for (const lanes of priority ? [second, first] : [second]) {
        const longest = [...lanes.values()].reduce<Lane<Job> | undefined>(
          (most, lane) => (lane.jobs.length > (most?.jobs.length ?? 0) ? lane : most),
          undefined,
        );
        // A better class can displace any job of the other one. Within a class, only a key with more jobs gives way.
        if (longest === undefined || (lanes === of(priority) && longest.jobs.length <= own + 1)) continue;
        const job = longest.jobs.pop();
        if (longest.jobs.length === 0) lanes.delete(longest.key);
        size -= 1;
        return job;
      }
      return undefined;
    },

    clear() {
      const all = [first, second].flatMap((lanes) => [...lanes.values()].flatMap((lane) => lane.jobs));
      first.clear();
      second.clear();
      size = 0;
      return all;
    },
  };

  function count(lanes: Lanes<Job>): number {
    let jobs = 0;
    for (const lane of lanes.values()) jobs += lane.jobs.length;
    return jobs;
  }
}
