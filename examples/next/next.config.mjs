export default { serverExternalPackages: ["ampho"] };
