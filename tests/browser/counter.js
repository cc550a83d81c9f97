// A clock for audio threads: counts as fast as it can in the shared memory that it is sent.
addEventListener("message", ({ data: counter }) => {
  for (;;) Atomics.add(counter, 0, 1);
});
