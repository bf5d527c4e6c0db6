// The checker itself: it finds each planted fault by its name, and nothing in a history without one. The file is long because
// it is two tables: the allowed histories, and for each statement the histories that break it.
import { describe, expect, it } from "vitest";
import { checkHistory } from "./check.js";
import { type History, type Statement, statements } from "./history.js";
import {
  begin,
  changePassword,
  done,
  given,
  granted,
  logIn,
  type Made,
  make,
  move,
  ok,
  rejected,
  renew,
  startedAt,
  token,
  use,
} from "./made.js";

const namesOf = (history: History): readonly Statement[] => [
  ...new Set(checkHistory(history).map(({ statement }) => statement)),
];

/** A history to which `plant` is applied, with another session that behaves correctly. */
function planted(plant: (made: Made) => void): History {
  const made = make();
  begin(made, "good");
  move(made, "good", 0, 100);
  plant(made);
  return made.history();
}

/** A login within the session that creates its generation 2. */
function reauthenticate({ at, row }: Made, ms: number): void {
  at(ms, ms + 5, logIn("first", { bearer: token("good", 1) }), given("good", 2));
  row(ms, "reauthenticated", { sessionId: "good" });
}

function replace({ at, row }: Made, ms: number): void {
  at(ms, ms + 5, changePassword("good", "first", "second"), given("good", 2));
  row(ms, "password_changed");
}

const wrongGuess = (address: string) => logIn(`guess from ${address}`, { address });

/** So many wrong passwords with responses and rows, one after the other from `ms` on. */
function guesses({ at, row }: Made, count: number, ms: number, everyMs = 10): void {
  for (let n = 0; n < count; n++) {
    const address = `10.0.0.${n}`;
    at(ms + n * everyMs, ms + n * everyMs + 9, wrongGuess(address), rejected("invalid_credentials"));
    row(ms + n * everyMs, "login_rejected", { reason: "wrong_password", address });
  }
}

describe("histories without a fault", () => {
  const allowed: readonly (readonly [string, (made: Made) => void])[] = [
    ["nothing else", () => undefined],
    [
      "two renewals at once, of which one moves and both get the same",
      (made) => {
        begin(made, "s");
        made.at(100, 130, renew("s", 0), given("s", 1));
        made.at(100, 140, renew("s", 0), given("s", 1), "1.0");
        made.row(110, "renew", { sessionId: "s", gen: 0 });
        made.row(120, "renew_repeated", { sessionId: "s", gen: 0 });
      },
    ],
    [
      "a lost response, and an attempt with the same key a minute later",
      (made) => {
        begin(made, "s");
        made.at(100, 110, renew("s", 0, "k"), null);
        made.row(105, "renew", { sessionId: "s", gen: 0 });
        made.at(60_000, 60_010, renew("s", 0, "k"), given("s", 1));
        made.row(60_000, "renew_repeated", { sessionId: "s", gen: 0 });
      },
    ],
    [
      "a lost renewal that possibly arrived late, as a replay",
      (made) => {
        begin(made, "s");
        made.at(100, 110, renew("s", 0), null);
        move(made, "s", 0, 200);
        move(made, "s", 1, 300);
        made.row(400, "renew_replayed", { sessionId: "s", gen: 0 });
        made.at(500, 510, renew("s", 2), rejected("session_ended"));
        made.row(500, "renew_rejected", { sessionId: "s", gen: 2, reason: "ended" });
      },
    ],
    [
      "a lost logout that was done",
      (made) => {
        begin(made, "s");
        made.at(100, 110, use("logout", "s"), null);
        made.row(105, "logout", { sessionId: "s" });
        made.at(200, 210, use("guard", "s"), rejected("invalid_token"));
      },
    ],
    [
      "a lost logout that was not done",
      (made) => {
        begin(made, "s");
        made.at(100, 110, use("logout", "s"), null);
        made.at(20_000, 20_010, use("guard", "s"), ok);
      },
    ],
    [
      "a logout that is known elsewhere within a second",
      (made) => {
        begin(made, "s");
        made.at(100, 110, use("logout", "s"), done);
        made.row(105, "logout", { sessionId: "s" });
        made.at(1_100, 1_120, use("guard", "s"), ok, "1.0");
        made.at(1_200, 1_210, use("guard", "s"), rejected("invalid_token"), "1.0");
      },
    ],
    [
      "two logouts of one session at once, and one end",
      (made) => {
        begin(made, "s");
        made.at(100, 130, use("logout", "s"), done);
        made.at(100, 140, use("logout", "s"), done, "1.0");
        made.row(105, "logout", { sessionId: "s" });
        made.at(150, 160, use("guard", "s"), ok, "1.0");
      },
    ],
    [
      "a replay by a thief, which ends the owner's session",
      (made) => {
        begin(made, "s");
        move(made, "s", 0, 100);
        move(made, "s", 1, 200);
        made.at(300, 310, renew("s", 0), rejected("session_ended"));
        made.row(300, "renew_replayed", { sessionId: "s", gen: 0 });
        made.at(400, 410, use("guard", "s", 2), rejected("invalid_token"));
      },
    ],
    [
      "a password that changes during an attempt with the old one",
      (made) => {
        begin(made, "s");
        made.at(100, 200, changePassword("s", "first", "second"), ok);
        made.row(150, "password_changed");
        made.at(110, 190, logIn("first"), rejected("invalid_credentials"));
        made.row(150, "login_rejected", { reason: "password_changed", address: "192.0.2.1" });
        made.row(150, "session_ended", { sessionId: "good", reason: "password_changed" });
      },
    ],
    [
      "a user who is disabled while they sign in, and enabled again",
      (made) => {
        made.at(100, 200, { kind: "disable", login: "ann" }, ok, "operator");
        made.row(150, "user_disabled");
        made.row(150, "session_ended", { sessionId: "good", reason: "user_disabled" });
        made.at(110, 190, logIn(), given("s", 0));
        made.row(120, "login", { sessionId: "s" });
        made.at(300, 310, { kind: "enable", login: "ann" }, ok, "operator");
        made.row(300, "user_enabled");
        begin(made, "t", 305);
      },
    ],
    [
      "five wrong guesses, rejections of the others, and one more guess a minute later",
      (made) => {
        guesses(made, 5, 1_000);
        made.at(1_100, 1_110, wrongGuess("10.0.0.9"), rejected("too_many_attempts", 429));
        guesses(made, 1, 62_000);
      },
    ],
    [
      "a login from a known device while the attempts of strangers are rejected",
      (made) => {
        guesses(made, 5, 1_000);
        made.at(1_100, 1_110, logIn("first", { device: { place: "p", password: "first" } }), given("s", 0));
        made.row(1_100, "login", { sessionId: "s" });
      },
    ],
    [
      "a token whose role was removed",
      (made) => {
        made.at(200, 210, { kind: "roles", login: "ann", add: [], remove: ["reader"] }, ok, "operator");
        made.row(200, "roles_changed");
        made.at(900, 910, use("guard", "good"), rejected("invalid_token"));
      },
    ],
    [
      "a token from before a re-authentication that is rejected within 10 s, and the session goes on",
      (made) => {
        reauthenticate(made, 200);
        for (const ms of [205, 9_000]) {
          made.at(ms, ms + 10, renew("good", 1, "key"), rejected("session_ended"));
          made.row(ms, "renew_rejected", { sessionId: "good", gen: 1, reason: "reauthenticated" });
        }
        move(made, "good", 2, 9_500);
      },
    ],
    [
      "a token from before a re-authentication that ends the session after 10 s",
      (made) => {
        reauthenticate(made, 200);
        made.at(13_000, 13_010, renew("good", 1), rejected("session_ended"));
        made.row(13_000, "renew_replayed", { sessionId: "good", gen: 1 });
      },
    ],
    [
      "a token from before a changed password that is rejected within 10 s, and the session goes on",
      (made) => {
        replace(made, 200);
        made.at(205, 215, renew("good", 1), rejected("session_ended"));
        made.row(205, "renew_rejected", { sessionId: "good", gen: 1, reason: "reauthenticated" });
        made.at(220, 230, use("guard", "good", 1), rejected("invalid_token"));
        move(made, "good", 2, 9_500);
        made.at(9_600, 9_610, use("guard", "good", 3), ok);
      },
    ],
    [
      "a token that has expired",
      (made) => void made.at(970_000, 970_010, use("guard", "good"), rejected("invalid_token")),
    ],
    ["an unreachable database", (made) => void made.at(200, 210, use("list", "good"), rejected("unavailable", 503))],
  ];

  it.each(allowed)("the checker accepts %s", (_, plant) => {
    expect(checkHistory(planted(plant))).toEqual([]);
  });
});

describe("planted faults", () => {
  const faults: readonly (readonly [Statement, string, (made: Made) => void])[] = [
    [
      "wrong_successor",
      "a renewal that skips a generation",
      (made) => {
        made.at(200, 210, renew("good", 1), given("good", 3));
        made.row(200, "renew", { sessionId: "good", gen: 1 });
      },
    ],
    [
      "wrong_successor",
      "a renewal that gives another session's token",
      (made) => {
        begin(made, "s", 150);
        made.at(200, 210, renew("good", 1), given("s", 2));
        made.row(200, "renew", { sessionId: "good", gen: 1 });
      },
    ],
    ["two_successors", "one generation moved on twice", (made) => move(made, "good", 0, 105)],
    [
      "responses_disagree",
      "two successors of one generation that differ",
      (made) => {
        const other = { ...granted("good", 1), refreshExpires: startedAt + 1 };
        made.at(110, 120, renew("good", 0), { status: 200, granted: other });
        made.row(110, "renew_repeated", { sessionId: "good", gen: 0 });
      },
    ],
    [
      "old_generation_renewed",
      "a replay that returns tokens",
      (made) => {
        move(made, "good", 1, 200);
        move(made, "good", 0, 300, "renew_repeated");
      },
    ],
    [
      "renewed_past_login",
      "a renewal within 10 s of a re-authentication by a token from before it",
      (made) => {
        reauthenticate(made, 200);
        move(made, "good", 1, 300, "renew_repeated");
      },
    ],
    [
      "renewed_past_login",
      "a renewal within 10 s of a changed password by a token from before it",
      (made) => {
        replace(made, 200);
        move(made, "good", 1, 300, "renew_repeated");
      },
    ],
    [
      "logged_out_without_cause",
      "a token of a changed password that is rejected",
      (made) => {
        replace(made, 200);
        made.at(300, 310, use("guard", "good", 2), rejected("invalid_token"));
      },
    ],
    ["grace_exceeded", "a renewal after the grace", (made) => move(made, "good", 0, 12_000, "renew_repeated")],
    [
      "grace_exceeded",
      "a renewal after the grace with another key",
      (made) => {
        made.at(12_000, 12_010, renew("good", 0, "another"), given("good", 1));
        made.row(12_000, "renew_repeated", { sessionId: "good", gen: 0 });
      },
    ],
    [
      "accepted_after_end",
      "a token that another process accepts 1001 ms after the logout",
      (made) => {
        made.at(200, 210, use("logout", "good"), done);
        made.row(200, "logout", { sessionId: "good" });
        made.at(1_211, 1_220, use("guard", "good"), ok, "1.0");
      },
    ],
    [
      "accepted_after_end",
      "a token that the process of the logout accepts at once",
      (made) => {
        made.at(200, 210, use("logout", "good"), done);
        made.row(200, "logout", { sessionId: "good" });
        made.at(211, 220, use("guard", "good"), ok);
      },
    ],
    [
      "accepted_after_end",
      "a token of a disabled user",
      (made) => {
        made.at(200, 210, { kind: "disable", login: "ann" }, ok, "operator");
        made.row(200, "user_disabled");
        made.row(200, "session_ended", { sessionId: "good", reason: "user_disabled" });
        made.at(1_500, 1_510, use("guard", "good"), ok);
      },
    ],
    [
      "accepted_after_end",
      "another session, after a new password",
      (made) => {
        begin(made, "s", 150);
        made.at(200, 210, changePassword("s", "first", "second"), ok);
        made.row(200, "password_changed");
        made.row(200, "session_ended", { sessionId: "good", reason: "password_changed" });
        made.at(1_500, 1_510, use("guard", "good"), ok, "1.0");
      },
    ],
    [
      "role_accepted_after_removal",
      "a role that was removed",
      (made) => {
        made.at(200, 210, { kind: "roles", login: "ann", add: [], remove: ["reader"] }, ok, "operator");
        made.row(200, "roles_changed");
        made.at(1_500, 1_510, use("guard", "good"), ok);
      },
    ],
    [
      "done_after_end",
      "a renewal after the logout",
      (made) => {
        made.at(200, 210, use("logout", "good"), done);
        made.row(200, "logout", { sessionId: "good" });
        move(made, "good", 1, 300);
      },
    ],
    [
      "listed_after_end",
      "a session that has ended in a list",
      (made) => {
        begin(made, "s", 150);
        made.at(200, 210, use("logout", "good"), done);
        made.row(200, "logout", { sessionId: "good" });
        made.at(300, 310, use("list", "s"), { status: 200, sessions: ["s", "good"] });
      },
    ],
    [
      "login_while_disabled",
      "a login while disabled",
      (made) => {
        made.at(200, 210, { kind: "disable", login: "ann" }, ok, "operator");
        made.row(200, "user_disabled");
        made.row(200, "session_ended", { sessionId: "good", reason: "user_disabled" });
        begin(made, "s", 300);
      },
    ],
    [
      "login_with_wrong_password",
      "a password that was never set",
      (made) => {
        made.at(200, 210, logIn("a guess"), given("s", 0));
        made.row(200, "login", { sessionId: "s" });
      },
    ],
    [
      "login_with_wrong_password",
      "the previous password",
      (made) => {
        made.at(200, 210, changePassword("good", "first", "second"), ok);
        made.row(200, "password_changed");
        begin(made, "s", 300);
      },
    ],
    [
      "logged_out_without_cause",
      "a renewal that is rejected without a reason",
      (made) => {
        made.at(200, 210, renew("good", 1), rejected("session_ended"));
        made.row(200, "renew_rejected", { sessionId: "good", gen: 1, reason: "ended" });
      },
    ],
    [
      "logged_out_without_cause",
      "a token that is rejected before any logout",
      (made) => {
        made.at(200, 210, use("guard", "good"), rejected("invalid_token"), "1.0");
        made.at(300, 310, use("logout", "good"), done);
        made.row(300, "logout", { sessionId: "good" });
      },
    ],
    [
      "rejected_without_cause",
      "a rejection of the right password",
      (made) => {
        made.at(200, 210, logIn(), rejected("invalid_credentials"));
        made.row(200, "login_rejected", { address: "192.0.2.1" });
      },
    ],
    [
      "ended_without_cause",
      "a session that ended as superseded without a request",
      (made) => void made.row(200, "session_ended", { sessionId: "good", reason: "password_changed" }),
    ],
    ["not_recorded", "a login that is not in the log", (made) => void made.at(200, 210, logIn(), given("s", 0))],
    ["not_recorded", "a logout that is not in the log", (made) => void made.at(200, 210, use("logout", "good"), done)],
    [
      "recorded_too_often",
      "a login that is in the log twice",
      (made) => void made.row(200, "login", { sessionId: "good" }),
    ],
    [
      "recorded_too_often",
      "a session that ended twice",
      (made) => {
        made.at(200, 210, use("logout", "good"), done);
        made.row(200, "logout", { sessionId: "good" });
        made.row(201, "logout", { sessionId: "good" });
      },
    ],
    ["too_many_guesses", "a sixth guess within the minute", (made) => guesses(made, 6, 1_000)],
    [
      "too_many_guesses",
      "a sixth guess that only the log contains",
      (made) => {
        guesses(made, 5, 1_000);
        made.at(1_100, 1_110, wrongGuess("10.0.0.8"), null);
        made.row(1_100, "login_rejected", { address: "10.0.0.8" });
      },
    ],
    [
      "too_many_guesses",
      "a seventh guess before two minutes have passed",
      (made) => {
        guesses(made, 5, 1_000);
        guesses(made, 1, 62_000);
        guesses(made, 1, 130_000);
      },
    ],
    [
      "too_many_guesses",
      "a twenty-first login from one address",
      (made) => {
        for (let n = 0; n < 21; n++) {
          const request = { kind: "login", login: `nobody-${n}`, password: "a guess", address: "10.0.0.1" } as const;
          made.at(n * 10, n * 10 + 5, request, rejected("invalid_credentials"));
        }
      },
    ],
    [
      "too_many_guesses",
      "an eleventh guess at the old password in one session",
      (made) => {
        for (let n = 0; n < 11; n++) {
          made.at(
            200 + n * 10,
            205 + n * 10,
            changePassword("good", `guess ${n}`, "mine"),
            rejected("invalid_credentials"),
          );
          made.row(200 + n * 10, "password_change_rejected");
        }
      },
    ],
    [
      "accepted_beyond_limit",
      "the right password after five wrong ones",
      (made) => {
        guesses(made, 5, 1_000);
        made.at(1_100, 1_110, logIn("first", { address: "10.0.1.1" }), given("s", 0));
        made.row(1_100, "login", { sessionId: "s" });
      },
    ],
    [
      "rejected_too_early",
      "a guess that is rejected after three",
      (made) => {
        guesses(made, 3, 1_000);
        made.at(1_100, 1_110, wrongGuess("10.0.0.9"), rejected("too_many_attempts", 429));
      },
    ],
    [
      "known_device_rejected",
      "a rejection of the owner on a known device",
      (made) => {
        guesses(made, 5, 1_000);
        const device = { place: "home", password: "first" };
        made.at(1_100, 1_110, logIn("first", { device }), rejected("too_many_attempts", 429));
      },
    ],
    [
      "unexpected_response",
      "a bug",
      (made) => void made.at(200, 210, use("guard", "good"), rejected("internal_error", 500)),
    ],
  ];

  it.each(faults)("the checker reports %s for %s", (statement, _, plant) => {
    expect(namesOf(planted(plant))).toEqual([statement]);
  });

  it("the table of faults covers each statement", () => {
    expect(new Set(faults.map(([statement]) => statement))).toEqual(new Set(Object.keys(statements)));
  });

  it("a violation names the operations that prove it", () => {
    const made = make();
    begin(made, "s");
    const ending = made.at(100, 110, use("logout", "s"), done);
    made.row(100, "logout", { sessionId: "s" });
    const accepted = made.at(1_200, 1_210, use("guard", "s"), ok, "1.0");
    expect(checkHistory(made.history())).toMatchObject([
      { statement: "accepted_after_end", operations: [ending, accepted] },
    ]);
  });
});
