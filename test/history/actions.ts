// The requests that clients can send to a process, as they go over the wire and as they are recorded.
import type { Member } from "./fleet.js";
import type { Proof, Token } from "./history.js";
import { type Held, type Recorder, type Reported, viewOf } from "./recorder.js";

/** The client and its address. */
export interface Sender {
  readonly client: string;
  /** As a proxy in front of the fleet reports it. */
  readonly address: string;
}

export interface Secret {
  /** As it is recorded. */
  readonly name: string;
  readonly text: string;
}

export interface Device {
  readonly proof: Proof;
  readonly text: string;
}

const from = ({ address, client }: Sender) => ({ "x-forwarded-for": address, "user-agent": client });
const bearer = (held: Pick<Held, "token">) => ({ authorization: `Bearer ${held.token}` });

export interface Entry {
  readonly login: string;
  readonly password: Secret;
  readonly device?: Device | undefined;
  readonly bearer?: Held | undefined;
}

export interface Renewing {
  readonly by: "refresh_token" | "access_token";
  readonly key?: Secret | undefined;
  readonly cutAfterMs?: number | undefined;
}

export interface Actions {
  logIn(sender: Sender, member: Member, entry: Entry): Promise<Reported>;
  renew(sender: Sender, member: Member, held: Held, renewing: Renewing): Promise<Reported>;
  use(sender: Sender, member: Member, held: Held, kind: "guard" | "list" | "logout" | "end"): Promise<Reported>;
  changePassword(sender: Sender, member: Member, held: Held, old: Secret, next: Secret): Promise<Reported>;
}

const routes = {
  guard: { method: "GET", path: "/session" },
  list: { method: "GET", path: "/sessions" },
  logout: { method: "POST", path: "/logout" },
  end: { method: "DELETE", path: "/sessions" },
} as const;

export function createActions(recorder: Recorder): Actions {
  return {
    logIn(sender, member, { login, password, device, bearer: live }) {
      const token: Token | undefined = live && viewOf(live);
      return recorder.send(
        sender.client,
        member,
        {
          kind: "login",
          login,
          password: password.name,
          address: sender.address,
          device: device?.proof,
          bearer: token,
        },
        {
          method: "POST",
          path: "/login",
          headers: { ...from(sender), ...(live === undefined ? {} : bearer(live)) },
          body: { login, password: password.text, ...(device === undefined ? {} : { device: device.text }) },
        },
      );
    },

    renew(sender, member, held, { by, key, cutAfterMs }) {
      const { login, sid, gen, exp } = held;
      const byToken = by === "access_token";
      return recorder.send(
        sender.client,
        member,
        { kind: "renew", login, sid, gen, by, exp: byToken ? exp : undefined, key: key?.name },
        {
          method: "POST",
          path: "/renew",
          headers: {
            ...from(sender),
            ...(key === undefined ? {} : { "idempotency-key": key.text }),
            ...(byToken ? bearer(held) : {}),
          },
          ...(byToken ? {} : { body: { refresh_token: held.refreshToken } }),
        },
        cutAfterMs,
      );
    },

    use(sender, member, held, kind) {
      const request = { kind, login: held.login, token: viewOf(held) } as const;
      return recorder.send(sender.client, member, request, {
        ...routes[kind],
        headers: { ...from(sender), ...bearer(held) },
      });
    },

    changePassword(sender, member, held, old, next) {
      return recorder.send(
        sender.client,
        member,
        { kind: "password", login: held.login, token: viewOf(held), old: old.name, next: next.name },
        {
          method: "POST",
          path: "/password",
          headers: { ...from(sender), ...bearer(held) },
          body: { password: old.text, new_password: next.text },
        },
      );
    },
  };
}
