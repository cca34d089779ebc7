import { expect, it } from 'vitest';
import { Problem } from '$lib/api/problem';
import type { Addresses } from '$lib/api/types';
import { AddressList } from './addresses.svelte';
import { addErrors, choiceError, countPaying, isUsable, nameOf, waitOf } from './addresses';

const HOUR_MS = 3_600_000;
const ADDRESS = 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080';

it('an address can be used from the very moment on at which its hold ends', () =>
	expect([999, 1_000].map((nowMs) => isUsable({ usable_ms: 1_000 }, nowMs))).toEqual([false, true]));

it.each([
	[24 * HOUR_MS, '1 day'],
	[24 * HOUR_MS - 1, '1 day'],
	[23 * HOUR_MS + 1, '23 hours 1 minute'],
	[1, '1 minute']
])('a wait of %s ms is never said to be shorter: %s', (leftMs, text) =>
	expect(waitOf({ usable_ms: 5_000 + leftMs }, 5_000)).toBe(text)
);

it('an address without a label is named by its ends', () =>
	expect([nameOf({ label: 'Cold', address: ADDRESS }), nameOf({ label: '', address: ADDRESS })]).toEqual([
		'Cold',
		'bcrt1qw5…7kygt080'
	]));

it('contracts that may still pay to an address are counted', () => {
	const to = (status: 'reserved' | 'active' | 'fulfilled' | 'cancelled', unpaid_sats: number, payout_address = ADDRESS) => ({
		status,
		unpaid_sats,
		payout_address
	});
	const over = [to('fulfilled', 0), to('cancelled', 0), to('active', 5, 'another')];
	expect(countPaying(over, ADDRESS)).toBe(0);
	expect(countPaying([...over, to('reserved', 0), to('active', 0), to('fulfilled', 7)], ADDRESS)).toBe(3);
});

it.each([
	[new Problem(401, 'wrong_credentials', ''), 'password'],
	[new Problem(409, 'address_listed', 'It is on your list.'), 'address'],
	[new Problem(409, 'too_many_addresses', 'A list has at most 50.'), 'address'],
	[new Problem(422, 'invalid_request', '', [{ field: 'address', detail: 'Must be of regtest.' }]), 'address'],
	[new Problem(422, 'invalid_request', '', [{ field: 'label', detail: 'Too long.' }]), 'label'],
	[new Problem(429, 'rate_limited', 'Wait a minute.'), 'rest'],
	[Problem.unreachable(), 'rest']
] as const)('%s is said at %s', (problem, field) => {
	const said = Object.entries(addErrors(problem)).filter(([, text]) => text);
	expect(said.map(([name]) => name)).toEqual([field]);
});

it.each([
	[new Problem(409, 'address_not_listed', 'Add it with POST.'), 'add it in your account'],
	[new Problem(409, 'address_on_hold', 'From 17 (Unix ms).'), 'can’t be used yet'],
	[new Problem(422, 'invalid_request', '', [{ field: 'payout_address', detail: 'Must be of regtest.' }]), 'Must be of regtest.']
])('%s is said to people at the choice', (problem, text) => expect(choiceError(problem, 'payout_address')).toContain(text));

it('what is not about the address is not said there', () =>
	expect(choiceError(new Problem(409, 'sold_out', 'Sold out.'), 'payout_address')).toBeUndefined());

it('a hold ends by the server’s clock, whatever this one says', async () => {
	const clock = { ms: 50 };
	const held = { address: ADDRESS, label: '', added_ms: 900, usable_ms: 1_100, removed_ms: null };
	const answer: Addresses = { now_ms: 1_000, hold_ms: 200, listed: [held], removed: [] };
	const list = new AddressList(() => Promise.resolve(answer), () => clock.ms);
	await list.load();
	expect([list.held.length, list.usable.length]).toEqual([1, 0]);
	for (const [ms, usable] of [[149, 0], [150, 1]] as const) {
		clock.ms = ms;
		list.tick();
		expect(list.usable).toHaveLength(usable);
	}
});

it('a list that can’t be asked for again stays, with the problem', async () => {
	const answers = [Promise.resolve({ now_ms: 0, hold_ms: 7, listed: [], removed: [] })];
	const list = new AddressList(() => answers.shift() ?? Promise.reject(Problem.unreachable()));
	await list.load();
	await list.load();
	expect([list.listed, list.holdMs, list.problem?.code]).toEqual([[], 7, 'unreachable']);
});
