/** A customer's account against a running demo: where money may go, and what is owed back. The tests follow one another. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible, launch, newVisitor, tabTo, takePictures } from './support/browser.mjs';
import { contractOf, register, toFirstOffer } from './support/buyer.mjs';
import { confirmPayment } from './support/operator.mjs';
import { PAYOUT_ADDRESS } from './support/setting.mjs';

/** BIP 173's and BIP 350's examples for regtest, and the first one's for the main network. */
const SECOND = 'bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry';
const ELSEWHERE = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4';
const DAY_MS = 86_400_000;
const TOO_MUCH = 70;

let browser;
let customer;
let page;
let password;
let contract;
let otherTab;

before(async () => {
	browser = await launch();
	customer = await newVisitor(browser);
	page = customer.page;
	password = await register(page);
});

after(() => browser?.close());

test('a new account is told why it has a list, and that its first address needs no wait', async () => {
	await page.getByRole('link', { name: /^Account/ }).click();
	await page.getByText('No address yet').waitFor();
	await page.getByText('It can be used at once.').waitFor();
	await page.getByText('Nothing. If you ever pay more').waitFor();
	await assertAccessible(page);
	await takePictures(page, 'account-empty');
});

test('a refusal stands at its field, and the password leaves the form each time', async () => {
	for (const [address, typed, field, text] of [
		[PAYOUT_ADDRESS, 'not this password', 'Your password, again', 'This is not the password'],
		[`${PAYOUT_ADDRESS.slice(0, -1)}q`, password, 'Bitcoin address', 'Must be a Bitcoin address'],
		[ELSEWHERE, password, 'Bitcoin address', 'Must be an address of the network regtest']
	]) {
		await fillIn(address, '', typed);
		await page.keyboard.press('Enter');
		const wrong = page.getByLabel(field);
		await page.getByText(text).waitFor();
		assert.equal(await wrong.getAttribute('aria-invalid'), 'true', address);
		assert.ok(await wrong.evaluate((input) => input === document.activeElement), `${address}: the focus is at the field`);
		assert.match(await descriptionOf(wrong), new RegExp(text));
		assert.equal(await page.getByLabel('Your password, again').inputValue(), '');
	}
	await assertAccessible(page);
	await takePictures(page, 'account-refused');
});

test('the keyboard alone adds the first address, which can be used at once', async () => {
	await page.reload();
	await tabTo(page, page.getByLabel('Bitcoin address'));
	await page.keyboard.type(PAYOUT_ADDRESS);
	await tabTo(page, page.getByLabel('Your password, again'));
	await page.keyboard.type(password);
	await tabTo(page, page.getByRole('button', { name: 'Add this address' }));
	await page.keyboard.press('Enter');
	await item(PAYOUT_ADDRESS).getByText('Can be used').waitFor();
	const told = await page.evaluate(() => document.activeElement?.textContent);
	assert.match(told, /is on your list\. It can be used at once\./);
	assert.equal(await page.getByLabel('Your password, again').inputValue(), '');
});

test('the next address is held for a day, and says so', async () => {
	await fillIn(SECOND, 'Hardware wallet', password);
	await page.keyboard.press('Enter');
	await item(SECOND).getByText('On hold for 1 day').waitFor();
	await item(SECOND).getByRole('strong').getByText('Hardware wallet').waitFor();
	await fillIn(SECOND, '', password);
	await page.keyboard.press('Enter');
	await page.getByText('The address is on your list already.').waitFor();
	await page.reload();
	await item(SECOND).waitFor();
	await assertAccessible(page);
	await takePictures(page, 'account');
});

test('a purchase offers what can be used, and says what is held', async () => {
	await toFirstOffer(page);
	const choice = page.getByRole('group', { name: 'Payout address' });
	await choice.locator(`[data-option=${SECOND}]`).getByText('On hold for').waitFor();
	assert.ok(await choice.getByRole('radio', { name: 'Hardware wallet' }).isDisabled());
	assert.ok(await choice.getByRole('radio', { name: PAYOUT_ADDRESS }).isChecked(), 'the only usable one is chosen');
	await page.locator('[data-quote]').waitFor();
	await assertAccessible(page);
	await takePictures(page, 'buy-from-list');
	await page.getByRole('button', { name: 'Reserve this contract' }).click();
	await page.getByRole('heading', { name: 'Pay to start' }).waitFor();
	contract = await contractOf(page);
	assert.equal(contract.payout_address, PAYOUT_ADDRESS);
});

test('a hold that ends by the server’s clock frees the address on the open page', async () => {
	const ahead = DAY_MS - 5_000;
	await page.route('**/api/v1/account/addresses', async (route) => {
		const response = await route.fetch();
		const list = await response.json();
		const newest = list.listed.at(-1);
		await route.fulfill({ response, json: { ...list, now_ms: newest.added_ms + ahead } });
	});
	await toFirstOffer(page);
	const held = page.getByRole('radio', { name: 'Hardware wallet' });
	await held.waitFor();
	assert.ok(await held.isDisabled());
	await page.locator(`[data-option=${SECOND}]`).getByText('On hold').waitFor({ state: 'detached' });
	assert.ok(await held.isEnabled());
	await page.unrouteAll({ behavior: 'wait' });
});

test('an overpayment is owed back to the address that the customer chooses', async () => {
	await confirmPayment(contract, contract.price_sats + TOO_MUCH);
	await page.goto('/account');
	await page.getByText(`${TOO_MUCH} sats`).first().waitFor();
	await page.getByText('No address is chosen yet').waitFor();
	await assertAccessible(page);
	await page.getByRole('button', { name: 'Use this address' }).click();
	await page.locator(`[data-refund-address=${PAYOUT_ADDRESS}]`).waitFor();
	const refunds = await (await page.request.get('/api/v1/account/refunds')).json();
	assert.deepEqual([refunds.owed_sats, refunds.address], [TOO_MUCH, PAYOUT_ADDRESS]);
	await takePictures(page, 'account-refund');
});

test('refunds show how far they have come, and what is on its way is not sent elsewhere', async () => {
	const refund = { account_id: contract.id, address: PAYOUT_ADDRESS, output: `${'ab'.repeat(32)}:0`, recorded_ms: Date.now(), height: null };
	const refunds = ['wrong', 'booked', 'recorded'].map((state, at) => ({ ...refund, id: state, state, refund_sats: 10 + at }));
	const answer = { owed_sats: 12, on_its_way_sats: 12, address: PAYOUT_ADDRESS, refunds };
	await page.route('**/api/v1/account/refunds', (route) => route.fulfill({ json: answer }));
	await page.reload();
	const shown = page.locator('[data-refund]');
	await shown.first().waitFor();
	const lines = await shown.evaluateAll((all) => all.map((line) => [line.dataset.refund, line.textContent]));
	assert.deepEqual(lines.map(([state]) => state), ['recorded', 'booked', 'wrong'], 'newest first');
	assert.match(lines[0][1], /12 sats.*Sent, waits for a block/);
	assert.match(lines[2][1], /does not count/);
	assert.equal(await page.getByRole('form', { name: 'Where refunds go' }).count(), 0);
	await assertAccessible(page);
	await takePictures(page, 'account-refunds');
	await page.unrouteAll({ behavior: 'wait' });
	await page.reload();
	await page.getByRole('form', { name: 'Where refunds go' }).waitFor();
});

test('the keyboard alone removes an address, after it was told what that changes', async () => {
	otherTab = await customer.context.newPage();
	await toFirstOffer(otherTab);
	await otherTab.getByRole('radio', { name: PAYOUT_ADDRESS, checked: true }).waitFor();
	await otherTab.locator('[data-quote]').waitFor();
	await page.bringToFront();
	const remove = item(PAYOUT_ADDRESS).getByRole('button', { name: /^Remove/ });
	await tabTo(page, remove);
	await page.keyboard.press('Enter');
	const dialog = page.getByRole('dialog', { name: 'Remove this address?' });
	await dialog.getByText('One contract pays to it and goes on to do so').waitFor();
	await dialog.getByText('What you are owed back was to go there').waitFor();
	const keep = dialog.getByRole('button', { name: 'Keep it' });
	assert.ok(await keep.evaluate((button) => button === document.activeElement), 'Enter alone removes nothing');
	await assertAccessible(page);
	await takePictures(page, 'account-remove');
	await page.keyboard.press('Escape');
	await dialog.waitFor({ state: 'detached' });
	assert.ok(await remove.evaluate((button) => button === document.activeElement), 'the focus is back');
	await page.keyboard.press('Enter');
	await tabTo(page, dialog.getByRole('button', { name: 'Remove it' }));
	await page.keyboard.press('Enter');
	await item(PAYOUT_ADDRESS).waitFor({ state: 'detached' });
	await page.getByText('Removed (1)').waitFor();
	await page.getByText('No address is chosen yet').waitFor();
	assert.match(await page.evaluate(() => document.activeElement?.textContent), /is off your list\./);
});

test('an address that was removed in another tab is refused where it was chosen', async () => {
	await otherTab.getByRole('button', { name: 'Reserve this contract' }).click();
	const choice = otherTab.getByRole('group', { name: 'Payout address' });
	await choice.getByText('This address is not on your list.').waitFor();
	await choice.getByRole('radio', { name: PAYOUT_ADDRESS }).waitFor({ state: 'detached' });
	await assertAccessible(otherTab);
	await otherTab.close();
});

test('with nothing but held addresses there is nothing to reserve, and the page says why', async () => {
	await toFirstOffer(page);
	await page.getByText('None of your addresses can be used yet').waitFor();
	await page.locator('[data-quote]').waitFor();
	assert.ok(await page.getByRole('button', { name: 'Reserve this contract' }).isDisabled());
	await assertAccessible(page);
	await takePictures(page, 'buy-held');
});

test('a suspension and an early end are said in the list and on the contract’s page', async () => {
	let life;
	await page.route(/\/api\/v1\/contracts(\/[0-9a-f-]+)?(\?.*)?$/, async (route) => {
		const response = await route.fetch();
		const answer = await response.json();
		const json = answer.items ? { ...answer, items: answer.items.map((one) => ({ ...one, ...life })) } : { ...answer, ...life };
		await route.fulfill({ response, json });
	});
	const closed = { state: 'closed', since_ms: Date.now(), reason: 'the site is shut down', paid_back: null };
	const paid_back = { unused_time_sats: 1_200, missing_work_sats: 30 };
	for (const [name, status, state, text] of [
		['suspended', 'active', { ...closed, state: 'suspended', reason: 'it does not pay' }, 'Running the machines costs more'],
		['closed', 'fulfilled', closed, 'What you paid for the time that is left is paid back'],
		['paid-back', 'fulfilled', { ...closed, paid_back }, '1,200 sats for unused time and 30 sats for missing work']
	]) {
		life = { status, life: state };
		await page.goto('/contracts');
		await page.locator(`[data-life=${state.state}]`).waitFor();
		await page.goto(`/contracts/${contract.id}`);
		const note = page.locator(`[data-life-note=${state.state}]`);
		await note.getByText(text).waitFor();
		await note.getByText(state.reason).waitFor();
		await assertAccessible(page);
		await takePictures(page, `contract-${name}`);
	}
	await page.unrouteAll({ behavior: 'wait' });
});

test('who is signed out is asked to sign in, and nothing of the account stays', async () => {
	await page.goto('/account');
	await item(SECOND).waitFor();
	await page.getByRole('main').getByRole('button', { name: 'Sign out' }).click();
	await page.getByRole('form', { name: 'Sign in' }).waitFor();
	assert.ok(!(await page.content()).includes(SECOND));
	await assertAccessible(page);
});

test('no page asked another origin or broke its own security policy', () => {
	assert.deepEqual(customer.seen, { foreign: [], errors: [] });
});

/** The entry of an address in the list. */
function item(address) {
	return page.locator(`[data-address=${address}]`);
}

/** Leaves the focus in the last field. */
async function fillIn(address, label, typed) {
	await page.getByLabel('Bitcoin address').fill(address);
	await page.getByLabel('Label (optional)').fill(label);
	await page.getByLabel('Your password, again').fill(typed);
	await page.getByLabel('Your password, again').focus();
}

/** What assistive technology reads after the name of a field. */
function descriptionOf(field) {
	return field.evaluate((input) => {
		const ids = input.getAttribute('aria-describedby')?.split(' ') ?? [];
		return ids.map((id) => document.getElementById(id)?.textContent).join(' ');
	});
}
