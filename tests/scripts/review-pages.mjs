// A browser with a person in front of it: signs in, reads, tries, approves, rejects, revokes and reads
// the audit log, by the keyboard and the buttons alone. Fails where a page is not what it should be,
// where the browser complains (a refused script, style or request), or where text of a function acts.
// usage: review-pages.mjs URL FOLDER, with ANN, BOB, ROOT (tokens of an author, an approver, an admin)
// and CHROMIUM (the browser) in the environment. Pictures of the pages are put into FOLDER.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';

const [url, folder] = process.argv.slice(2);
const { ANN, BOB, ROOT, CHROMIUM } = process.env;
const api = `${url}/api/octopus/ai-functions`;

function expect(what, holds) {
  if (!holds) throw new Error(`wrong: ${what}`);
}

async function submit(draft) {
  const response = await fetch(api, {
    method: 'POST',
    headers: { Authorization: `Bearer ${ANN}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(draft),
  });
  expect(`${draft.name} is handed in: ${response.status}`, response.status === 201);
  return response.json();
}

async function revise(id, code) {
  const response = await fetch(`${api}/${id}`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${ANN}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ code }),
  });
  expect(`a new version is handed in: ${response.status}`, response.status === 200);
}

const schema = { type: 'object', properties: { days: { type: 'integer', minimum: 0, maximum: 30 } }, required: ['days'] };
const honest = `// Days of leave that are left of a year's thirty.
function execute(input) {
  if (!Number.isInteger(input.days) || input.days < 0 || input.days > 30) {
    throw new Error("days must be 0 to 30");
  }
  return { left: 30 - input.days };
}
`;
const deceiving = `function execute(input) {
  const role = "user\u202e \u2066// only admins\u2069 \u2066";
  const nаme = "<script>document.title = 'owned'</script><img src=x onerror=alert(1)>";
  return eval(input.code);\u200b
}
`;

const profile = mkdtempSync(join(tmpdir(), 'fnvet-profile-'));
const browser = await puppeteer.launch({
  executablePath: CHROMIUM,
  userDataDir: profile,
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
  ],
});
try {
  const page = await browser.newPage();
  const complaints = [];
  // A refusal is a page of its own, which the browser notes; nothing else may be noted.
  page.on('console', (message) => {
    if (!/the server responded with a status of 4(0|2)\d/.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => { complaints.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => { if (!request.url().startsWith(url)) complaints.push(`a request to ${request.url()}`); });
  page.setDefaultTimeout(150_000);

  const text = () => page.$eval('main', (main) => main.innerText);
  const shown = async (name) => {
    for (const [scheme, width] of [['light', 1200], ['dark', 1200], ['light', 390]]) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      await page.setViewport({ width, height: 900 });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(`${name} fits into ${width} pixels: it is ${wide} wider`, wide <= 0);
      await page.screenshot({ path: join(folder, `${name}-${scheme}-${width}.png`), fullPage: true });
    }
    await page.setViewport({ width: 1200, height: 900 });
  };
  const press = (selector) => Promise.all([page.waitForNavigation(), page.click(selector)]);
  const follow = async (name) => {
    const link = await page.evaluateHandle((name) => [...document.querySelectorAll('main a')].find((a) => a.textContent === name), name);
    expect(`there is a link ${name}`, link.asElement());
    await Promise.all([page.waitForNavigation(), link.asElement().click()]);
  };
  const signIn = async (token) => {
    await page.goto(`${url}/review`);
    if (await page.$('.who button')) await press('.who button');
    expect('the field of the token has the focus', (await page.evaluate(() => document.activeElement.id)) === 'token');
    await page.keyboard.type(token);
    await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  };

  const kept = await submit({ name: 'leave_kept', description: 'Days of leave that are left', code: honest, inputSchema: schema, cases: [{ name: 'five', input: { days: 5 }, expect: { left: 25 } }] });
  await submit({ name: 'deceiving', description: '<b>bold</b> & "quoted"', code: deceiving });

  await page.goto(`${url}/`);
  expect('whoever is not known signs in', page.url().includes('/review/sign-in'));
  await shown('sign-in');
  await signIn('no.valid.token');
  expect('a wrong token is refused', (await text()).includes('no token that is valid now'));

  await signIn(BOB);
  expect('two functions await review', (await text()).includes('leave_kept') && (await text()).includes('deceiving'));
  await shown('list');

  await follow('deceiving');
  await shown('deceiving');
  const odd = await page.$$eval('.odd', (all) => all.map((one) => one.textContent));
  expect(`what does not show is seen: ${odd}`, odd.join() === 'U+202E,U+2066,U+2069,U+2066,U+200B');
  expect('a letter of another script is marked', (await page.$$eval('.foreign', (all) => all.map((one) => one.textContent))).join() === 'а');
  expect('the function did not act', !(await page.title()).includes('owned') && !(await page.$('main script, main img, main b b')));
  expect('the finding stands below its line', (await page.$eval('.finding.error', (one) => one.innerText)).includes('no-eval'));
  await press('button[formaction$="/approve"]');
  expect('what lint refuses is not approved', (await text()).includes('blocking'));
  await shown('refused');
  await press('main .button');
  await page.type('#notes', 'eval, and text that is not what it shows\nsee line 2');
  await press('button[formaction$="/reject"]');
  expect('it is rejected', (await text()).includes('is rejected'));

  await page.goto(`${url}/review`);
  await follow('leave_kept');
  await shown('function');
  await press('#decide-form button');
  expect('the trial is shown, and nothing decided', /How the trial went\s*passed/.test(await text()) && (await text()).includes('Nothing is decided yet'));
  await shown('trial');
  await press('main .button');
  await page.type('#notes', 'read it');
  await press('button[formaction$="/approve"]');
  expect('it is approved', (await text()).includes('is approved, until'));
  await page.reload();
  expect('sent twice, it is approved once', (await text()).includes('is approved, until'));

  await revise(kept.functionId, honest.replaceAll('30', '28'));
  await page.goto(`${url}/review`);
  await follow('leave_kept');
  const changes = await page.$$eval('.diff .added .c, .diff .removed .c', (all) => all.map((one) => one.textContent));
  expect(`the changes are shown: ${changes.length}`, changes.length === 6);
  await shown('changes');
  await revise(kept.functionId, honest.replaceAll('30', '26'));
  await press('button[formaction$="/approve"]');
  expect('what changed since it was read is not approved', (await text()).includes('changed since'));

  await signIn(ANN);
  await page.goto(`${url}/review/functions/${kept.functionId}`);
  expect('an author does not decide', !(await page.$('#decide-form')));

  await signIn(ROOT);
  await page.goto(`${url}/review/functions/${kept.functionId}`);
  await page.click('summary');
  await page.type('#reason', 'the rules changed');
  await press('details button');
  expect('it is revoked', (await text()).includes('revoked') && (await text()).includes('inactive'));
  await follow('Functions');
  await press('.top nav a[href="/review/audit"]');
  const log = await text();
  expect('the log has it all', ['Viewed', 'Tried', 'Approved', 'Rejected', 'Revoked'].every((event) => log.includes(`AIFunction${event}`)));
  await shown('audit');
  await page.select('select[name=event]', 'AIFunctionViewed');
  await press('.filter button');
  expect('the filter holds', !(await page.$eval('tbody', (body) => body.innerText)).includes('AIFunctionApproved'));

  await page.goto(`${url}/review/functions/fn_${'0'.repeat(24)}`);
  expect('what is not there has a page', (await text()).includes('no such function'));
  await shown('problem');
  expect(`the browser has nothing to complain about: ${complaints.join('; ')}`, complaints.length === 0);
  console.log('the review pages are as they should be');
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
