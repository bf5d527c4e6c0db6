export default { srcDir: "server" };
