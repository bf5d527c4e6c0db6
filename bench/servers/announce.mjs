// How a server under measurement says where it is; shared by all of them.
export const login = "alice";
export const password = "violet kettle harbour morning";

export function announce(server, about) {
  server.listen(0, "127.0.0.1", () => {
    process.send({ port: server.address().port, ...about });
  });
  process.on("disconnect", () => process.exit());
}
