// What the tests of the page have in common: a server that serves web/dist from a subpath, a browser, and the page in it.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const dist = join(root, "web/dist");
const types = {
  ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".wasm": "application/wasm",
};

/** Serves the page below /some/where/; anything else is not found. */
async function serve() {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, "http://x").pathname;
    const inside = path.startsWith("/some/where/") ? path.slice("/some/where/".length) || "index.html" : undefined;
    const body = inside && await readFile(join(dist, normalize(inside))).catch(() => undefined);
    response.writeHead(body ? 200 : 404, { "Content-Type": types[extname(inside ?? "")] ?? "text/plain" });
    response.end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/some/where/`, close: () => server.close() };
}

/** Debian's chromium, or the one that HINDSIGHT_CHROMIUM names. */
export function launch() {
  const known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  const executablePath = process.env.HINDSIGHT_CHROMIUM ?? known.find(existsSync);
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"];
  return chromium.launch({ executablePath, headless: true, args });
}

/** A page that notes what goes wrong in it and which other hosts it asks. */
async function visit(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.troubles = [];
  page.strangers = [];
  page.on("pageerror", (error) => page.troubles.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") page.troubles.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(url).origin) && !/^(blob|data):/.test(request.url())) page.strangers.push(request.url());
  });
  await page.goto(url);
  await page.waitForFunction(() => document.documentElement.dataset.state !== undefined, undefined, { timeout: 60_000 });
  return page;
}

/** Starts a server and a browser for the tests of a file, and ends them after the last; returns how to open the page. */
export function pages() {
  const common = {};
  before(async () => {
    common.server = await serve();
    common.browser = await launch();
  });
  after(async () => {
    await common.browser?.close();
    common.server?.close();
  });
  common.open = async (fragment = "", options = {}) => {
    const page = await visit(common.browser, common.server.url + fragment, options);
    const [running, cover] = await page.evaluate(() => [document.documentElement.dataset.state, document.getElementById("cover").innerText]);
    assert.equal(running, "running", cover);
    return page;
  };
  return common;
}

/** What the debugger says of itself. */
export const state = (page) => page.evaluate(() => globalThis.hindsight_state());

/** Waits until the state is as wanted; the predicate runs in the page, with what else it needs as second argument. */
export async function until(page, predicate, argument, timeout = 60_000) {
  const deadline = Date.now() + timeout;
  const source = `(${predicate})(globalThis.hindsight_state(), ${JSON.stringify(argument ?? null)})`;
  for (;;) {
    if (await page.evaluate(source)) return state(page);
    if (Date.now() > deadline) {
      throw new Error(`never came true: ${predicate}\nlast state: ${JSON.stringify(await state(page))}`);
    }
    await page.waitForTimeout(50);
  }
}

/** Waits until nothing is being loaded or replayed. */
export const settled = (page, timeout) =>
  until(page, (state) => state.loading === null && state.replaying === 0, undefined, timeout);

/** Drops bytes on the page as if they were a file. `content`: a string, or {repeat, times}. */
export async function drop(page, name, content) {
  await page.evaluate(([name, content]) => {
    const parts = typeof content === "string" ? [content] : Array(content.times).fill(content.repeat);
    const transfer = new DataTransfer();
    transfer.items.add(new File(parts, name));
    const canvas = document.getElementById("canvas");
    for (const type of ["dragover", "drop"]) {
      canvas.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
    }
  }, [name, content]);
}

/** Drops a file of this machine. */
export async function dropFile(page, name, path) {
  const handle = await page.evaluateHandle(() => {
    const input = document.createElement("input");
    input.type = "file";
    return input;
  });
  await handle.setInputFiles(path);
  await page.evaluate(([input, name]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([input.files[0]], name));
    const canvas = document.getElementById("canvas");
    for (const type of ["dragover", "drop"]) {
      canvas.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
    }
  }, [handle, name]);
}
