const headers = [{ key: "Content-Security-Policy", value: "frame-ancestors 'none'" }]; // no other page frames ours
export default { serverExternalPackages: ["ampho"], headers: async () => [{ source: "/:path*", headers }] };
