// Runs one source at a time into a record.
import { SessionRecord } from "./record.js";
import { openSource } from "./source.js";

export class Player {
  /** Told a record that begins, an event, a frame, the end, an error. */
  onbegin = () => undefined;
  onevent = () => undefined;
  onframe = () => undefined;
  onend = () => undefined;
  onerror = () => undefined;
  record;
  #source;

  get running() {
    return this.#source !== undefined;
  }

  get info() {
    return this.#source?.info ?? this.record?.info ?? {};
  }

  /** Starts what `options` of `openSource` name, under a title, in place of what runs. */
  async start(title, options) {
    if (this.#source) this.#close();
    const source = openSource(options);
    this.#source = source;
    const mine = (call) => (...told) => {
      if (this.#source === source) call(...told);
    };
    source.onframe = mine((frame, levels) => {
      this.record.add(frame, levels);
      this.onframe(frame);
    });
    source.onevent = mine((event) => {
      this.record.tell(event);
      this.onevent(event);
    });
    source.onend = mine(() => this.#end());
    source.onerror = mine((error) => this.#fail(error));
    this.#begin(title);
    try {
      await source.start();
    } catch (error) {
      mine((reason) => this.#fail(reason))(error);
    }
  }

  /** Whether what runs can take another policy and go on. */
  get steerable() {
    return this.#source?.setPolicy !== undefined;
  }

  /** Another policy for what runs; gives the time from which it counts, in ms, where that is known. */
  async setPolicy(policy) {
    const source = this.#source;
    try {
      return await source.setPolicy(policy);
    } catch (error) {
      if (this.#source === source) this.#fail(error);
    }
  }

  /** Stops what runs; true if something did. */
  stop() {
    if (!this.#source) return false;
    this.#close();
    this.onend();
    return true;
  }

  #begin(title) {
    this.record = new SessionRecord(title);
    this.onbegin(this.record);
  }

  #end() {
    this.#close();
    this.onend();
  }

  #fail(error) {
    this.#close();
    this.onerror(error);
  }

  #close() {
    this.record.info = { ...this.#source.info };
    this.#source.stop();
    this.#source = undefined;
  }
}
