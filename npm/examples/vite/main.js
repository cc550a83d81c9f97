import { analyze, decodeWav, eventLine, listen } from "vap-turn";

const [file, button, state, events] = ["file", "listen", "state", "events"].map((id) => document.getElementById(id));
const show = (event) => events.append(`${eventLine(event)}\n`);

file.onchange = async () => {
  events.textContent = "";
  const bytes = new Uint8Array(await file.files[0].arrayBuffer());
  const { sampleRate: rate, channels } = await decodeWav(bytes);
  const [user, agent] = channels.map((samples) => ({ samples, rate }));
  const call = await analyze({ user, agent });
  call.events.forEach(show);
  state.textContent = "analysed";
};

button.onclick = async () => {
  const session = await listen({ user: "microphone" });
  session.addEventListener("turn", ({ detail }) => show(detail));
  state.textContent = "listening";
  button.textContent = "Stop";
  button.onclick = () => session.finish().then(() => location.reload());
};
