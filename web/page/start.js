// Fetches the program with a bar that moves, starts it, and says what to do where that fails.
import init, { hindsight_panic, hindsight_start, hindsight_state } from "./hindsight.js";

const element = (id) => document.getElementById(id);
const [canvas, cover, status, progress, remedy, again] = ["canvas", "cover", "status", "progress", "remedy", "again"].map(element);

// Tests read this.
globalThis.hindsight_state = () => JSON.parse(hindsight_state());

class Trouble extends Error {
  constructor(message, remedy) {
    super(message);
    this.remedy = remedy;
  }
}

function fail(error) {
  const known = error instanceof Trouble;
  status.textContent = known ? error.message : "Something went wrong";
  remedy.textContent = known ? error.remedy : `${error?.message ?? error}`;
  remedy.hidden = false;
  again.hidden = false;
  progress.hidden = true;
  cover.hidden = false;
  document.documentElement.dataset.state = "failed";
}

async function fetched(url) {
  let response;
  try {
    response = await fetch(url);
  } catch {
    const offline = navigator.onLine === false;
    throw new Trouble("The program could not be fetched",
      offline ? "You are offline; once this page has been opened with a connection it works without one" : "Check the connection, then try again");
  }
  if (!response.ok) {
    throw new Trouble(`The program could not be fetched: the server says ${response.status}`,
      "Whoever put this page there should check that hindsight_bg.wasm lies beside index.html");
  }
  // The server may have compressed it, so its Content-Length would not do.
  const size = Number(progress.dataset.size) || 1;
  let read = 0;
  const counted = response.body.pipeThrough(new TransformStream({
    transform(chunk, controller) {
      read += chunk.byteLength;
      progress.value = Math.min(read / size, 1);
      controller.enqueue(chunk);
    },
  }));
  return new Response(counted, { headers: { "Content-Type": "application/wasm" } });
}

function check() {
  if (typeof WebAssembly !== "object") {
    throw new Trouble("This browser runs no WebAssembly", "Use a browser of this decade, or lift the lockdown mode for this page");
  }
  const probe = document.createElement("canvas");
  const gl = probe.getContext("webgl2") ?? probe.getContext("webgl");
  if (!gl) {
    throw new Trouble("This browser offers no WebGL, which the debugger draws with",
      "Allow hardware acceleration (or software rendering) in the settings of the browser, or use another browser");
  }
  gl.getExtension("WEBGL_lose_context")?.loseContext();
}

// A program that has died answers nothing any more: say so instead of showing a picture that stands still.
function watch() {
  const timer = setInterval(() => {
    let message;
    try {
      message = hindsight_panic();
    } catch (error) {
      message = error.message;
    }
    if (message) {
      clearInterval(timer);
      fail(new Trouble("The debugger has stopped, which is a fault of it", `${message}. What was open is still where it came from`));
    }
  }, 1000);
}

async function start() {
  check();
  await init({ module_or_path: await fetched(new URL("hindsight_bg.wasm", import.meta.url)) });
  status.textContent = "Starting";
  await hindsight_start(canvas);
  cover.hidden = true;
  canvas.focus();
  document.documentElement.dataset.state = "running";
  watch();
}

again.addEventListener("click", () => location.reload());
start().catch(fail);

// Offline from the second visit on. Not a word if that is not to be had: the page works without.
if ("serviceWorker" in navigator && location.protocol !== "file:") {
  navigator.serviceWorker.register("sw.js").catch(() => {});
}
