// The page loads, opens rooms, survives bad files, and keeps moving while a large room is loaded.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { drop, dropFile, pages, root, state, until } from "./page.mjs";

const common = pages();
const { open } = common;

const scenario = (slug) => readFile(join(root, "fixtures", slug, "scenario.json5"), "utf8");

test("starts without a room, from a subpath, asking nobody else", async () => {
  const page = await open();
  assert.deepEqual([(await state(page)).session, page.troubles, page.strangers], [null, [], []]);
  await page.context().close();
});

test("opens a built-in room by link", async () => {
  const page = await open("#room=r3-priority-inversion");
  const { session } = await until(page, (state) => state.session);
  assert.equal(session.counts.events, 10);
  assert.equal(session.room_version, "11");
  await page.context().close();
});

test("opens a file that is dropped", async () => {
  const page = await open();
  await drop(page, "topic.json5", await scenario("topic-vs-ban"));
  const { session } = await until(page, (state) => state.session);
  assert.equal(session.name, "topic.json5");
  assert.equal(session.counts.events, 11);
  await page.context().close();
});

test("says what is wrong with a bad file, and keeps the room that is open", async () => {
  const page = await open("#room=topic-vs-ban");
  await until(page, (state) => state.session);
  const half = (await scenario("knock")).slice(0, 900);
  for (const [name, content, says] of [
    ["picture.jpg", "\xff\xd8\xff\xe0\0\x10JFIF\0\x01 and so on", /picture\.jpg/],
    ["half.json5", half, /half\.json5/],
    ["empty.ndjson", "", /empty/],
    ["huge.bin", { repeat: "x".repeat(1 << 20), times: 500 }, /500 MiB .* hindsight open/],
  ]) {
    await drop(page, name, content);
    const said = await until(page, (state, name) => state.loading === null && state.notices.find((text) => text.includes(name)), name);
    assert.match(said.notices.at(-1), says);
    assert.equal(said.session.counts.events, 11, name);
  }
  await page.context().close();
});

test("keeps painting while 100,000 events are loaded", async () => {
  const folder = await mkdtemp(join(tmpdir(), "hindsight-"));
  const file = join(folder, "r100k.ndjson");
  const program = process.env.HINDSIGHT ?? "cargo";
  const args = process.env.HINDSIGHT ? [] : ["run", "--quiet", "--release", "--"];
  execFileSync(program, [...args, "generate", "--preset", "r100k", "-o", file], { cwd: root, stdio: "ignore" });
  const page = await open();
  await page.evaluate(() => {
    globalThis.frames = [];
    let last = performance.now();
    const frame = (now) => {
      globalThis.frames.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    // Where one task ends another may begin: what takes longer than 50 ms is what keeps a tab from answering.
    globalThis.tasks = [];
    new PerformanceObserver((list) => globalThis.tasks.push(...list.getEntries().map((entry) => entry.duration)))
      .observe({ entryTypes: ["longtask"] });
  });
  const start = Date.now();
  await dropFile(page, "r100k.ndjson", file);
  await until(page, (state) => state.loading !== null);
  const { session } = await until(page, (state) => state.session && state.loading === null, undefined, 120_000);
  const took = Date.now() - start;
  assert.equal(session.counts.events, 100_000);
  const { frames, tasks } = await page.evaluate(() => ({ frames: globalThis.frames, tasks: globalThis.tasks }));
  const worst = (list) => [...list].sort((a, b) => b - a).slice(0, 5).map(Math.round);
  console.log(`loaded in ${took} ms, ${frames.length} frames; longest frames ${worst(frames)} ms, longest tasks ${worst(tasks)} ms`);
  assert.ok(frames.length > 10, `only ${frames.length} frames in ${took} ms`);
  assert.ok(Math.max(...frames) < 1000, `a frame of ${Math.max(...frames)} ms`);
  await page.context().close();
});

test("works without a network once it was open", async () => {
  const page = await open();
  await page.evaluate(() => navigator.serviceWorker.ready);
  // The worker is ready when everything is in its cache.
  const context = page.context();
  await page.close();
  await context.setOffline(true);
  const again = await context.newPage();
  await again.goto(`${common.server.url}#room=knock`);
  await again.waitForFunction(() => document.documentElement.dataset.state === "running", undefined, { timeout: 60_000 });
  await until(again, (state) => state.session);
  await context.close();
});

test("says what to do where there is no WebGL, and where the program is missing", async () => {
  const context = await common.browser.newContext();
  const page = await context.newPage();
  await page.addInitScript(() => {
    HTMLCanvasElement.prototype.getContext = () => null;
  });
  await page.goto(common.server.url);
  await page.waitForSelector("#again:not([hidden])");
  assert.match(await page.textContent("#status"), /WebGL/);
  await context.close();

  const other = await common.browser.newContext({ serviceWorkers: "block" });
  const broken = await other.newPage();
  await broken.route("**/hindsight_bg.wasm", (route) => route.fulfill({ status: 404 }));
  await broken.goto(common.server.url);
  await broken.waitForSelector("#again:not([hidden])");
  assert.match(await broken.textContent("#status"), /404/);
  await other.close();
});
