// What people do with the debugger, in the page: with the keyboard alone, by links, and with files of others.
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { drop, pages, root, settled, state, until } from "./page.mjs";

const common = pages();

/** The page, with the keyboard in it and leave to use the clipboard. */
async function open(fragment) {
  const page = await common.open(fragment, { permissions: ["clipboard-read", "clipboard-write"] });
  await page.focus("#canvas");
  return page;
}

/** Presses a key and lets a frame pass. */
async function press(page, ...keys) {
  for (const key of keys) {
    await page.keyboard.press(key);
    await page.waitForTimeout(120);
  }
}

/** A picture, if somebody wants to look: HINDSIGHT_PICTURES names the folder. */
async function picture(page, name) {
  if (process.env.HINDSIGHT_PICTURES === undefined) return;
  await mkdir(process.env.HINDSIGHT_PICTURES, { recursive: true });
  await page.waitForTimeout(400);
  await page.screenshot({ path: join(process.env.HINDSIGHT_PICTURES, `${name}.png`) });
}

const copied = (page) => page.evaluate(() => navigator.clipboard.readText());

test("with the keyboard alone: from a tutorial to who denied whom, to a comparison, to a link and back", async () => {
  const page = await open();
  await press(page, "Control+k");
  await page.keyboard.type("kick that came");
  await picture(page, "palette");
  await press(page, "Enter");
  await until(page, (state) => state.session?.counts.events === 10);
  await picture(page, "start");
  await press(page, "c");
  const { session: merge } = await until(page, (state) => state.session.cursor.row === 9);
  assert.equal(merge.counts.conflicted, 1);
  await press(page, "Enter");
  await until(page, (state) => state.session.cursor.step === 0);
  // On to the check that denies.
  for (let step = 0; step < merge.cursor.steps; step += 1) {
    const { session } = await state(page);
    if (session.cursor.step_name === "PowerPop" && session.cursor.step === 6) await picture(page, "power-pop");
    if (session.roles.denied !== undefined) break;
    await press(page, ".");
  }
  const { session: denial } = await state(page);
  assert.equal(denial.cursor.step_name, "AuthCheck");
  assert.match(denial.cursor.sentence, /the sender lacks the power to kick the target/);
  assert.equal(denial.roles.denied.length, 1);
  await picture(page, "auth-check-denies");
  // A step back and forth leads to the same place.
  await press(page, ",", ".");
  assert.deepEqual((await state(page)).session.cursor, denial.cursor);
  await press(page, "x");
  const compared = await until(page, (state) => state.session.compare?.ready && state.session.compare.events !== null);
  assert.equal(compared.session.compare.with, "v2.1:spec");
  assert.ok(compared.session.compare.first_different_line >= 0);
  await picture(page, "compare");
  await press(page, "t");
  await picture(page, "light");
  await press(page, "Control+Shift+L");
  await page.waitForFunction(async () => (await navigator.clipboard.readText()).includes("#"));
  const link = await copied(page);
  assert.ok(link.startsWith(common.server.url), link);
  const other = await open(link.slice(common.server.url.length));
  const same = await until(other, (state) => state.session?.compare?.ready && state.session.cursor.step !== null);
  assert.deepEqual(same.session.cursor, denial.cursor);
  assert.equal(same.session.compare.with, "v2.1:spec");
  assert.deepEqual([...page.troubles, ...page.strangers, ...other.troubles, ...other.strangers], []);
  await page.context().close();
  await other.context().close();
});

test("a link to a dropped file carries the room", async () => {
  const page = await open();
  await drop(page, "mine.json5", await readFile(join(root, "fixtures/topic-vs-ban/scenario.json5"), "utf8"));
  await until(page, (state) => state.session);
  await press(page, "c", "Enter", ".", ".", "Control+Shift+L");
  await page.waitForFunction(async () => (await navigator.clipboard.readText()).includes("#"));
  const [link, mine] = [await copied(page), await state(page)];
  const other = await open(link.slice(common.server.url.length));
  const theirs = await until(other, (state) => state.session && state.session.cursor.step !== null);
  assert.equal(theirs.session.origin, "link");
  assert.equal(theirs.session.room_id, mine.session.room_id);
  assert.deepEqual(theirs.session.cursor, mine.session.cursor);
  assert.equal(theirs.session.state.hash, mine.session.state.hash);
  await page.context().close();
  await other.context().close();
});

test("a scenario that is saved has what TARDIS needs, and opens again", async () => {
  const page = await open("#room=mainline-epochs");
  const opened = await until(page, (state) => state.session || state.notices.length > 0);
  assert.ok(opened.session, String(opened.notices));
  const saving = page.waitForEvent("download");
  await press(page, "Control+s");
  const saved = await readFile(await (await saving).path(), "utf8");
  for (const field of ["tardis_version", "room_version", "events", "calculate_event_ids"]) {
    assert.match(saved, new RegExp(`${field}"?\\s*:`), field);
  }
  await drop(page, "again.json5", saved);
  const again = await until(page, (state) => state.session.name === "again.json5");
  await settled(page);
  assert.equal(again.session.counts.events, opened.session.counts.events);
  await page.context().close();
});

test("keys go through events, back, and to where a key changed last", async () => {
  const page = await open("#room=r3-priority-inversion");
  await until(page, (state) => state.session);
  await press(page, "Home", "ArrowRight", "ArrowRight");
  assert.equal((await state(page)).session.cursor.row, 2);
  await press(page, "End");
  assert.ok((await state(page)).session.cursor.now);
  await press(page, "Alt+ArrowLeft");
  assert.equal((await state(page)).session.cursor.row, 2);
  await press(page, "/");
  await page.keyboard.type("type:m.room.member");
  const filtered = await until(page, (state) => state.session.settings.filter === "type:m.room.member");
  assert.equal(filtered.session.counts.rows, 5);
  await press(page, "Escape", "?");
  await picture(page, "keys");
  await page.context().close();
});
