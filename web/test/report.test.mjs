// The report of `hindsight export --as html`: opens without trouble, asks nobody, reads well without scripts, prints what is folded.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { launch, root } from "./page.mjs";

let browser;
let url;

before(async () => {
  const file = join(await mkdtemp(join(tmpdir(), "hindsight-")), "report.html");
  const program = process.env.HINDSIGHT ?? "cargo";
  const args = process.env.HINDSIGHT ? [] : ["run", "--quiet", "--"];
  execFileSync(program, [...args, "export", "--as", "html", "fixtures/r3-priority-inversion", "-o", file], { cwd: root, stdio: "ignore" });
  url = pathToFileURL(file).href;
  browser = await launch();
});
after(() => browser?.close());

/** The report in a window of its own, with what goes wrong in it and what it asks for. */
async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, ...options });
  const page = await context.newPage();
  page.troubles = [];
  page.requests = [];
  page.on("pageerror", (error) => page.troubles.push(String(error)));
  page.on("console", (message) => page.troubles.push(message.text()));
  page.on("request", (request) => page.requests.push(request.url()));
  await page.goto(url);
  return page;
}

test("opens without scripts and without asking for anything", async () => {
  for (const javaScriptEnabled of [true, false]) {
    const page = await open({ javaScriptEnabled });
    assert.deepEqual([page.troubles, page.requests], [[], [url]]);
    assert.match(await page.locator(".verdict").innerText(), /1 state reset:\s+m\.room\.member @carol went back from KICK/);
    for (const name of ["Summary", "State resets", "Graph", "The resolution", "Events"]) {
      assert.ok(await page.getByRole("heading", { name, exact: true }).isVisible(), name);
      assert.equal(await page.getByRole("region", { name, exact: true }).first().isVisible(), true, name);
    }
    await page.context().close();
  }
});

test("its style is applied, in both colour schemes", async () => {
  const background = async (colorScheme) => {
    const page = await open({ colorScheme });
    const color = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.context().close();
    return color;
  };
  assert.deepEqual([await background("light"), await background("dark")], ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]);
});

test("what is run in it by others is refused", async () => {
  const page = await open();
  const ran = await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "globalThis.ran = true";
    document.body.append(script);
    return globalThis.ran ?? false;
  });
  assert.equal(ran, false);
  await page.context().close();
});

test("events lead to their entries, whose JSON unfolds", async () => {
  const page = await open({ javaScriptEnabled: false });
  await page.getByRole("link", { name: "KICK", exact: true }).first().click();
  const entry = page.locator("article.event:target");
  await entry.waitFor();
  const json = entry.locator("pre");
  assert.equal(await json.isVisible(), false);
  await entry.locator("summary").click();
  assert.match(await json.innerText(), /"membership": "leave"/);
  // So do those of the graph.
  await page.locator("svg.graph a", { hasText: "CAROL" }).first().click();
  assert.match(await page.locator("article.event:target h3").innerText(), /^CAROL m\.room\.member @carol = join$/);
  await page.context().close();
});

test("print shows what is folded, on white", async () => {
  const page = await open({ colorScheme: "dark" });
  const isShown = () => page.locator("article.event pre").first().evaluate((json) => json.checkVisibility({ contentVisibilityAuto: true }) && json.getBoundingClientRect().height > 0);
  assert.equal(await isShown(), false);
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  assert.equal(await isShown(), true);
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(255, 255, 255)");
  const pages = (await page.pdf({ format: "A4" })).toString("latin1").match(/\/Type\s*\/Page\b/g).length;
  assert.ok(pages >= 5, `${pages} pages are too few for all that is folded`);
  await page.context().close();
});

test("narrow windows need no scrolling to the side", async () => {
  const page = await open({ viewport: { width: 360, height: 700 } });
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= window, `${wide} > ${window}`);
  await page.context().close();
});
