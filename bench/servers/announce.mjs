// Reports the port of a measured server to the benchmark.
export const login = "alice";
export const password = "violet kettle harbour morning";

export function announce(server, about) {
  server.listen(0, "127.0.0.1", () => {
    process.send({ port: server.address().port, ...about });
  });
  process.on("disconnect", () => process.exit());
}
