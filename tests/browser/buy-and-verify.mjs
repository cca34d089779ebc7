/** A buyer's way through the pages against a running demo: buy, wait, verify. The tests follow one another. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { assertAccessible, launch, newVisitor, tabTo, takePictures } from './support/browser.mjs';
import { contractOf, download, listOf, register, verdict, verify } from './support/buyer.mjs';
import { confirmPayment } from './support/operator.mjs';
import { PAYOUT_ADDRESS } from './support/setting.mjs';

let browser;
let buyer;
let contract;
let receipt;

before(async () => {
	browser = await launch();
	buyer = await newVisitor(browser);
});

after(() => browser?.close());

for (const [path, landmark] of [
	['/', 'The pool right now'],
	['/offers', 'Offers'],
	['/contracts', 'My contracts'],
	['/reserves', 'Reserves'],
	['/verify', 'Verify the whole log']
]) {
	test(`the page ${path} has no serious accessibility violation`, async () => {
		await buyer.page.goto(path);
		await buyer.page.getByRole('heading', { name: landmark, exact: true }).waitFor();
		await buyer.page.getByText(/^Loading /).first().waitFor({ state: 'detached' });
		await assertAccessible(buyer.page);
		await takePictures(buyer.page, path === '/' ? 'home' : path.slice(1));
	});
}

test('a visitor registers and sees the price item by item', async () => {
	await register(buyer.page);
	await buyer.page.locator('[data-quote]').waitFor();
	await buyer.page.locator('[data-scheme]').waitFor();
	await assertAccessible(buyer.page);
	await takePictures(buyer.page, 'buy');
});

test('a price that runs out is asked for again, and a change is said', async () => {
	let asked = 0;
	await buyer.page.route('**/api/v1/quotes', async (route) => {
		const response = await route.fetch();
		const quote = await response.json();
		asked += 1;
		// The first one runs out in two seconds and says another price than the second.
		const first = { price_sats: quote.price_sats + 1, expires_ms: quote.created_ms + 2_000 };
		await route.fulfill({ response, json: asked === 1 ? { ...quote, ...first } : quote });
	});
	await buyer.page.reload();
	await buyer.page.getByText('The price has changed from').waitFor();
	assert.equal(asked, 2);
	await assertAccessible(buyer.page);
	await takePictures(buyer.page, 'price-changed');
	await buyer.page.unrouteAll({ behavior: 'wait' });
});

test('the keyboard alone reserves a contract at the price that was shown', async () => {
	const { page } = buyer;
	const shown = Number((await page.locator('[data-quote] .total dd').innerText()).split(' ')[0].replaceAll(',', ''));
	await tabTo(page, page.getByLabel('Payout address'));
	await page.keyboard.type(PAYOUT_ADDRESS);
	await tabTo(page, page.getByRole('button', { name: 'Reserve this contract' }));
	await page.keyboard.press('Enter');
	await page.getByRole('heading', { name: 'Pay to start' }).waitFor();
	contract = await contractOf(page);
	assert.deepEqual([contract.status, contract.price_sats], ['reserved', shown]);
	await assertAccessible(buyer.page);
	await takePictures(buyer.page, 'reserved');
});

test('a confirmed payment shows on the open page by itself', async () => {
	await confirmPayment(contract);
	await buyer.page.locator('[data-status=active]').waitFor();
	contract = await contractOf(buyer.page);
});

test('the receipt hashes to the public contract id with the nonce of this browser', async () => {
	receipt = JSON.parse(await download(buyer.page, 'Download the receipt'));
	const drawn = await buyer.page.evaluate((id) => localStorage.getItem(`provenhash.nonce.${id}`), contract.id);
	assert.equal(receipt.nonce, drawn);
	assert.equal(contractId(receipt), contract.contract_id);
});

test('sealed work shows on the open page by itself', async () => {
	await buyer.page.getByRole('region', { name: 'Work by epoch' }).waitFor();
	await buyer.page.getByRole('button', { name: 'Verify now' }).waitFor();
	await buyer.page.locator('[data-scheme]').waitFor();
	await assertAccessible(buyer.page);
	await takePictures(buyer.page, 'contract');
});

test('every check holds and the browser recomputes exactly what the server claims', async () => {
	assert.equal(await verify(buyer.page), 'held');
	const outcomes = await outcomesOf(buyer.page);
	assert.ok(Object.values(outcomes).every((outcome) => ['held', 'not_applicable'].includes(outcome)), JSON.stringify(outcomes));
	for (const id of ['log.signed', 'log.complete', 'job.anchored', 'share.work', 'alloc.mine', 'contract.hashes']) {
		assert.equal(outcomes[id], 'held', id);
	}
	await buyer.page.locator('[data-comparison=equal]').waitFor();
	assert.equal(await buyer.page.locator('[data-equal=false]').count(), 0);
	await assertAccessible(buyer.page);
	await takePictures(buyer.page, 'verified');
});

test('the downloaded report agrees with the API to the last hash and the last satoshi', async () => {
	const report = JSON.parse(await download(buyer.page, 'Download the report'));
	assert.equal(report.held, true);
	assert.equal(report.contract.id, contract.contract_id);
	assert.equal(report.contract.bound, true);
	assert.ok(BigInt(report.contract.work) > 0n, 'the contract got hashes');
	const epochs = await listOf(buyer.page, `/api/v1/contracts/${contract.id}/epochs`);
	const claimed = new Map(epochs.map(({ epoch, work }) => [epoch, work]));
	for (const { epoch, work } of report.contract.epochs) assert.equal(claimed.get(epoch), work, `epoch ${epoch}`);
	const credits = await listOf(buyer.page, `/api/v1/contracts/${contract.id}/credits`);
	const credited = new Map(credits.map(({ settlement, credit_sats }) => [settlement, credit_sats]));
	for (const { settlement, credit_sats } of report.contract.settlements) {
		assert.equal(credited.get(settlement), credit_sats, `settlement ${settlement}`);
	}
});

test('payouts show their stage and their transaction', async () => {
	const txid = 'ab'.repeat(32);
	const payout = { created_ms: Date.now(), sats: 123_456, block_height: 1, leaf_index: null };
	const items = [
		{ ...payout, payout: 3, state: 'planned', txid: null, block_height: null },
		{ ...payout, payout: 2, state: 'confirmed', txid },
		{ ...payout, payout: 1, state: 'logged', txid, leaf_index: 7 }
	];
	await buyer.page.route('**/api/v1/contracts/*/payouts*', (route) => route.fulfill({ json: { items, next_cursor: null } }));
	await buyer.page.reload();
	await buyer.page.locator('[data-payout=logged]', { hasText: txid }).waitFor();
	assert.match(await buyer.page.locator('[data-payout=planned]').innerText(), /Waits to be signed/);
	await assertAccessible(buyer.page);
	await takePictures(buyer.page, 'payouts');
	await buyer.page.unrouteAll({ behavior: 'wait' });
});

test('a month’s statement is there as a table for programs and for paper', async () => {
	const month = new Date().toISOString().slice(0, 7);
	const csv = buyer.page.getByRole('link', { name: /^CSV of/ }).first();
	assert.equal(await csv.getAttribute('href'), `/api/v1/account/statements/${month}`);
	for (const [path, type] of [['', 'text/csv'], ['?format=html', 'text/html']]) {
		const response = await buyer.page.request.get(`/api/v1/account/statements/${month}${path}`);
		assert.ok(response.headers()['content-type'].startsWith(type));
		assert.ok((await response.text()).includes(contract.contract_id));
	}
});

test('the keyboard alone verifies, and the focus lands on the verdict', async () => {
	await buyer.page.reload();
	const button = buyer.page.getByRole('button', { name: 'Verify now' });
	await button.waitFor();
	await tabTo(buyer.page, button);
	await buyer.page.keyboard.press('Enter');
	assert.equal(await verdict(buyer.page), 'held');
	const focused = await buyer.page.evaluate(() => document.activeElement?.textContent);
	assert.equal(focused, 'Everything holds.');
});

test('the log is remembered: it may grow, and a rewritten one fails', async () => {
	assert.equal((await outcomesOf(buyer.page))['log.grew'], 'held');
	await buyer.page.locator('[data-growth]').waitFor();
	const seen = await buyer.page.evaluate(() => {
		const key = Object.keys(localStorage).find((key) => key.startsWith('provenhash.seen.'));
		const kept = localStorage.getItem(key);
		localStorage.setItem(key, JSON.stringify({ ...JSON.parse(kept), root: '0'.repeat(64) }));
		return { key, kept };
	});
	assert.equal(await verify(buyer.page), 'failed');
	assert.equal((await outcomesOf(buyer.page))['log.grew'], 'failed');
	await buyer.page.evaluate(({ key, kept }) => localStorage.setItem(key, kept), seen);
});

test('one hash more on the seller’s page than in the evidence fails', async () => {
	await buyer.page.route('**/api/v1/contracts/*/epochs*', async (route) => {
		const response = await route.fetch();
		const list = await response.json();
		list.items.at(-1).work = String(BigInt(list.items.at(-1).work) + 1n);
		await route.fulfill({ response, json: list });
	});
	assert.equal(await verify(buyer.page), 'failed');
	assert.equal((await outcomesOf(buyer.page))['contract.hashes'], 'failed');
	await buyer.page.locator('[data-comparison=differs]').waitFor();
	await takePictures(buyer.page, 'claim-differs');
	// The page asks again by itself: an answer on its way is finished first.
	await buyer.page.unrouteAll({ behavior: 'wait' });
});

test('a stranger with the receipt verifies without an account', async () => {
	const { context, page, leave } = await newVisitor(browser);
	await page.goto('/verify');
	const buffer = Buffer.from(JSON.stringify(receipt));
	await page.getByLabel('Receipt file').setInputFiles({ name: 'receipt.json', mimeType: 'application/json', buffer });
	await page.getByRole('heading', { name: 'Verify the contract of this receipt' }).waitFor();
	assert.equal(await verify(page), 'held');
	assert.equal((await outcomesOf(page))['alloc.mine'], 'held');
	await leave();
});

test('one changed byte in a share fails with the place', async () => {
	const { context, page, leave } = await newVisitor(browser);
	await context.route('**/epoch/*/shares', async (route) => {
		const response = await route.fetch();
		const body = await response.body();
		// The nonce of the first share; an empty epoch has none.
		if (body.length > 20) body[20] ^= 1;
		await route.fulfill({ response, body });
	});
	await page.goto('/verify');
	assert.equal(await verify(page), 'failed');
	const failed = page.locator('[data-outcome=failed]').first();
	await failed.getByText('Expected', { exact: true }).first().waitFor();
	assert.match(await failed.innerText(), /epoch\/\d+\//);
	await takePictures(page, 'failed');
	await leave();
});

test('a changed log key raises an alarm and is not trusted', async () => {
	const { context, page, leave } = await newVisitor(browser);
	await page.goto('/verify');
	assert.equal(await verify(page), 'held');
	await context.route('**/log/policy', (route) => {
		const body = 'log other.example+00000000+AWZha2VrZXlmYWtla2V5ZmFrZWtleWZha2VrZXlmYWs=\nquorum none\n';
		return route.fulfill({ body, contentType: 'text/plain' });
	});
	await page.getByRole('button', { name: 'Verify again' }).click();
	await page.getByText('another key than the one you trusted').waitFor();
	assert.equal(await verdict(page), 'held');
	await takePictures(page, 'key-alarm');
	await leave();
});

test('a cancelled verification gives the button back', async () => {
	const { context, page, leave } = await newVisitor(browser);
	await page.goto('/verify');
	await page.getByRole('button', { name: 'Verify now' }).waitFor();
	// The evidence never arrives, so that there is something to cancel.
	await context.route('**/log/checkpoint', () => {});
	await page.getByRole('button', { name: 'Verify now' }).click();
	await page.getByRole('progressbar', { name: 'Verification' }).waitFor();
	await takePictures(page, 'running');
	await page.getByRole('button', { name: 'Cancel' }).click();
	await page.getByRole('button', { name: 'Verify now' }).waitFor();
	await leave();
});

test('no page asked another origin or broke its own security policy', () => {
	assert.deepEqual(buyer.seen, { foreign: [], errors: [] });
});

/** Outcome by check id. */
async function outcomesOf(page) {
	const rows = page.locator('[data-check]');
	const pairs = await rows.evaluateAll((all) => all.map(({ dataset }) => [dataset.check, dataset.outcome]));
	return Object.fromEntries(pairs);
}

/** docs/LOG: SHA-256("provenhash/contract/v1\n" ‖ uuid ‖ nonce ‖ SHA-256(details)). */
function contractId({ uuid, nonce, details }) {
	const id = createHash('sha256').update('provenhash/contract/v1\n');
	id.update(Buffer.from(uuid.replaceAll('-', ''), 'hex')).update(Buffer.from(nonce, 'hex'));
	return id.update(createHash('sha256').update(details).digest()).digest('hex');
}
