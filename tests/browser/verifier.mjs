/** The verifier in the browser against a running demo: workers, depths, stopping, and what it refuses. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible, launch, newVisitor, takePictures } from './support/browser.mjs';
import { download, listOf, verdict, verify } from './support/buyer.mjs';
import { holdShares, watchShares } from './support/evidence.mjs';
import { BASE_URL, WAIT_MS } from './support/setting.mjs';
import { newWitness } from './support/witness.mjs';
import { changeRemembered, chooseDepth, outcomesOf } from './support/verifier.mjs';

/** Sealed epochs with shares that the tests need: more than a cancelled run counts. */
const EPOCHS = 8;

let browser;

before(async () => {
	browser = await launch();
	await sealed(EPOCHS);
});

after(() => browser?.close());

/** Each test has a browser of its own, which remembers nothing. */
function visit(name, act) {
	test(name, async () => {
		const { context, page, seen, leave } = await newVisitor(browser);
		try {
			await page.goto('/verify');
			await page.getByRole('button', { name: 'Verify now' }).waitFor();
			await act(page, context);
			assert.deepEqual(seen, { foreign: [], errors: [] });
		} finally {
			await leave();
		}
	});
}

visit('several workers count at the same time', async (page, context) => {
	const workers = [];
	page.on('worker', (worker) => workers.push(worker.url()));
	const processors = await page.evaluate(() => navigator.hardwareConcurrency);
	const { held, release } = await holdShares(context, () => false);
	await page.getByRole('button', { name: 'Verify now' }).click();
	await until(() => held.length >= 2 * Math.min(2, processors));
	await takePictures(page, 'running');
	await release();
	assert.equal(await verdict(page), 'held');
	const counting = Math.min(8, processors);
	assert.equal(workers.length, 1 + counting, 'a coordinator and the counting workers');
	await page.getByText(`${counting} worker${counting === 1 ? '' : 's'} in parallel`).waitFor();
});

visit('a cancelled verification resumes where it was', async (page, context) => {
	const epochs = await withShares(page);
	const first = new Set(epochs.slice(0, 3).map(({ epoch }) => epoch));
	const counted = epochs.slice(0, 3).reduce((sum, { shares }) => sum + shares, 0);
	const { release } = await holdShares(context, (epoch) => first.has(epoch));
	await page.getByRole('button', { name: 'Verify now' }).click();
	await page.getByText(new RegExp(`^${grouped(counted)} of [\\d,]+ shares`)).waitFor();
	await page.getByRole('button', { name: 'Cancel' }).click();
	await page.getByText('Cancelled. Nothing is proven or disproven yet.').waitFor();
	const resume = page.getByRole('button', { name: 'Resume' });
	assert.ok(await resume.evaluate((element) => element === document.activeElement), 'the focus is on Resume');
	await assertAccessible(page);
	await takePictures(page, 'cancelled');

	await release();
	const { asked } = watchShares(context);
	await resume.click();
	assert.equal(await verdict(page), 'held');
	const again = [...asked].filter((epoch) => first.has(epoch));
	assert.deepEqual(again, [], 'no share that was counted is asked for again');
	assert.ok(epochs.slice(3).every(({ epoch }) => asked.has(epoch)), 'all others are');
	assert.equal(Number(await page.locator('[data-kept]').getAttribute('data-kept')), counted);

	asked.clear();
	await page.getByRole('button', { name: 'Recompute all of it now' }).click();
	await page.locator('[data-kept]').waitFor({ state: 'detached' });
	assert.equal(await verdict(page), 'held');
	assert.ok(epochs.every(({ epoch }) => asked.has(epoch)), 'everything is counted anew');
});

visit('the estimate says what the best hashes speak for', async (page) => {
	await chooseDepth(page, 'Estimate');
	assert.equal(await verify(page), 'held');
	await page.getByText('Everything that was looked at holds.').waitFor();
	const depth = page.locator('[data-depth=estimate]');
	assert.match(await depth.innerText(), /best [\d,]+ hashes alone speak for .*H, give or take .* %;\s+the log claims/s);
	await assertAccessible(page);
	await takePictures(page, 'estimate');
	await depth.getByRole('button', { name: 'Recompute every share' }).click();
	await page.locator('[data-depth=exact]').waitFor();
	assert.equal(await verdict(page), 'held');
});

visit('a sample says how sure it makes, and goes on to 99.9 %', async (page) => {
	await chooseDepth(page, 'Sampled');
	assert.equal(await verify(page), 'held');
	const confidence = page.locator('[data-confidence]');
	const reached = Number(await confidence.getAttribute('data-confidence'));
	assert.ok(reached >= 950_000 && reached < 999_000, `${reached} ppm`);
	await assertAccessible(page);
	await takePictures(page, 'sampled');
	await page.getByRole('button', { name: /^Check \d+ samples more$/ }).click();
	await page.locator('progress').or(confidence).first().waitFor();
	assert.equal(await verdict(page), 'held');
	assert.ok(Number(await confidence.getAttribute('data-confidence')) >= 999_000);
	assert.equal(await page.getByRole('button', { name: /samples more$/ }).count(), 0);
});

visit('a verifier with one changed byte is refused by its integrity', async (page, context) => {
	await context.route('**/*.wasm', async (route) => {
		const response = await route.fetch();
		const body = await response.body();
		body[body.length - 1] ^= 1;
		await route.fulfill({ response, body });
	});
	await page.getByRole('button', { name: 'Verify now' }).click();
	await page.getByText('another verifier than the one these pages were built with').waitFor();
	assert.equal(await page.locator('[data-verdict]').count(), 0);
	await takePictures(page, 'tampered-verifier');
});

test('a browser without SIMD gets the other build, with the same verdict', async () => {
	const hashes = [];
	for (const simd of [true, false]) {
		const { context, page, leave } = await newVisitor(browser);
		if (!simd) await context.addInitScript(() => void (WebAssembly.validate = () => false));
		await page.goto('/verify');
		assert.equal(await verify(page), 'held');
		assert.equal((await outcomesOf(page))['verifier.self'], 'held');
		hashes.push(JSON.parse(await download(page, 'Download the report')).checks.find(({ id }) => id === 'verifier.self').detail);
		await leave();
	}
	assert.notEqual(hashes[0], hashes[1]);
});

visit('a server that goes away interrupts the verification and proves nothing', async (page, context) => {
	const epochs = await withShares(page);
	const last = epochs.at(-1).epoch;
	const url = new RegExp(`/epoch/${last}/shares$`);
	await context.route(url, (route) => route.fulfill({ status: 503 }));
	await page.getByRole('button', { name: 'Verify now' }).click();
	await page.getByText('The verification could not be finished').waitFor();
	await page.getByText('goes on from there').waitFor();
	await context.unrouteAll({ behavior: 'wait' });
	const { asked } = watchShares(context);
	await page.getByRole('button', { name: 'Verify again' }).click();
	assert.equal(await verdict(page), 'held');
	assert.ok(asked.has(last));
	assert.ok(!asked.has(epochs[0].epoch), 'the first epoch was counted before');
});

visit('a log that was rewritten or taken back raises the alarm, with both signed heads', async (page) => {
	assert.equal(await verify(page), 'held');
	for (const [change, words] of [
		[() => ({ root: '0'.repeat(64) }), 'is no longer what it said then'],
		[({ size }) => ({ size: size + 100_000 }), 'entries were taken back']
	]) {
		const restore = await changeRemembered(page, change);
		await page.getByRole('button', { name: 'Verify again' }).click();
		await page.getByText(words).waitFor();
		assert.equal(await verdict(page), 'failed');
		assert.equal((await outcomesOf(page))['log.grew'], 'failed');
		const heads = await download(page, 'Download both signed heads');
		assert.equal(heads.match(/^\u2014 /gm).length, 2, 'two notes, each signed');
		await restore();
	}
	await assertAccessible(page);
	await takePictures(page, 'rewritten');
});

visit('one’s own rules are checked by the verifier, kept, and handed out', async (page) => {
	await page.getByText('What is trusted').click();
	await page.getByRole('button', { name: 'Set your own rules' }).click();
	const rules = page.getByRole('textbox', { name: 'Your rules' });
	const suggested = await rules.inputValue();
	await rules.fill(`${suggested}witness w1 nonsense\n`);
	await page.getByRole('button', { name: 'Trust this from now on' }).click();
	await page.getByRole('alert').getByText(/policy line \d+/).waitFor();
	await assertAccessible(page);
	await takePictures(page, 'policy');
	await rules.fill(`# my own\n${suggested}`);
	assert.equal(await download(page, 'Download'), `# my own\n${suggested}`);
	await page.getByRole('button', { name: 'Trust this from now on' }).click();
	await page.getByText('These are your own rules').waitFor();
	assert.equal(await verify(page), 'held');
	await page.reload();
	await page.getByText('What is trusted').click();
	await page.getByText('These are your own rules').waitFor();
});

visit('a quorum of witnesses is demanded, and their times are shown', async (page, context) => {
	const witness = newWitness('witness.example');
	const policy = await (await page.request.get('/log/policy')).text();
	await trust(page, policy.replace(/^quorum .*$/m, `${witness.line}\nquorum witness.example`));
	await page.getByText('must carry the signature of witness.example').waitFor();
	assert.equal(await verify(page), 'failed');
	assert.equal((await outcomesOf(page))['log.signed'], 'failed');

	const time = Math.floor(Date.now() / 1000);
	await context.route('**/log/checkpoint', async (route) => {
		const response = await route.fetch();
		await route.fulfill({ response, body: witness.cosign(await response.text(), time) });
	});
	assert.equal(await verify(page), 'held');
	const seen = await page.locator('[data-witness="witness.example"]').innerText();
	assert.ok(seen.includes(new Date(time * 1000).toISOString().slice(11, 19)), seen);
	await takePictures(page, 'witnessed');
});

/** Sets this browser's own rules. */
async function trust(page, policy) {
	await page.getByText('What is trusted').click();
	await page.getByRole('button', { name: 'Set your own rules' }).click();
	await page.getByRole('textbox', { name: 'Your rules' }).fill(policy);
	await page.getByRole('button', { name: 'Trust this from now on' }).click();
}

/** The sealed epochs that have shares, in order. */
async function withShares(page) {
	const epochs = await listOf(page, '/api/v1/epochs');
	return epochs.filter(({ shares }) => shares > 0).sort((a, b) => a.epoch - b.epoch);
}

/** Waits until the demo has sealed so many epochs. */
async function sealed(count) {
	await until(async () => {
		const status = await (await fetch(`${BASE_URL}/api/v1/status`)).json();
		return (status.epoch ?? 0) > count + 1;
	});
}

async function until(holds) {
	const end = Date.now() + WAIT_MS;
	while (!(await holds())) {
		if (Date.now() > end) assert.fail(`waited ${WAIT_MS} ms for ${holds}`);
		await new Promise((resolve) => setTimeout(resolve, 200));
	}
}

function grouped(count) {
	return new Intl.NumberFormat('en-US').format(count);
}
