import { eventLine, listen } from "vap-turn";
import { Voice, converse } from "./agent.js";

const [file, button, state, events] = ["file", "start", "state", "events"].map((id) => document.getElementById(id));

button.onclick = async () => {
  const [chosen] = file.files;
  if (!chosen) {
    state.textContent = "choose what the agent says";
    return;
  }
  button.disabled = true;
  const context = new AudioContext();
  const speech = await context.decodeAudioData(await chosen.arrayBuffer());
  const voice = new Voice(context);
  voice.onchange = () => (state.textContent = voice.state);
  const session = await listen({ user: "microphone", agent: voice.said, context });
  session.addEventListener("turn", ({ detail }) => events.append(`${eventLine(detail)}\n`));
  converse(session, voice, () => voice.say(speech));
  voice.say(speech);
};
