import type { Offer } from '$lib/api/types';

const DAY_MS = 86_400_000n;
const HASHES_PER_TH = 1_000_000_000_000n;
const HASHES_PER_PH = 1_000_000_000_000_000n;
const MILLION = 1_000_000n;

type Priced = Pick<Offer, 'price_sats_per_ths_day' | 'hashprice_ppm' | 'hashprice'>;
type Amounts = Pick<Offer, 'min_units_hs' | 'max_units_hs' | 'step_units_hs' | 'available_hs'>;

/** What can be bought of an offer now, in H/s: from `min` to `max` in steps; `null` when it is sold out. */
export interface Range {
	min: bigint;
	max: bigint;
	step: bigint;
}

/** What a day of hashrate costs: `sats` for `perHs` hashes per second. */
export interface Rate {
	sats: bigint;
	perHs: bigint;
}

/** An offer's rate now; `null` while the hashprice that it follows is not in the log. */
export function rateOf(offer: Priced): Rate | null {
	if (offer.price_sats_per_ths_day != null) return { sats: BigInt(offer.price_sats_per_ths_day), perHs: HASHES_PER_TH };
	if (offer.hashprice_ppm == null || !offer.hashprice) return null;
	return hashpriceRate(offer.hashprice.sats_per_phs_day, offer.hashprice_ppm);
}

/** So many millionths of a hashprice. */
export function hashpriceRate(satsPerPhsDay: string, ppm: number): Rate {
	return { sats: BigInt(satsPerPhsDay) * BigInt(ppm), perHs: HASHES_PER_PH * MILLION };
}

/** The price in satoshis as the server computes it: rounded up to a whole satoshi, at least one. */
export function priceSats(rate: Rate, termMs: number, unitsHs: bigint): bigint {
	const whole = unitsHs * rate.sats * BigInt(termMs);
	const per = rate.perHs * DAY_MS;
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
