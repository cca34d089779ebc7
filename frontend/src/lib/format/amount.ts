import { formatCount } from './number';

const SATS_PER_BTC = 100_000_000n;

/** An amount as whole satoshis: "1 sat", "12,345 sats". */
export function formatSats(sats: number | bigint): string {
	return `${formatCount(sats)} ${BigInt(sats) === 1n ? 'sat' : 'sats'}`;
}

/** An amount at a glance, and exactly: satoshis with bitcoin, from one bitcoin on the other way round. */
export function amountFacts(sats: number | bigint): { value: string; exact: string } {
	const [small, large] = [formatSats(sats), formatBtc(sats)];
	return BigInt(sats) < SATS_PER_BTC ? { value: small, exact: large } : { value: large, exact: small };
}

/** The same amount in bitcoin, always with eight decimals: "0.00012345 BTC". */
export function formatBtc(sats: number | bigint): string {
	const amount = BigInt(sats);
	const size = amount < 0n ? -amount : amount;
	const fraction = String(size % SATS_PER_BTC).padStart(8, '0');
	return `${amount < 0n ? '-' : ''}${formatCount(size / SATS_PER_BTC)}.${fraction} BTC`;
}
