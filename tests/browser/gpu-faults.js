// What goes ahead of a Worker's own code, as text, so that its GPU is lost, silent or its machine slow.
/* global BroadcastChannel, GPUAdapter, GPUBuffer */

/** Before other code of a thread: a message on the channel "lose" destroys every device that it opens. */
export function losing() {
  const { prototype } = GPUAdapter;
  const request = prototype.requestDevice;
  const devices = [];
  prototype.requestDevice = async function (...given) {
    const device = await request.apply(this, given);
    devices.push(device);
    return device;
  };
  new BroadcastChannel("lose").onmessage = () => devices.forEach((device) => device.destroy());
}

/** Before other code of a Worker: every look at the clock costs the time of a slow CPU. */
export function dawdling() {
  const now = performance.now.bind(performance);
  let late = 0;
  performance.now = () => now() + (late += 100);
}

/** Before other code of a Worker: a message on the channel "lose" has the GPU never answer again. */
export function stalling() {
  const { prototype } = GPUBuffer;
  const map = prototype.mapAsync;
  let stalled = false;
  prototype.mapAsync = function (...given) {
    return stalled ? new Promise(() => undefined) : map.apply(this, given);
  };
  new BroadcastChannel("lose").onmessage = () => (stalled = true);
}
