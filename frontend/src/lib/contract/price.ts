import type { Offer } from '$lib/api/types';

const DAY_MS = 86_400_000n;
const HASHES_PER_TH = 1_000_000_000_000n;

type Rate = Pick<Offer, 'price_sats_per_ths_day' | 'term_ms'>;
type Amounts = Pick<Offer, 'min_units_hs' | 'max_units_hs' | 'step_units_hs' | 'available_hs'>;

/** What can be bought of an offer now, in H/s: from `min` to `max` in steps; `null` when it is sold out. */
export interface Range {
	min: bigint;
	max: bigint;
	step: bigint;
}

/** The price in satoshis as the server computes it: rounded up to a whole satoshi, at least one. */
export function priceSats(offer: Rate, unitsHs: bigint): bigint {
	const whole = unitsHs * BigInt(offer.price_sats_per_ths_day) * BigInt(offer.term_ms);
	const per = HASHES_PER_TH * DAY_MS;
	const price = (whole + per - 1n) / per;
	return price < 1n ? 1n : price;
}

/** The offer's limits and what is left of it, together. */
export function rangeOf(offer: Amounts): Range | null {
	const min = BigInt(offer.min_units_hs);
	const step = BigInt(offer.step_units_hs) || 1n;
	const most = smaller(BigInt(offer.max_units_hs), BigInt(offer.available_hs));
	if (most < min) return null;
	return { min, max: most - ((most - min) % step), step };
}

/** Why this many hashes per second can't be bought, or nothing. */
export function unitsError({ min, max, step }: Range, unitsHs: bigint): string | undefined {
	if (unitsHs < min) return 'Less than the smallest amount.';
	if (unitsHs > max) return 'More than can be bought now.';
	if ((unitsHs - min) % step !== 0n) return 'Not a step of this offer.';
	return undefined;
}

function smaller(a: bigint, b: bigint): bigint {
	return a < b ? a : b;
}
