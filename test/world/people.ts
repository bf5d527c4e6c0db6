/** The user of most tests. The password satisfies the default policy. */
export const alice = { login: "alice", password: "violet kettle harbour morning" };

export const editor = { ...alice, roles: ["editor"] };
