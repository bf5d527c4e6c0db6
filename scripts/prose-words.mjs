// The dictionary of the prose linter: a row gives a pattern and what to write instead. A pattern matches whole words in any case, unless
// it is a RegExp. `in` limits a row to kinds of text: page, comment, message and title. Code spans are never matched.
// Words with a technical meaning (try, hold, place, part) stand here only in forms that cannot be that meaning.

/** @type {readonly { pattern: string | RegExp, write: string, in?: readonly string[] }[]} */
export const words = [
  // Actors. Name the client, the user, the attacker, the operator, the process.
  { pattern: "whoever|whomever|whosoever", write: "the actor" },
  { pattern: "somebody|nobody|anybody|someone|anyone|no one|somebody's|nobody's|anybody's", write: "the actor" },
  { pattern: "oneself|one's own|one's", write: "its, their or the actor's" },
  { pattern: "such an?", write: "the name of the thing" },
  {
    pattern: /(?:^|[.!] +)(?:Who|What|Whose)\b(?![^.!?]*\?)/,
    write: "a sentence with a subject",
    in: ["comment", "message", "page"],
  },
  { pattern: /^(?:Of|Whether|For whom|From whom)\b(?![^.!?]*\?)/, write: "a sentence with a subject", in: ["comment"] },
  // Verbs.
  { pattern: "may", write: "can, might or must" },
  { pattern: "refuse|refuses|refused|refusing|refusal|refusals", write: "reject, rejected, rejection" },
  {
    pattern: /(?<!questions? and )\b(?:answer|answers|answered|answering)\b/i,
    write: "return, respond, response",
  },
  {
    pattern: "let(?:s|ting)?(?: it| them)? in|shuts?(?: \\w+)? out|shutting(?: \\w+)? out",
    write: "accept, allow, reject",
  },
  { pattern: "admit|admits|admitted|admitting", write: "accept, allow" },
  { pattern: "mend|mends|mended|mending", write: "fix" },
  { pattern: "tell|tells|told|telling", write: "log, report, notify, distinguish" },
  { pattern: "says", write: "states, reports, shows" },
  { pattern: "h(?:old|olds|eld|olding) (?:back|up)", write: "delay, block" },
  { pattern: "resting", write: "idle, waiting" },
  { pattern: "draining", write: "graceful shutdown" },
  { pattern: "withdraw|withdraws|withdrawn|withdrawing|withdrawal|withdrew", write: "revoke" },
  { pattern: "(?:put|puts|putting|take|takes|taken|taking|took)(?: it| them)? away", write: "end, revoke, remove" },
  {
    pattern: "(?:users?|keys?|sessions?|accounts?|tokens?|logins?) (?:is|are|was|were|be|been) made",
    write: "created",
  },
  {
    pattern: "(?:makes?|made|making) (?:an? |the |its |new |another )?(?:users?|keys?|sessions?|accounts?|tokens?)",
    write: "create, created",
  },
  {
    pattern: "remov(?:e|es|ed|ing) (?:an? |the |its |this |every )?(?:users?|sessions?|accounts?)",
    write: "delete, deleted",
  },
  // One meaning a word: a user signs in with a login name, from an IP address, with a user agent.
  {
    pattern: "log(?:s|ged|ging)? in(?! (?:the|a|an|json|text|its|one|both)\\b)",
    write: "sign in",
    in: ["page", "message"],
  },
  { pattern: "log(?:s|ged|ging)? out", write: "sign out", in: ["page", "message"] },
  {
    pattern: "logins? of (?:the|a|an|each|this|another) (?:user|account)",
    write: "login name",
    in: ["page", "message"],
  },
  { pattern: "(?:client|proxy)(?:'s)? address(?:es)?", write: "IP address", in: ["page", "message"] },
  { pattern: "address(?:es)?,? (?:and )?programs?", write: "IP address and user agent", in: ["page", "message"] },
  {
    pattern: "used transactions?|device proofs and transactions",
    write: "login transaction",
    in: ["page", "message"],
  },
  // Phrases.
  { pattern: "anew", write: "again" },
  { pattern: "all the same", write: "still" },
  { pattern: "lest", write: "so that … not" },
  { pattern: "(?:is|are|was|were|be|been|being|goes|go|went|gone|stays|while) away", write: "unreachable, down" },
  { pattern: /(?<!docs\/reference\/)\bcontract(?:\.md)? §/, write: "docs/reference/contract.md §" },
  { pattern: /\barchitecture "/, write: "ARCHITECTURE.md" },
  { pattern: "known places?", write: "known device" },
  { pattern: "counting (?:of )?guesses|guesses are counted|counts guesses", write: "rate limiting or throttling" },
  { pattern: "standstills?", write: "process pause" },
  { pattern: "tarpits?", write: "delayed rejection" },
  {
    pattern:
      "(?:a|an|the|each|every|any|no|first|second|third|next|last|one|two|three|five|ten|\\d+|wrong|failed|further|more|many|several|few|another) (?:try|tries)(?! to\\b)(?! again)",
    write: "attempt",
  },
  {
    pattern: "(?:a|an|its|their|these|those|whose|given|with|without|other) needs?(?! to\\b)(?! for\\b)",
    write: "requirements",
  },
  { pattern: "purposes? of the store|store's purposes?|(?:a|per|each|every) purpose", write: "operation" },
  {
    pattern:
      "(?:the|a|an|each|every|both|one|its|this|which|another|two|same|any|no|whose|other|of|in|from) stores?(?! (?:and|or) )",
    write: "database (`Store` is the interface in the code)",
    in: ["page", "message"],
  },
];

/** Words that no name in the code has. Names with an underscore belong to docs/reference/contract.md. */
export const nameWords = [
  { pattern: /^(?:whoever|somebody|nobody|anybody|someone|anyone)$/, write: "the actor" },
  { pattern: /^(?:answers?|answered|answering)$/, write: "return, respond, response" },
  { pattern: /^(?:refuses?|refused|refusing|admit|admits|admitted|admitting)$/, write: "accept, allow, reject" },
  { pattern: /^(?:mend|mends|mended|mending)$/, write: "fix" },
  { pattern: /^(?:tell|tells|told|telling)$/, write: "log, report, notify" },
  { pattern: /^(?:anew|withdraw|withdraws|withdrawn|standstill|tarpit)$/, write: "the word of the field" },
];

/** The first word of a test title. A title is a sentence: it begins with its subject, or with a clause of time or condition. */
export const titleStarts = {
  verbs:
    "accepts adds admits end hold count cost start give take make keep let agrees allows announces appears applies asks answers authorizes awaits becomes begins believes blames blocks breaks builds calls cannot can " +
    "catches causes changes checks chooses cleans clears closes comes compares compiles computes conceals configures contains copies costs " +
    "counts covers creates cuts decides declares decodes defaults delays deletes depends describes detects did differs disables does do doubles drops " +
    "encodes ends enters escapes exits expires explains exports expects fails falls fetches fills finds finishes fits follows forgets forgives formats gets gives goes " +
    "greets guards had handles hands hangs has have hears hides holds honours ignores imports includes infers inserts installs is are was were " +
    "judges keeps knows lacks lasts leads leaves lets limits links lists listens loads locks logs looks loses lowers makes marks masks matches " +
    "means measures mentions misses moves must names need needs never normalizes normalises notes offers omits opens outlives overrides parses passes pays picks points prefers " +
    "prepares prints produces promises proves publishes pushes puts raises rates reaches reacts reads reads receives recognizes records recovers reduces " +
    "refuses registers rejects releases reloads remains remembers removes renews repeats replaces replies reports requires resists resolves responds rests restores " +
    "returns reuses revokes rounds runs says scores sees sends serves sets settles sheds shows shuts skips sorts spends splits stands starts states stays stops " +
    "stores streams strips stretches suggests survives swallows switches takes tells tests throttles throws times tolerates treats trims tries trusts turns types " +
    "understands updates uses validates verifies waits wakes walks wants warns weighs withdraws works would writes yields may might should will",
  others:
    "of with without for and or nor but by from to at on in into over under behind beside between among through than that whatever whichever whose who whom " +
    "what which so as also again back not because",
};
