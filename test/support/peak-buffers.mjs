// Loaded before a program (NODE_OPTIONS=--import …): says at its end how many megabytes of buffers it held at most.
let most = 0;
setInterval(() => {
  most = Math.max(most, process.memoryUsage().arrayBuffers);
}, 5).unref();
process.on("exit", () => console.error(`buffers at most: ${Math.round(most / 1e6)} MB`));
