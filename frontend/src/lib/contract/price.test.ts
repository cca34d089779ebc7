import { expect, it } from 'vitest';
import { priceSats, rangeOf, rateOf, unitsError } from './price';

const DAY = 86_400_000;

it.each([
	['one TH/s for a day', 1_000_000_000_000n, 50, DAY, 50n],
	['a part of a satoshi rounds up', 1_000_000_000_001n, 50, DAY, 51n],
	['the smallest price is one satoshi', 1n, 0, DAY, 1n],
	['beyond what a float holds', 10n ** 24n, 9_007_199_254_740_991, DAY, 9_007_199_254_740_991_000_000_000_000n]
])('price: %s', (_, units, perThsDay, term, price) =>
	expect(priceSats({ sats: BigInt(perThsDay), perHs: 1_000_000_000_000n }, term, units)).toBe(price)
);

const indexed = {
	price_sats_per_ths_day: null,
	hashprice_ppm: 1_050_000,
	hashprice: { sats_per_phs_day: '45678', log_index: 7, height: 1, block_hash: '', at_ms: 0 }
};

it('a price that follows the hashprice is its part, rounded up as the server does', () =>
	expect(priceSats(rateOf(indexed)!, 30 * DAY, 100_000_000_000_000n)).toBe(143_886n));

it('without a recent hashprice there is no price', () => expect(rateOf({ ...indexed, hashprice: null })).toBeNull());

const amounts = { min_units_hs: '150', max_units_hs: '1000', step_units_hs: '100', available_hs: '5000' };
const range = { min: 150n, max: 950n, step: 100n };

it('what can be bought is the minimum and steps above it', () => expect(rangeOf(amounts)).toEqual(range));

it('no more can be bought than is left', () =>
	expect(rangeOf({ ...amounts, available_hs: '400' })).toEqual({ ...range, max: 350n }));

it('with less left than the minimum an offer is sold out', () =>
	expect(rangeOf({ ...amounts, available_hs: '149' })).toBeNull());

it.each([
	[149n, 'Less'],
	[1050n, 'More'],
	[200n, 'Not a step']
])('%s H/s is refused: %s', (units, reason) => expect(unitsError(range, units)).toContain(reason));

it('the limits themselves can be bought', () =>
	expect([unitsError(range, 150n), unitsError(range, 950n)]).toEqual([undefined, undefined]));
