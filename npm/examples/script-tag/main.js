import { eventLine, listen } from "./vap-turn/dist/index.js";

const [button, events] = ["listen", "events"].map((id) => document.getElementById(id));

button.onclick = async () => {
  button.disabled = true;
  const session = await listen({ user: "microphone" });
  session.addEventListener("turn", ({ detail }) => events.append(`${eventLine(detail)}\n`));
  session.addEventListener("statechange", () => (button.disabled = session.state !== "closed"));
};
