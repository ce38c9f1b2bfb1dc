// Shows every card and the gallery in a browser, checks them with keyboard and accessibility rules, and takes screenshots.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

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
page.setDefaultTimeout(60_000);
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
    await call("wait_for_training", { task_id: first.ref, max_wait_seconds: 45 });
  }
  const until = () => card().locator("#time").filter({ hasText: /passed.*(left|nearly done)/ }).waitFor();
  if (looks) {
    let looks = 0;
    const make = () => call("start_training", { ...given, idempotency_key: `look ${++looks}` });
    await look("training", "start_training", given, make, until);
  }
  const again = { ...given, idempotency_key: key };
  await show("start_training", again, await call("start_training", again));
  const finished = title().filter({ hasText: "Training of Anna: finished" });
  // While it is queued, no time has passed. On a busy machine the first status may be the last.
  await card().locator("#time").filter({ hasText: /passed|left|nearly done/ }).or(finished).waitFor();
  await finished.waitFor();
  assert.ok(await card().locator("#bar").isHidden());
  const word = await card().locator("#word").innerText();
  await press("Enter", "Copy");
  await card().locator("#said").filter({ hasText: "Copied." }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), word);
  const ended = await call("get_training_status", { subject: "Anna" });
  const seen = () => card().locator("#word").filter({ hasText: word }).waitFor();
  if (looks) await look("trained", "get_training_status", { subject: "Anna" }, () => ended, seen);
}

const QUOTE = "apiframe/quote";
const quoted = (name, given) => call(name, { ...given, max_credits: 0 });
const button = () => card().locator("#pay");

// A price is shown with a button that pays it, in the card of each paid tool.
async function checkPaying(looks) {
  const leave_out = [looks ? "drawn-02.jpg" : "drawn-03.jpg"];
  const { structuredContent: set } = await call("prepare_photos", { paths: [photos], ...ATTRIBUTES, leave_out });
  const training = { training_images_id: set.training_images_id };
  const [pays, paid] = [`Pay ${set.training_credits} credits`, `Paid: ${set.training_credits} credits.`];
  const until = () => title().filter({ hasText: `Train a model on ${set.photos} photos of Anna (set ` }).waitFor();
  const make = () => quoted("start_training", training);
  if (looks) await look("price", "start_training", training, make, async () => {
    await until();
    await card().locator("#pay:enabled").waitFor();
  });
  const price = await make();
  const { ticket } = price._meta[QUOTE];
  assert.ok(!JSON.stringify([price.content, price.structuredContent]).includes(ticket));
  await show("start_training", training, price);
  await until();
  const before = await page.evaluate(() => window.said.length);
  await press("Enter", pays);
  await title().filter({ hasText: /Training of Anna: (queued|processing)/ }).waitFor();
  await card().locator("#paid").filter({ hasText: paid }).waitFor();
  await page.waitForFunction((before) => window.said.length > before, before);
  const [said, context] = await page.evaluate(() => [window.said.at(-1), window.context]);
  assert.match(said, /^I agreed in the card to pay \d+ credits\. It is (queued|processing) \(ref tr-\w+, task_id \S+, training_images_id \S+\)\.$/);
  assert.match(context, /This costs \d+ credits\. .*Next: /);
  assert.ok(!`${said} ${context}`.includes(ticket));

  // The card is mounted again later: the ticket pays nothing any more, and the training is there.
  await show("start_training", training, price);
  await button().click();
  await card().locator("#paid").filter({ hasText: "Nothing was paid now" }).waitFor();

  const images = { subject: "Anna", prompt: PROMPT, number_of_images: 2, seed: looks ? 70 : 80 };
  const offered = await quoted("generate_photos", images);
  const late = structuredClone(offered);
  late._meta[QUOTE].valid_until = 0;
  await show("generate_photos", images, late);
  await button().filter({ hasText: "Show the price now" }).click();
  await card().locator("#unpaid").filter({ hasText: "A price is valid for 5 minutes and one payment." }).waitFor();
  if (looks) await look("images-price", "generate_photos", images, () => quoted("generate_photos", images), () => card().locator("#pay:enabled").waitFor());
  else await button().filter({ hasText: "Pay 2 credits" }).waitFor();
  await button().click();
  await title().filter({ hasText: "2 images of Anna" }).waitFor();

  const unknown = structuredClone(offered);
  unknown._meta[QUOTE].ticket = "x".repeat(43);
  await show("generate_photos", images, unknown);
  await button().click();
  await card().locator("#unpaid").filter({ hasText: "This server does not know that price any more" }).waitFor();
  await button().filter({ hasText: "Show the price now" }).click();
  await button().waitFor({ state: "hidden" });
  delete unknown._meta[QUOTE];
  await show("generate_photos", images, unknown);
  await title().filter({ hasText: "Not paid yet: this costs 2 credits" }).waitFor();
  assert.ok(await button().isHidden());
}

async function checkPrepared(looks) {
  const given = { paths: [photos], ...ATTRIBUTES, subject: "Ben", leave_out: [looks ? "drawn-04.jpg" : "drawn-05.jpg"] };
  const price = () => quoted("prepare_photos", given);
  const enabled = () => card().locator("#pay:enabled").waitFor();
  if (looks) await look("upload-price", "prepare_photos", given, price, enabled);
  await show("prepare_photos", given, await price());
  await press("Enter", "Pay 2 credits");
  const until = () => title().filter({ hasText: /^\d+ photos of Ben: ready$/ }).waitFor();
  await until();
  const done = await call("prepare_photos", given);
  if (looks) await look("set", "prepare_photos", given, () => done, until);
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
  const { ref } = result._meta["apiframe/result"];
  assert.equal(said, `Make another image of Anna like ${ref}: the same prompt, a new seed.`);
  const like = await call("generate_photos", { like: ref, prompt: PROMPT, seed: seed + 10 });
  assert.equal(like._meta["apiframe/result"].subject, "Anna");
  if (looks) await checkGallery(result._meta["apiframe/result"].gallery);
}

// The page next to the images is opened as a user does: from the disk.
async function checkGallery(path) {
  await call("generate_photos", { subject: "Anna", prompt: "in a library, reading", aspect_ratio: "16:9", seed: 7 });
  for (const colorScheme of ["light", "dark"]) {
    for (const [size, width] of Object.entries({ ...WIDTHS, wide: 1080 })) {
      const opened = await started.newContext({ colorScheme, viewport: { width, height: 900 } });
      const gallery = await opened.newPage();
      gallery.on("console", (line) => line.type() === "error" && faults.push(line.text()));
      gallery.on("request", (request) => request.url().startsWith("file:") || faults.push(`asked ${request.url()}`));
      await gallery.goto(pathToFileURL(path).href);
      await gallery.waitForFunction(() => document.images[0].naturalWidth > 0);
      const inner = await gallery.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(inner <= width, `the gallery is ${inner} wide in ${width}`);
      await gallery.evaluate(() => Promise.all([...document.images].map((one) => ((one.loading = "eager"), one.decode()))));
      await gallery.screenshot({ path: `${screenshots}/gallery-${colorScheme}-${size}.png` });
      await gallery.evaluate(axe.source);
      const { violations } = await gallery.evaluate(() => window.axe.run());
      assert.deepEqual(violations.map(({ id }) => id), [], `accessibility in ${colorScheme}`);
      await gallery.keyboard.press("Tab");
      await gallery.keyboard.press("Enter");
      await gallery.waitForURL(/\.png$/);
      await opened.close();
      console.log(`gallery, ${colorScheme}, ${size}`);
    }
  }
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
  await checkPaying(looks);
  await checkPrepared(looks);
  await checkImages(looks, looks ? 7 : 8);
  await checkRefusal();
  await page.evaluate(() => window.endCard());
  console.log(`${era}: every card shows, asks and ends as it should`);
}
assert.deepEqual(faults, []);
await started.close();
