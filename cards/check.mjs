// Shows every card in a browser, checks it with keyboard and accessibility rules, and takes screenshots.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const { packages, browser, address, photos, screenshots } = JSON.parse(process.argv[2]);
const installed = createRequire(packages);
const { chromium } = installed("playwright-core");
const axe = installed("axe-core");

const WIDTHS = { wide: 720, narrow: 360 };
const MAX_HEIGHT = 540;
const PROMPT = "in a garden, in the evening";
const ATTRIBUTES = { gender: "female", ethnicity: "white", consent: true, subject: "Anna" };

const started = await chromium.launch({ executablePath: browser, args: ["--no-sandbox", "--disable-gpu"] });
const context = await started.newContext({ permissions: ["clipboard-read", "clipboard-write"], reducedMotion: "reduce" });
const page = await context.newPage();
const faults = [];
page.on("console", (line) => line.type() === "error" && faults.push(line.text()));
page.on("pageerror", (error) => faults.push(String(error)));
page.on("request", (request) => {
  if (!request.url().startsWith(address) && !request.url().startsWith("data:")) faults.push(`asked ${request.url()}`);
});

const card = () => page.frameLocator("iframe");
const title = () => card().locator("#title");

async function call(name, given = {}) {
  const result = await page.evaluate(([name, given]) => window.callTool(name, given), [name, given]);
  assert.ok(!result.isError, result.content[0].text);
  return result;
}

const show = (name, given, result, look = {}) =>
  page.evaluate((all) => window.show(...all), [name, given, result, { theme: "light", width: WIDTHS.wide, ...look }]);

async function settled() {
  const frame = page.frames().at(-1);
  await frame.evaluate(() => Promise.all([...document.images].filter((one) => one.src).map((one) => one.decode())));
  const heights = [];
  for (;;) {
    heights.push(await page.locator("iframe").evaluate((frame) => frame.clientHeight));
    if (heights.length > 2 && heights.at(-1) === heights.at(-3)) return heights.at(-1);
    await page.waitForTimeout(60);
  }
}

async function checkRules(theme) {
  const frame = page.frames().at(-1);
  await frame.evaluate(axe.source);
  // The ground is the host's; the rules on contrast need to know it.
  const ground = { light: "#ffffff", dark: "#0d1117" }[theme];
  const broken = await frame.evaluate(async (colour) => {
    document.documentElement.style.background = colour;
    const { violations } = await window.axe.run();
    document.documentElement.style.background = "";
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
  }, ground);
  assert.deepEqual(broken, [], `accessibility in ${theme}`);
}

// Every look of a card: a screenshot, the height, and the accessibility rules. `make` returns the result to show.
async function look(kind, name, given, make, until) {
  for (const theme of ["light", "dark"]) {
    for (const [size, width] of Object.entries(WIDTHS)) {
      await show(name, given, await make(), { theme, width });
      await until();
      const height = await settled();
      assert.ok(height <= MAX_HEIGHT, `${kind} is ${height} pixels high`);
      const inner = await page.frames().at(-1).evaluate(() => document.documentElement.scrollWidth);
      assert.ok(inner <= width, `${kind} is ${inner} wide in ${width}`);
      await page.locator("iframe").screenshot({ path: `${screenshots}/${kind}-${theme}-${size}.png` });
      await checkRules(theme);
      console.log(`${kind}, ${theme}, ${size}: ${height} pixels high`);
    }
  }
}

async function press(keys, focused) {
  for (let tries = 0; tries < 12; tries++) {
    await page.keyboard.press("Tab");
    // The focus enters another process, which takes a moment.
    for (let looks = 0; looks < 10; looks++) {
      const at = await page.frames().at(-1).evaluate(() => document.activeElement?.textContent);
      if (at === focused) return page.keyboard.press(keys);
      await page.waitForTimeout(50);
    }
  }
  assert.fail(`the keyboard does not reach ${focused}`);
}

async function checkPhotos(looks) {
  const given = { paths: [photos] };
  const result = await call("check_photos", given);
  assert.equal(result.structuredContent, undefined);
  const until = () => title().filter({ hasText: /good, .* rejected of \d+ photos/ }).waitFor();
  if (looks) await look("photos", "check_photos", given, () => result, until);
  await show("check_photos", given, result);
  await until();
  await press("Enter", "1 more with a remark");
  await card().locator("#rest li").waitFor();
  assert.match(await card().locator("#remarks").innerText(), /rejected, /);
  assert.match(await card().locator("#sheet").getAttribute("alt"), /Contact sheet of \d+ photos/);
}

// A path of the chat's host cannot be read: the card takes the photos instead.
async function checkDropZone(looks) {
  const given = { paths: ["/mnt/user-data/uploads/anna.jpg"] };
  const result = await page.evaluate((given) => window.callTool("check_photos", given), given);
  assert.ok(result.isError);
  const until = () => card().locator("#zone").waitFor();
  if (looks) await look("drop", "check_photos", given, () => result, until);
  await show("check_photos", given, result);
  await until();
  const files = readdirSync(photos).slice(0, 15).map((name) => join(photos, name));
  const before = await page.evaluate(() => window.said.length);
  await card().locator("#files").setInputFiles(files);
  await page.waitForFunction((before) => window.said.length > before, before);
  const said = await page.evaluate(() => window.said.at(-1));
  const folder = said.match(/I added 15 photos for a training\. Check them: (.+)/)?.[1];
  assert.ok(folder, said);
  const checked = await call("check_photos", { paths: [folder] });
  assert.equal(checked._meta["apiframe/result"].photos.length, 15);
}

async function checkTraining(looks, key) {
  const { structuredContent: prepared } = await call("prepare_photos", { paths: [photos], ...ATTRIBUTES });
  const given = { training_images_id: prepared.training_images_id };
  if (looks) {
    // The time that is left is estimated from earlier trainings.
    const { structuredContent: first } = await call("start_training", given);
    await call("wait_for_training", { task_id: first.ref, max_wait_seconds: 30 });
  }
  const until = () => card().locator("#time").filter({ hasText: /passed.*(left|nearly done)/ }).waitFor();
  if (looks) {
    let looks = 0;
    const make = () => call("start_training", { ...given, idempotency_key: `look ${++looks}` });
    await look("training", "start_training", given, make, until);
  }
  const again = { ...given, idempotency_key: key };
  await show("start_training", again, await call("start_training", again));
  // While it is queued, no time has passed.
  await card().locator("#time").filter({ hasText: /passed|left|nearly done/ }).waitFor();
  await title().filter({ hasText: "Training of Anna: finished" }).waitFor();
  assert.ok(await card().locator("#bar").isHidden());
  const word = await card().locator("#word").innerText();
  await press("Enter", "Copy");
  await card().locator("#said").filter({ hasText: "Copied." }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), word);
  const ended = await call("get_training_status", { subject: "Anna" });
  const seen = () => card().locator("#word").filter({ hasText: word }).waitFor();
  if (looks) await look("trained", "get_training_status", { subject: "Anna" }, () => ended, seen);
}

async function checkImages(looks, seed) {
  const given = { subject: "Anna", prompt: PROMPT, number_of_images: 3, seed };
  const result = await call("generate_photos", given);
  assert.equal(result.structuredContent, undefined);
  const until = () => title().filter({ hasText: "3 images of Anna" }).waitFor();
  if (looks) await look("images", "generate_photos", given, () => result, until);
  await show("generate_photos", given, result, { ink: "rgb(1, 2, 3)" });
  await until();
  const colour = await title().evaluate((element) => getComputedStyle(element).color);
  assert.equal(colour, "rgb(1, 2, 3)", "the host's colours");
  const loaded = await card().locator("#images img").evaluateAll((all) => all.map((image) => image.naturalWidth > 0));
  assert.deepEqual(loaded, [true, true, true]);
  await press("Enter", "Another one like this");
  await card().locator("#said").filter({ hasText: "Asked in the chat." }).waitFor();
  const said = await page.evaluate(() => window.said.at(-1));
  assert.match(said, /Make another image of Anna like this one, with a new seed\..*in a garden/);
}

async function checkRefusal() {
  const given = { task_id: "never-seen" };
  const result = await page.evaluate((given) => window.callTool("get_training_status", given), given);
  assert.ok(result.isError);
  await show("get_training_status", given, result);
  await title().filter({ hasText: "Neither this ledger nor the service" }).waitFor();
}

for (const [era, mode] of [["2026-07-28", "auto"], ["2025-11-25", "legacy"]]) {
  const looks = mode === "auto";
  await page.goto(address);
  await page.waitForFunction(() => window.isReady);
  assert.deepEqual(await page.evaluate((mode) => window.connectAs(mode), mode), {}, `cards are declared in ${era}`);
  await checkPhotos(looks);
  await checkDropZone(looks);
  await checkTraining(looks, era);
  await checkImages(looks, looks ? 7 : 8);
  await checkRefusal();
  await page.evaluate(() => window.endCard());
  console.log(`${era}: every card shows, asks and ends as it should`);
}
assert.deepEqual(faults, []);
await started.close();
